package fs

import (
	"context"
	"syscall"

	"github.com/hanwen/go-fuse/v2/fs"
	"github.com/hanwen/go-fuse/v2/fuse"

	"losantfs/cache"
)

// dirHandle is one opened directory. It reads from one listing until it is
// rewound, so entries that come and go meanwhile are neither doubled nor cut.
// go-fuse calls it under a lock of its own.
type dirHandle struct {
	d       *dirNode
	listing *cache.Directory
	filled  bool          // the listing has its entries, which nobody reads where the kernel kept them
	next    int           // index of the next entry: ".", "..", then the listing's
	keeps   bool          // the kernel may keep what it reads
	drop    drop          // where it may not
	entry   fuse.DirEntry // the last that was handed out
}

var (
	_ fs.FileReaddirenter = (*dirHandle)(nil)
	_ fs.FileSeekdirer    = (*dirHandle)(nil)
	_ fs.FileLookuper     = (*dirHandle)(nil)
	_ fs.FileReleasedirer = (*dirHandle)(nil)
)

const dots = 2 // "." and ".."

// load takes a listing, with its entries when they are to be read.
func (h *dirHandle) load(ctx context.Context, fill bool) syscall.Errno {
	dir, ok := h.d.v.path(h.d.EmbeddedInode())
	if !ok {
		return syscall.ESTALE
	}
	ctx, done := patient(ctx)
	defer done()
	list := h.d.v.space.Opendir
	if fill {
		list = h.d.v.space.List
	}
	listing, err := list(ctx, dir)
	if err != nil {
		h.d.v.fail(ctx, "list", h.d.EmbeddedInode(), err)
		return errno(ctx, err)
	}
	h.listing, h.filled = listing, fill
	return 0
}

// fill makes the entries known that the directory has now, or had when it was opened.
func (h *dirHandle) fill(ctx context.Context) syscall.Errno {
	if h.filled || h.load(ctx, true) == 0 {
		return 0
	}
	if err := h.listing.Fill(); err != nil {
		return errno(ctx, err)
	}
	h.filled = true
	return 0
}

// Readdirent returns the next entry, nil at the end.
func (h *dirHandle) Readdirent(ctx context.Context) (*fuse.DirEntry, syscall.Errno) {
	i := h.next
	if i == 0 { // it may have been opened long ago, and read from what the kernel kept
		if e := h.fill(ctx); e != 0 {
			return nil, e
		}
		if _, ok := h.listing.Holds(); !ok {
			_ = h.load(ctx, true) // else it is what it was
		}
	}
	if i >= dots+len(h.listing.Entries) {
		return nil, 0
	}
	h.next++
	out := &h.entry // go-fuse copies it
	*out = fuse.DirEntry{Off: uint64(h.next), Mode: syscall.S_IFDIR}
	switch i {
	case 0:
		out.Name, out.Ino = ".", h.d.StableAttr().Ino
	case 1:
		out.Name, out.Ino = "..", h.d.StableAttr().Ino
		if _, parent := h.d.Parent(); parent != nil {
			out.Ino = parent.StableAttr().Ino
		}
	default:
		e := &h.listing.Entries[i-dots]
		id := stable(e.ID, e.Dir)
		out.Name, out.Ino, out.Mode = e.Name, id.Ino, id.Mode
	}
	return out, 0
}

// Lookup returns the attributes of the entry just read, for readdirplus.
func (h *dirHandle) Lookup(ctx context.Context, name string, out *fuse.EntryOut) (*fs.Inode, syscall.Errno) {
	// It is the last one that was read.
	i := h.next - 1 - dots
	if i < 0 || i >= len(h.listing.Entries) || h.listing.Entries[i].Name != name {
		return nil, syscall.ENOENT
	}
	// What is known by now counts, not what this handle saw: it may have been written
	// to, and the kernel would drop what it has beyond the old length, or replaced.
	e := &h.listing.Entries[i]
	if ttl, ok := h.listing.HoldsFor(e); ok && ttl > 0 {
		return h.d.child(ctx, e, ttl, out), 0
	}
	dir, ok := h.d.v.path(h.d.EmbeddedInode())
	if !ok {
		return nil, syscall.ESTALE
	}
	now, ok := h.d.v.space.Known(dir, name)
	if !ok || now.ID != e.ID || now.TTL <= 0 {
		return h.d.Lookup(ctx, name, out)
	}
	return h.d.child(ctx, &now.Seen, now.TTL, out), 0
}

// Releasedir says that the kernel reads no more.
func (h *dirHandle) Releasedir(context.Context, uint32) { h.d.kept.close(h.keeps, h.drop) }

// Seekdir goes to an offset that Readdirent gave out; 0 begins anew with what
// the directory holds now.
func (h *dirHandle) Seekdir(ctx context.Context, off uint64) syscall.Errno {
	if off == 0 {
		if e := h.load(ctx, true); e != 0 {
			return e
		}
	}
	if e := h.fill(ctx); e != 0 { // the kernel may have read to there from what it kept
		return e
	}
	if off > uint64(dots+len(h.listing.Entries)) {
		return syscall.EINVAL
	}
	h.next = int(off)
	return 0
}
