package fs

import (
	"context"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/hanwen/go-fuse/v2/fs"
	"github.com/hanwen/go-fuse/v2/fuse"

	"losantfs/remote"
)

// dirNode is a directory of a space, or its root.
type dirNode struct {
	fs.Inode
	v     *volume
	entry atomic.Pointer[remote.Entry] // nil for the root
}

var (
	_ fs.NodeLookuper       = (*dirNode)(nil)
	_ fs.NodeGetattrer      = (*dirNode)(nil)
	_ fs.NodeStatxer        = (*dirNode)(nil)
	_ fs.NodeOpendirHandler = (*dirNode)(nil)
	_ fs.NodeStatfser       = (*dirNode)(nil)
	_ fs.NodeGetxattrer     = (*dirNode)(nil)
	_ fs.NodeListxattrer    = (*dirNode)(nil)
)

// Lookup finds a child.
func (d *dirNode) Lookup(ctx context.Context, name string, out *fuse.EntryOut) (*fs.Inode, syscall.Errno) {
	dir, ok := d.v.path(d.EmbeddedInode())
	if !ok {
		return nil, syscall.ESTALE
	}
	ctx, done := patient(ctx)
	defer done()
	e, ttl, err := d.v.space.Lookup(ctx, dir, name)
	if err != nil {
		d.v.fail(ctx, "lookup", d.EmbeddedInode(), err)
		return nil, errno(ctx, err)
	}
	return d.child(ctx, e, ttl, out), 0
}

// child returns the node of an entry of d: the one the kernel knows, or a new
// one.
func (d *dirNode) child(ctx context.Context, e remote.Entry, ttl time.Duration, out *fuse.EntryOut) *fs.Inode {
	d.v.perm.fill(&e, &out.Attr)
	out.SetEntryTimeout(ttl)
	out.SetAttrTimeout(ttl)
	id := identity(d.v.space.Name(), &e)
	if known := d.GetChild(e.Name); known != nil && known.StableAttr() == id {
		switch n := known.Operations().(type) {
		case *dirNode:
			n.entry.Store(&e)
		case *fileNode:
			n.entry.Store(&e)
			n.gone.Store(false)
		}
		return known
	}
	if e.Dir {
		n := &dirNode{v: d.v}
		n.entry.Store(&e)
		return d.NewInode(ctx, n, id)
	}
	n := &fileNode{v: d.v}
	n.entry.Store(&e)
	return d.NewInode(ctx, n, id)
}

// current returns the entry as it was last seen, nil for the root.
func (d *dirNode) current() *remote.Entry {
	known := d.entry.Load()
	if known == nil {
		return nil
	}
	if dir, name, ok := d.v.dirAndName(d.EmbeddedInode()); ok {
		if e, ok := d.v.space.Known(dir, name); ok && e.ID == known.ID {
			d.entry.Store(&e)
			return &e
		}
	}
	return known
}

// Getattr answers from what is known, whatever the service does.
func (d *dirNode) Getattr(_ context.Context, _ fs.FileHandle, out *fuse.AttrOut) syscall.Errno {
	if e := d.current(); e != nil {
		d.v.perm.fill(e, &out.Attr)
	} else {
		d.v.perm.fillTimes(true, d.v.mounted, &out.Attr)
	}
	return 0
}

// Statx adds the time of creation, which Getattr has no place for.
func (d *dirNode) Statx(_ context.Context, _ fs.FileHandle, _, _ uint32, out *fuse.StatxOut) syscall.Errno {
	e := d.current()
	if e == nil {
		e = &remote.Entry{Dir: true, Created: d.v.mounted, Updated: d.v.mounted}
	}
	d.v.perm.fillStatx(e, &out.Statx, d.StableAttr().Ino)
	return 0
}

// OpendirHandle takes a listing that the handle then reads from.
func (d *dirNode) OpendirHandle(ctx context.Context, _ uint32) (fs.FileHandle, uint32, syscall.Errno) {
	h := &dirHandle{d: d}
	if e := h.load(ctx); e != 0 {
		return nil, 0, e
	}
	return h, 0, 0
}
