package fs

import (
	"context"
	"syscall"

	"github.com/hanwen/go-fuse/v2/fs"
	"github.com/hanwen/go-fuse/v2/fuse"

	"losantfs/cache/outbox"
)

var (
	_ fs.NodeSetattrer = (*dirNode)(nil)
	_ fs.NodeSetattrer = (*fileNode)(nil)
)

// Setattr keeps mode, owner and times on this machine.
func (d *dirNode) Setattr(ctx context.Context, _ fs.FileHandle, in *fuse.SetAttrIn, out *fuse.AttrOut) syscall.Errno {
	if d.v.space.ReadOnly() {
		return syscall.EROFS
	}
	ctx, done := patient(ctx)
	defer done()
	if e := d.setAttrs(ctx, in); e != 0 {
		return e
	}
	d.fill(out)
	return 0
}

// Setattr changes the length, and keeps mode, owner and times on this machine.
func (f *fileNode) Setattr(ctx context.Context, fh fs.FileHandle, in *fuse.SetAttrIn, out *fuse.AttrOut) syscall.Errno {
	if f.v.space.ReadOnly() {
		return syscall.EROFS
	}
	ctx, done := patient(ctx)
	defer done()
	if size, ok := in.GetSize(); ok {
		if e := f.truncate(ctx, fh, int64(size)); e != 0 {
			return e
		}
	}
	if e := f.setAttrs(ctx, in); e != 0 {
		return e
	}
	f.fill(out)
	return 0
}

// truncate changes the length through the handle of the caller. Where there is
// none, as for truncate(2), nobody will close the file, so it is done here.
func (f *fileNode) truncate(ctx context.Context, fh fs.FileHandle, size int64) syscall.Errno {
	h, ok := fh.(*fileHandle)
	own := !ok || !h.h.Writable()
	if own {
		var e syscall.Errno
		if h, e = f.open(ctx, true); e != 0 {
			return e
		}
		defer h.h.Close()
	}
	err := h.h.Truncate(ctx, size)
	if err == nil && own {
		err = h.h.Flush(ctx)
	}
	if err != nil {
		return f.fail(ctx, "truncate", err)
	}
	return 0
}

// setAttrs keeps mode, owner and times.
func (n *node) setAttrs(ctx context.Context, in *fuse.SetAttrIn) syscall.Errno {
	mode, hasMode := in.GetMode()
	uid, hasUID := in.GetUID()
	gid, hasGID := in.GetGID()
	mtime, hasTime := in.GetMTime()
	if !hasMode && !hasUID && !hasGID && !hasTime {
		return 0
	}
	change := func(a *outbox.Attrs) {
		if hasMode {
			a.Mode = n.StableAttr().Mode | mode&0o7777
		}
		if hasUID {
			a.UID = &uid
		}
		if hasGID {
			a.GID = &gid
		}
		if hasTime {
			a.ModTime = mtime
		}
	}
	if n.isRoot() {
		n.setRootAttrs(change)
		return 0
	}
	dir, name, _ := n.v.dirAndName(n.EmbeddedInode())
	err := n.v.space.SetAttrs(ctx, dir, name, idOf(n.EmbeddedInode()), change)
	n.v.fail(ctx, "setattr", n.EmbeddedInode(), err)
	return errno(ctx, err)
}

// setRootAttrs keeps those of the root of a space until it is unmounted: a copy
// into the drive ends with them.
func (n *node) setRootAttrs(change func(*outbox.Attrs)) {
	i := *n.attrs.Load()
	a := outbox.Attrs{Mode: i.Mode, UID: i.UID, GID: i.GID, ModTime: i.ModTime}
	change(&a)
	i.Mode, i.UID, i.GID, i.ModTime = a.Mode, a.UID, a.GID, a.ModTime
	n.attrs.Store(&i)
}
