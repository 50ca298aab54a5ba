package fs

import (
	"context"
	"syscall"

	"github.com/hanwen/go-fuse/v2/fs"
	"github.com/hanwen/go-fuse/v2/fuse"

	"losantfs/cache"
)

// dirNode is a directory of a space, or its root.
type dirNode struct{ node }

var (
	_ fs.NodeLookuper       = (*dirNode)(nil)
	_ fs.NodeGetattrer      = (*dirNode)(nil)
	_ fs.NodeStatxer        = (*dirNode)(nil)
	_ fs.NodeOpendirHandler = (*dirNode)(nil)
	_ fs.NodeStatfser       = (*dirNode)(nil)
	_ fs.NodeGetxattrer     = (*dirNode)(nil)
	_ fs.NodeListxattrer    = (*dirNode)(nil)
	_ fs.NodeSetxattrer     = (*dirNode)(nil)
	_ fs.NodeRemovexattrer  = (*dirNode)(nil)
)

// Lookup finds a child.
func (d *dirNode) Lookup(ctx context.Context, name string, out *fuse.EntryOut) (*fs.Inode, syscall.Errno) {
	dir, ok := d.v.path(d.EmbeddedInode())
	if !ok {
		return nil, syscall.ESTALE
	}
	ctx, done := patient(ctx)
	defer done()
	i, err := d.v.space.Lookup(ctx, dir, name)
	if err != nil {
		d.v.fail(ctx, "lookup", d.EmbeddedInode(), err)
		return nil, errno(ctx, err)
	}
	return d.child(ctx, &i, out), 0
}

// child returns the node of what is seen in d: the one the kernel knows, or a new
// one.
func (d *dirNode) child(ctx context.Context, i *cache.Info, out *fuse.EntryOut) *fs.Inode {
	d.v.perm.fill(i, &out.Attr)
	out.SetEntryTimeout(i.TTL)
	out.SetAttrTimeout(i.TTL)
	id := stable(i.ID, i.Dir)
	if known := d.GetChild(i.Name); known != nil && known.StableAttr() == id {
		nodeOf(known).info.Store(i)
		if f, ok := known.Operations().(*fileNode); ok {
			f.gone.Store(false)
		}
		return known
	}
	if i.Dir {
		n := &dirNode{node{v: d.v}}
		n.info.Store(i)
		return d.NewInode(ctx, n, id)
	}
	n := &fileNode{node: node{v: d.v}}
	n.info.Store(i)
	return d.NewInode(ctx, n, id)
}

// OpendirHandle takes a listing that the handle then reads from.
func (d *dirNode) OpendirHandle(ctx context.Context, _ uint32) (fs.FileHandle, uint32, syscall.Errno) {
	h := &dirHandle{d: d}
	if e := h.load(ctx); e != 0 {
		return nil, 0, e
	}
	return h, 0, 0
}
