package fs

import (
	"context"
	"errors"
	iofs "io/fs"
	"syscall"

	"github.com/hanwen/go-fuse/v2/fs"
	"github.com/hanwen/go-fuse/v2/fuse"

	"losantfs/cache"
	"losantfs/cache/outbox"
)

var (
	_ fs.NodeCreater   = (*dirNode)(nil)
	_ fs.NodeMknoder   = (*dirNode)(nil)
	_ fs.NodeMkdirer   = (*dirNode)(nil)
	_ fs.NodeLinker    = (*dirNode)(nil)
	_ fs.NodeSymlinker = (*dirNode)(nil)
	_ fs.NodeUnlinker  = (*dirNode)(nil)
	_ fs.NodeRmdirer   = (*dirNode)(nil)
	_ fs.NodeRenamer   = (*dirNode)(nil)
	_ fs.NodeFsyncer   = (*dirNode)(nil)
)

// change runs a change in d, which do is given the path of.
func (d *dirNode) change(ctx context.Context, op string, do func(ctx context.Context, dir string) error) syscall.Errno {
	if d.v.space.ReadOnly() {
		return syscall.EROFS
	}
	dir, ok := d.v.path(d.EmbeddedInode())
	if !ok {
		return syscall.ENOENT
	}
	ctx, done := patient(ctx)
	defer done()
	err := do(ctx, dir)
	d.v.fail(ctx, op, d.EmbeddedInode(), err)
	return errno(ctx, err)
}

// newAttrs are those of what the caller creates in d. The kernel has applied the
// caller's umask. A folder with the set-group-ID bit hands on its group, as inode(7)
// says.
func (d *dirNode) newAttrs(ctx context.Context, kind, mode uint32) outbox.Attrs {
	a := outbox.Attrs{Mode: kind | mode&0o7777}
	if c, ok := fuse.FromContext(ctx); ok {
		a.UID, a.GID = &c.Uid, &c.Gid
	}
	var its fuse.Attr
	now, _ := d.current()
	if d.v.perm.fill(now, &its); its.Mode&syscall.S_ISGID != 0 {
		a.GID = &its.Gid
		if kind == syscall.S_IFDIR {
			a.Mode |= syscall.S_ISGID
		}
	}
	return a
}

// Create makes a file and opens it. What has come to the name elsewhere since the
// kernel looked is opened instead, unless the caller wants a new file.
func (d *dirNode) Create(ctx context.Context, name string, flags, mode uint32, out *fuse.EntryOut) (*fs.Inode, fs.FileHandle, uint32, syscall.Errno) {
	var h *cache.Handle
	var i cache.Info
	e := d.change(ctx, "create", func(ctx context.Context, dir string) (err error) {
		h, i, err = d.v.space.Create(ctx, dir, name, d.newAttrs(ctx, syscall.S_IFREG, mode))
		if errors.Is(err, iofs.ErrExist) && flags&syscall.O_EXCL == 0 {
			h, i, err = d.openThere(ctx, dir, name, flags&syscall.O_TRUNC != 0)
		}
		return err
	})
	if e != 0 {
		return nil, nil, 0, e
	}
	n := d.child(ctx, &i.Seen, i.TTL, out)
	return n, &fileHandle{f: n.Operations().(*fileNode), h: h}, 0, 0
}

// openThere opens what is at a name for writing.
func (d *dirNode) openThere(ctx context.Context, dir, name string, truncate bool) (*cache.Handle, cache.Info, error) {
	i, err := d.v.space.Lookup(ctx, dir, name)
	if err == nil && i.Dir {
		err = syscall.EISDIR
	}
	if err != nil {
		return nil, i, err
	}
	h, err := d.v.space.Open(ctx, dir, name, i.ID, true)
	if err != nil {
		return nil, i, err
	}
	if truncate {
		if err := h.Truncate(ctx, 0); err != nil {
			h.Close()
			return nil, i, err
		}
	}
	if now, ok := d.v.space.Stat(dir, name, i.ID); ok {
		i = now
	}
	return h, i, nil
}

// Mknod makes a file without opening it; there is nothing else it could make.
func (d *dirNode) Mknod(ctx context.Context, name string, mode, _ uint32, out *fuse.EntryOut) (*fs.Inode, syscall.Errno) {
	if kind := mode & syscall.S_IFMT; kind != 0 && kind != syscall.S_IFREG {
		return nil, syscall.EPERM
	}
	var i cache.Info
	e := d.change(ctx, "mknod", func(ctx context.Context, dir string) error {
		h, made, err := d.v.space.Create(ctx, dir, name, d.newAttrs(ctx, syscall.S_IFREG, mode))
		if err != nil {
			return err
		}
		defer h.Close()
		i = made
		return h.Flush(ctx)
	})
	if e != 0 {
		return nil, e
	}
	return d.child(ctx, &i.Seen, i.TTL, out), 0
}

// Mkdir makes a directory.
func (d *dirNode) Mkdir(ctx context.Context, name string, mode uint32, out *fuse.EntryOut) (*fs.Inode, syscall.Errno) {
	var i cache.Info
	e := d.change(ctx, "mkdir", func(ctx context.Context, dir string) (err error) {
		i, err = d.v.space.Mkdir(ctx, dir, name, d.newAttrs(ctx, syscall.S_IFDIR, mode))
		return err
	})
	if e != 0 {
		return nil, e
	}
	return d.child(ctx, &i.Seen, i.TTL, out), 0
}

// Link and Symlink say in the words of link(2) and symlink(2) that the service has no
// place for links; go-fuse would answer ENOTSUP.
func (d *dirNode) Link(context.Context, fs.InodeEmbedder, string, *fuse.EntryOut) (*fs.Inode, syscall.Errno) {
	return nil, syscall.EPERM
}

func (d *dirNode) Symlink(context.Context, string, string, *fuse.EntryOut) (*fs.Inode, syscall.Errno) {
	return nil, syscall.EPERM
}

// Unlink removes a file.
func (d *dirNode) Unlink(ctx context.Context, name string) syscall.Errno {
	return d.change(ctx, "unlink", func(ctx context.Context, dir string) error { return d.v.space.Unlink(ctx, dir, name) })
}

// Rmdir removes an empty directory.
func (d *dirNode) Rmdir(ctx context.Context, name string) syscall.Errno {
	return d.change(ctx, "rmdir", func(ctx context.Context, dir string) error { return d.v.space.Rmdir(ctx, dir, name) })
}

// renameNoReplace is RENAME_NOREPLACE of renameat2(2).
const renameNoReplace = 1

// Rename moves a child, within its space.
func (d *dirNode) Rename(ctx context.Context, name string, newParent fs.InodeEmbedder, newName string, flags uint32) syscall.Errno {
	to, ok := newParent.(*dirNode)
	if !ok || to.v != d.v {
		return syscall.EXDEV
	}
	how := 0
	switch flags {
	case 0:
	case renameNoReplace:
		how = cache.NoReplace
	case fs.RENAME_EXCHANGE:
		how = cache.Exchange
	default:
		return syscall.EINVAL
	}
	return d.change(ctx, "rename", func(ctx context.Context, dir string) error {
		newDir, ok := to.v.path(to.EmbeddedInode())
		if !ok {
			return iofs.ErrNotExist
		}
		return d.v.space.Rename(ctx, dir, name, newDir, newName, how)
	})
}

// Fsync makes the changes in the directory survive a power failure.
func (d *dirNode) Fsync(ctx context.Context, _ fs.FileHandle, _ uint32) syscall.Errno {
	ctx, done := patient(ctx)
	defer done()
	err := d.v.space.Sync(ctx)
	d.v.fail(ctx, "fsync", d.EmbeddedInode(), err)
	return errno(ctx, err)
}
