package fs

import (
	"context"
	"log/slog"
	"slices"
	"strings"

	"github.com/hanwen/go-fuse/v2/fs"

	"losantfs/cache"
)

// volume is what the nodes of one space share.
type volume struct {
	space *cache.Space
	all   []*cache.Space // of the mount, for statfs
	perm  permissions
	log   *slog.Logger
	root  *fs.Inode
}

// path returns the directory path of a node of this space, and false for a node
// that is no longer part of the tree.
func (v *volume) path(n *fs.Inode) (string, bool) {
	if n == v.root {
		return "/", true
	}
	var names []string
	for n != v.root {
		name, parent := n.Parent()
		if parent == nil {
			return "", false
		}
		names = append(names, name)
		n = parent
	}
	slices.Reverse(names)
	return "/" + strings.Join(names, "/") + "/", true
}

// dirAndName returns where a node is.
func (v *volume) dirAndName(n *fs.Inode) (dir, name string, ok bool) {
	name, parent := n.Parent()
	if parent == nil {
		return "", "", false
	}
	dir, ok = v.path(parent)
	return dir, name, ok
}

// fail logs an error that is about to become an errno, unless it is an everyday
// answer.
func (v *volume) fail(ctx context.Context, op string, n *fs.Inode, err error) {
	switch errno(ctx, err) {
	case 0, enoent, eintr:
		return
	}
	v.log.Warn("failed", "op", op, "space", string(v.space.Name()), "path", n.Path(nil), "error", err)
}
