package fs

import (
	"context"
	"syscall"
	"time"

	"github.com/hanwen/go-fuse/v2/fs"
	"github.com/hanwen/go-fuse/v2/fuse"

	"losantfs/cache"
)

// rootNode is the root of a mount of both spaces: a fixed directory with one
// child for each.
type rootNode struct {
	fs.Inode
	spaces  []*cache.Space
	perm    permissions
	mounted time.Time
	dirs    []*dirNode
}

var (
	_ fs.NodeOnAdder   = (*rootNode)(nil)
	_ fs.NodeGetattrer = (*rootNode)(nil)
	_ fs.NodeStatfser  = (*rootNode)(nil)
	_ fs.NodeReaddirer = (*rootNode)(nil)
)

// OnAdd adds the roots of the spaces.
func (r *rootNode) OnAdd(ctx context.Context) {
	for i, d := range r.dirs {
		child := r.NewPersistentInode(ctx, d, fs.StableAttr{Mode: syscall.S_IFDIR, Ino: uint64(2 + i)})
		r.AddChild(string(d.v.space.Name()), child, false)
		d.v.root = child
	}
}

// Getattr returns fixed attributes.
func (r *rootNode) Getattr(_ context.Context, _ fs.FileHandle, out *fuse.AttrOut) syscall.Errno {
	r.perm.fillTimes(true, r.mounted, &out.Attr)
	return 0
}

// Readdir lists the spaces, with the dots that go-fuse leaves out.
func (r *rootNode) Readdir(context.Context) (fs.DirStream, syscall.Errno) {
	entries := []fuse.DirEntry{{Name: ".", Mode: syscall.S_IFDIR, Ino: 1}, {Name: "..", Mode: syscall.S_IFDIR, Ino: 1}}
	for _, d := range r.dirs {
		entries = append(entries, fuse.DirEntry{Name: string(d.v.space.Name()), Mode: syscall.S_IFDIR, Ino: d.StableAttr().Ino})
	}
	return fs.NewListDirStream(entries), 0
}
