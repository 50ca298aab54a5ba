package fs

import (
	"context"

	"github.com/hanwen/go-fuse/v2/fs"
	"github.com/hanwen/go-fuse/v2/fuse"
)

// The kernel reads a file on disk itself, without asking here ("passthrough"), where
// root mounts and what is opened cannot change and was checked as a whole. An inode is
// either open in passthrough or with pages that the kernel caches, never both: it refuses
// the second. go-fuse opens all handles of an inode in passthrough as long as one is, and
// PassthroughFd says no as long as one is open that is not.

var _ fs.FilePassthroughFder = (*fileHandle)(nil)

// PassthroughFd returns the file on disk that the kernel may read. go-fuse calls it for
// one handle at a time, and not while one of the inode is in passthrough.
func (h *fileHandle) PassthroughFd() (int, bool) {
	if !h.f.v.space.ReadOnly() {
		return 0, false
	}
	if h.f.cached.Load() == 0 {
		if fd, release, ok := h.h.Checked(); ok {
			h.passed = release
			return int(fd), true
		}
	}
	h.cached.Store(true)
	h.f.cached.Add(1)
	return 0, false
}

// endPassthrough is called when the handle is released, with a context that ends once
// go-fuse has done so.
func (h *fileHandle) endPassthrough(ctx context.Context) {
	if h.passed != nil {
		h.passed()
	}
	if !h.cached.Load() {
		return
	}
	// Not before: go-fuse gives back what the inode has in passthrough then, which would
	// be that of who opens it now.
	go func() {
		<-ctx.Done()
		h.f.cached.Add(-1)
	}()
}

// serve is [fs.Mount] with a context for each release that ends with it.
func serve(mountpoint string, root fs.InodeEmbedder, o *fs.Options) (*fuse.Server, error) {
	server, err := fuse.NewServer(releasing{fs.NewNodeFS(root, o)}, mountpoint, &o.MountOptions)
	if err != nil {
		return nil, err
	}
	go server.Serve()
	return server, server.WaitMount()
}

type releasing struct{ fuse.RawFileSystem }

// Release tells the handle when all of it is done.
func (r releasing) Release(_ <-chan struct{}, in *fuse.ReleaseIn) {
	done := make(chan struct{})
	defer close(done)
	r.RawFileSystem.Release(done, in)
}
