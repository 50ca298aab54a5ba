package fs

import (
	"context"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/hanwen/go-fuse/v2/fs"
	"github.com/hanwen/go-fuse/v2/fuse"

	"losantfs/cache"
)

// node is what files and directories have in common.
type node struct {
	fs.Inode
	v     *volume
	attrs atomic.Pointer[cache.Attrs] // as last seen
}

// isRoot reports whether the node is the root of its space.
func (n *node) isRoot() bool { return n.EmbeddedInode() == n.v.root }

// see notes the attributes that are seen now.
func (n *node) see(a *cache.Attrs) {
	if was := n.attrs.Load(); was == nil || *was != *a {
		n.attrs.Store(new(*a))
	}
}

// current returns the attributes as they are now, or were last seen, without asking the
// service, and how long they may be believed.
func (n *node) current() (*cache.Attrs, time.Duration) {
	if n.isRoot() {
		return n.attrs.Load(), rooted
	}
	dir, name, _ := n.v.dirAndName(n.EmbeddedInode())
	if now, ok := n.v.space.Stat(dir, name, idOf(n.EmbeddedInode())); ok {
		n.see(&now.Attrs)
		return &now.Attrs, now.TTL
	}
	return n.attrs.Load(), 0
}

// described returns all that is known of the node, nothing of one that has no name any
// more and is not open. It asks the service where the node's directory is not known.
func (n *node) described(ctx context.Context) *cache.Info {
	if n.isRoot() {
		return &cache.Info{}
	}
	dir, name, ok := n.v.dirAndName(n.EmbeddedInode())
	id := idOf(n.EmbeddedInode())
	i, known := n.v.space.Stat(dir, name, id)
	if !known && ok {
		ctx, done := patient(ctx)
		defer done()
		i, _ = n.v.space.Lookup(ctx, dir, name)
		known = i.ID == id
	}
	if !known {
		return &cache.Info{}
	}
	return &i
}

// Getattr answers from what is known, whatever the service does.
func (n *node) Getattr(_ context.Context, _ fs.FileHandle, out *fuse.AttrOut) syscall.Errno {
	n.fill(out)
	return 0
}

func (n *node) fill(out *fuse.AttrOut) {
	a, ttl := n.current()
	n.v.perm.fill(a, &out.Attr)
	out.Ino = n.StableAttr().Ino // the kernel believes it
	out.Nlink = n.links()
	out.SetTimeout(ttl)
}

// links is 0 for what has no name any more but is open, else 1.
func (n *node) links() uint32 {
	if _, parent := n.Parent(); parent == nil && !n.IsRoot() {
		return 0
	}
	return 1
}

// Statx adds the time of creation, which Getattr has no place for.
func (n *node) Statx(_ context.Context, _ fs.FileHandle, _, _ uint32, out *fuse.StatxOut) syscall.Errno {
	a, _ := n.current()
	n.v.perm.fillStatx(a, &out.Statx, n.StableAttr().Ino)
	out.Nlink = n.links()
	return 0
}

// Statfs answers for the whole mount.
func (n *node) Statfs(_ context.Context, out *fuse.StatfsOut) syscall.Errno {
	return statfs(n.v.all, out)
}
