package fs

import (
	"context"
	"syscall"
	"time"

	"github.com/hanwen/go-fuse/v2/fs"
	"github.com/hanwen/go-fuse/v2/fuse"

	"losantfs/cache"
)

// dirNode is a directory of a space, or its root.
type dirNode struct {
	node
	kept kept
}

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
	return d.child(ctx, &i.Seen, i.TTL, out), 0
}

// child returns the node of what is seen in d: the one the kernel knows, or a new
// one.
func (d *dirNode) child(ctx context.Context, s *cache.Seen, ttl time.Duration, out *fuse.EntryOut) *fs.Inode {
	d.v.perm.fill(&s.Attrs, &out.Attr)
	out.SetEntryTimeout(ttl)
	out.SetAttrTimeout(ttl)
	id := stable(s.ID, s.Dir)
	if known := d.GetChild(s.Name); known != nil && known.StableAttr() == id {
		nodeOf(known).see(&s.Attrs)
		if f, ok := known.Operations().(*fileNode); ok {
			f.gone.Store(false)
		}
		return known
	}
	if s.Dir {
		n := &dirNode{node: node{v: d.v}}
		n.see(&s.Attrs)
		return d.NewInode(ctx, n, id)
	}
	n := &fileNode{node: node{v: d.v}}
	n.see(&s.Attrs)
	return d.NewInode(ctx, n, id)
}

// OpendirHandle takes a listing that the handle then reads from.
func (d *dirNode) OpendirHandle(ctx context.Context, _ uint32) (fs.FileHandle, uint32, syscall.Errno) {
	h := &dirHandle{d: d}
	if e := h.load(ctx, false); e != 0 {
		return nil, 0, e
	}
	if h.keeps, h.drop = d.kept.open(h.listing.Version, h.listing.TTL); h.keeps {
		return h, fuse.FOPEN_CACHE_DIR | fuse.FOPEN_KEEP_CACHE, 0
	}
	return h, 0, 0
}
