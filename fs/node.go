package fs

import (
	"context"
	"sync/atomic"
	"syscall"

	"github.com/hanwen/go-fuse/v2/fs"
	"github.com/hanwen/go-fuse/v2/fuse"

	"losantfs/cache"
)

// node is what files and directories have in common.
type node struct {
	fs.Inode
	v    *volume
	info atomic.Pointer[cache.Info] // as last seen
}

// isRoot reports whether the node is the root of its space.
func (n *node) isRoot() bool { return n.EmbeddedInode() == n.v.root }

// current returns the node as it is now, or was last seen, without asking the
// service.
func (n *node) current() *cache.Info {
	i := *n.info.Load()
	if n.isRoot() {
		i.TTL = fixed
		return &i
	}
	dir, name, _ := n.v.dirAndName(n.EmbeddedInode())
	if now, ok := n.v.space.Stat(dir, name, idOf(n.EmbeddedInode())); ok {
		n.info.Store(&now)
		return &now
	}
	i.TTL = 0
	return &i
}

// Getattr answers from what is known, whatever the service does.
func (n *node) Getattr(_ context.Context, _ fs.FileHandle, out *fuse.AttrOut) syscall.Errno {
	n.fill(out)
	return 0
}

func (n *node) fill(out *fuse.AttrOut) {
	i := n.current()
	n.v.perm.fill(i, &out.Attr)
	out.Ino = n.StableAttr().Ino // the kernel believes it
	out.Nlink = n.links()
	out.SetTimeout(i.TTL)
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
	n.v.perm.fillStatx(n.current(), &out.Statx, n.StableAttr().Ino)
	out.Nlink = n.links()
	return 0
}

// Statfs answers for the whole mount.
func (n *node) Statfs(_ context.Context, out *fuse.StatfsOut) syscall.Errno {
	return statfs(n.v.all, out)
}
