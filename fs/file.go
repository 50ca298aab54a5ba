package fs

import (
	"context"
	"sync/atomic"
	"syscall"

	"github.com/hanwen/go-fuse/v2/fs"
	"github.com/hanwen/go-fuse/v2/fuse"

	"losantfs/remote"
)

// fileNode is one version of a file.
type fileNode struct {
	fs.Inode
	v     *volume
	entry atomic.Pointer[remote.Entry]
	// gone is set when the service was found to have another version: opening
	// the path must look it up again, which the kernel does after ESTALE.
	gone atomic.Bool
}

var (
	_ fs.NodeGetattrer   = (*fileNode)(nil)
	_ fs.NodeStatxer     = (*fileNode)(nil)
	_ fs.NodeOpener      = (*fileNode)(nil)
	_ fs.NodeStatfser    = (*fileNode)(nil)
	_ fs.NodeGetxattrer  = (*fileNode)(nil)
	_ fs.NodeListxattrer = (*fileNode)(nil)
)

// current returns the entry as it was last seen with the node's version.
func (f *fileNode) current() *remote.Entry {
	known := f.entry.Load()
	if dir, name, ok := f.v.dirAndName(f.EmbeddedInode()); ok {
		if e, ok := f.v.space.Known(dir, name); ok && e.ID == known.ID && e.Version() == known.Version() {
			f.entry.Store(&e)
			return &e
		}
	}
	return known
}

// Getattr answers from what is known, whatever the service does.
func (f *fileNode) Getattr(_ context.Context, _ fs.FileHandle, out *fuse.AttrOut) syscall.Errno {
	f.v.perm.fill(f.current(), &out.Attr)
	return 0
}

// Statx adds the time of creation, which Getattr has no place for.
func (f *fileNode) Statx(_ context.Context, _ fs.FileHandle, _, _ uint32, out *fuse.StatxOut) syscall.Errno {
	f.v.perm.fillStatx(f.current(), &out.Statx, f.StableAttr().Ino)
	return 0
}

// Open opens the version of this node. When the service holds another one by
// now, ESTALE makes the kernel look the path up once more and open that.
func (f *fileNode) Open(ctx context.Context, flags uint32) (fs.FileHandle, uint32, syscall.Errno) {
	if flags&syscall.O_ACCMODE != syscall.O_RDONLY {
		return nil, 0, syscall.EROFS
	}
	if f.gone.Load() {
		return nil, 0, syscall.ESTALE
	}
	ctx, done := patient(ctx)
	defer done()
	r, err := f.v.space.Open(ctx, *f.current())
	if err != nil {
		return nil, 0, f.fail(ctx, "open", err)
	}
	// The node is one version: what the kernel has cached of it stays true.
	return &fileHandle{f: f, r: r}, fuse.FOPEN_KEEP_CACHE, 0
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
