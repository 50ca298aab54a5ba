package fs

import (
	"context"
	"sync/atomic"
	"syscall"

	"github.com/hanwen/go-fuse/v2/fs"
	"github.com/hanwen/go-fuse/v2/fuse"

	"losantfs/remote"
)

// fileNode is one version of a file, or one that is changed here.
type fileNode struct {
	node
	// gone is set when the service was found to have another version: opening
	// the path must look it up again, which the kernel does after ESTALE.
	gone atomic.Bool
	// cached is how many handles are open whose pages the kernel caches: it refuses to
	// open what has such in passthrough.
	cached atomic.Int32
}

var (
	_ fs.NodeGetattrer     = (*fileNode)(nil)
	_ fs.NodeStatxer       = (*fileNode)(nil)
	_ fs.NodeOpener        = (*fileNode)(nil)
	_ fs.NodeStatfser      = (*fileNode)(nil)
	_ fs.NodeGetxattrer    = (*fileNode)(nil)
	_ fs.NodeListxattrer   = (*fileNode)(nil)
	_ fs.NodeSetxattrer    = (*fileNode)(nil)
	_ fs.NodeRemovexattrer = (*fileNode)(nil)
)

// Open opens the version of this node. When the service holds another one by
// now, ESTALE makes the kernel look the path up once more and open that.
func (f *fileNode) Open(ctx context.Context, flags uint32) (fs.FileHandle, uint32, syscall.Errno) {
	if f.gone.Load() {
		return nil, 0, syscall.ESTALE
	}
	ctx, done := patient(ctx)
	defer done()
	truncate := flags&syscall.O_TRUNC != 0
	h, e := f.open(ctx, truncate || flags&syscall.O_ACCMODE != syscall.O_RDONLY)
	if e != 0 {
		return nil, 0, e
	}
	if truncate {
		if err := h.h.Truncate(ctx, 0); err != nil {
			h.h.Close()
			return nil, 0, f.fail(ctx, "truncate", err)
		}
	}
	// What the kernel has cached of the node stays true: it is one version, and
	// what changes it here goes through the kernel.
	return h, fuse.FOPEN_KEEP_CACHE, 0
}

func (f *fileNode) open(ctx context.Context, write bool) (*fileHandle, syscall.Errno) {
	if write && f.v.space.ReadOnly() {
		return nil, syscall.EROFS
	}
	dir, name, _ := f.v.dirAndName(f.EmbeddedInode())
	h, err := f.v.space.Open(ctx, dir, name, idOf(f.EmbeddedInode()), write)
	if err != nil {
		return nil, f.fail(ctx, "open", err)
	}
	return &fileHandle{f: f, h: h}, 0
}

// fail turns an error about the content into an errno. Content that is not what
// the listing promised, or gone, makes the listing wrong.
func (f *fileNode) fail(ctx context.Context, op string, err error) syscall.Errno {
	f.v.fail(ctx, op, f.EmbeddedInode(), err)
	switch remote.KindOf(err) {
	case remote.Changed, remote.NotFound:
		f.gone.Store(true)
		if dir, _, ok := f.v.dirAndName(f.EmbeddedInode()); ok {
			f.v.space.Forget(dir)
		}
		return syscall.ESTALE
	}
	return errno(ctx, err)
}
