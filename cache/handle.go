package cache

import (
	"context"
	"errors"
	"os"
	"sync"
	"sync/atomic"

	"losantfs/cache/content"
	"losantfs/cache/draft"
	"losantfs/cache/inode"
	"losantfs/cache/outbox"
	"losantfs/remote"
)

// Handle is one opening of a file. It reads what the file shows: the version it
// was opened in, or what is written to it here. It is safe for concurrent use.
type Handle struct {
	s     *Space
	id    inode.ID
	write bool
	node  *outbox.Node // nil for a file that had no draft when it was opened to be read
	wrote atomic.Bool

	mu     sync.Mutex
	closed bool
	entry  remote.Entry // what reader reads
	reader *movable     // nil as long as a draft is read
}

// Open opens the file that the kernel knows by id, which is seen at a name. A file
// whose content is being uploaded for the first time elsewhere has none yet and
// is [remote.Busy]; one that was replaced meanwhile is [remote.Changed].
func (s *Space) Open(ctx context.Context, dir, name string, id inode.ID, write bool) (*Handle, error) {
	h := &Handle{s: s, id: id, write: write}
	if write {
		err := s.changeFile(ctx, dir, name, func(p outbox.Place) (err error) {
			h.node, err = s.outbox.Edit(p, id)
			return err
		})
		return h, err
	}
	for {
		if s.outbox != nil {
			if h.node = s.outbox.Reads(id); h.node != nil {
				return h, nil
			}
		}
		i, err := s.Lookup(ctx, dir, name)
		switch {
		case err != nil:
			return nil, err
		case i.ID != id:
			return nil, &remote.Error{Kind: remote.Changed, Op: "open", Message: "another file has the name now"}
		case i.Dir:
			return nil, &remote.Error{Kind: remote.Changed, Op: "open", Message: "it is a directory now"}
		case i.lost != nil:
			return nil, i.lost
		case i.content.ID != "":
			return h, h.read(ctx, dir, name, i.content)
		}
		// It was written anew a moment ago: it has a draft.
		if err := ctx.Err(); err != nil {
			return nil, err
		}
	}
}

// read opens the content of an entry, which is seen at a name.
func (h *Handle) read(ctx context.Context, dir, name string, e remote.Entry) error {
	if !e.HasContent() {
		now, err := h.s.files.Get(ctx, e.ID)
		switch {
		case err != nil:
			return err
		case !now.HasContent():
			return &remote.Error{Kind: remote.Busy, Op: "open", Message: "the file has no content yet"}
		default:
			return &remote.Error{Kind: remote.Changed, Op: "open", Message: "the content has just arrived"}
		}
	}
	r := h.s.movable(e)
	h.s.ahead.opened(dir, name, r)
	if err := r.Warm(ctx); err != nil {
		r.Close()
		return err
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.use(e, r)
	return nil
}

// use makes r the reader of the handle. h.mu is held.
func (h *Handle) use(e remote.Entry, r *movable) {
	if h.reader != nil {
		h.reader.Close()
	}
	h.entry, h.reader = e, r
	h.s.mu.Lock()
	defer h.s.mu.Unlock()
	if r == nil {
		delete(h.s.open, h)
	} else {
		h.s.open[h] = true
	}
}

// readsEntry returns the id of the entry whose content the handle needs.
func (h *Handle) readsEntry() (string, bool) {
	if d, _ := h.s.outbox.Content(h.id); d != nil {
		return "", false // it shows what is written here
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.reader == nil {
		return "", false
	}
	_, e := h.reader.current()
	return e.ID, true
}

// ReadOrPin fills p from off, or returns where in a file on disk that is, which is then
// to be released. At the end of the file it returns io.EOF.
func (h *Handle) ReadOrPin(ctx context.Context, p []byte, off int64) (n int, pin *content.Pin, err error) {
	for {
		r, d := h.source()
		switch {
		case d != nil:
			n, err = d.ReadAt(ctx, p, off)
		case r != nil:
			n, pin, err = r.ReadOrPin(ctx, p, off)
		default:
			return 0, nil, os.ErrClosed
		}
		// What was read has become something else a moment ago.
		if !errors.Is(err, os.ErrClosed) || ctx.Err() != nil || h.ended() {
			return n, pin, err
		}
	}
}

// Checked is [content.Reader.Checked], for a file that cannot change here.
func (h *Handle) Checked() (fd uintptr, release func(), ok bool) {
	if !h.s.ReadOnly() {
		return 0, nil, false
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.closed || h.reader == nil {
		return 0, nil, false
	}
	r, _ := h.reader.current()
	return r.Checked()
}

func (h *Handle) ended() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.closed
}

// source returns what the file shows now.
func (h *Handle) source() (*movable, *draft.Draft) {
	if h.s.outbox == nil {
		h.mu.Lock()
		defer h.mu.Unlock()
		return h.reader, nil
	}
	if h.node != nil {
		if d := h.s.outbox.Draft(h.node); d != nil {
			return nil, d
		}
	}
	d, base := h.s.outbox.Content(h.id)
	if d != nil {
		return nil, d
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if base != nil && !h.closed {
		if e := base.Entry(); h.reader == nil || h.entry.Version() != e.Version() {
			h.use(e, h.s.movable(e))
		}
	}
	return h.reader, nil
}

// ErrTooLarge says that the service takes no file of that size.
var ErrTooLarge = &remote.Error{Kind: remote.TooLarge, Op: "write", Message: "the service takes files of up to 5 GiB"}

// WriteAt writes to the file.
func (h *Handle) WriteAt(ctx context.Context, p []byte, off int64) (n int, err error) {
	if off+int64(len(p)) > remote.MaxUpload {
		return 0, ErrTooLarge
	}
	h.wrote.Store(true)
	err = h.s.withRoom(func() error {
		n, err = h.s.outbox.Draft(h.node).WriteAt(ctx, p, off)
		return err
	})
	return n, err
}

// Truncate changes the length of the file, in bytes.
func (h *Handle) Truncate(ctx context.Context, size int64) error {
	if size > remote.MaxUpload {
		return ErrTooLarge
	}
	return h.s.withRoom(func() error { return h.s.outbox.Draft(h.node).Truncate(ctx, size) })
}

// Allocate reserves room on the disk.
func (h *Handle) Allocate(off, size int64, keepSize bool) error {
	if off+size > remote.MaxUpload {
		return ErrTooLarge
	}
	return h.s.withRoom(func() error { return h.s.outbox.Draft(h.node).Allocate(off, size, keepSize) })
}

// Flush records what was written, so that it survives this process. In a space
// that writes through it waits for the service.
func (h *Handle) Flush(ctx context.Context) error {
	if !h.write {
		return nil
	}
	if err := h.s.withRoom(func() error { return h.s.outbox.Flushed(h.node) }); err != nil {
		return err
	}
	return h.arrived(ctx)
}

// Sync records what was written, through whatever handle, so that it survives the
// machine. In a space that writes through it waits for the service.
func (h *Handle) Sync(ctx context.Context) error {
	if h.s.outbox == nil || h.node == nil {
		return h.s.Sync(ctx)
	}
	if d := h.s.outbox.Draft(h.node); d != nil {
		if err := d.Sync(); err != nil && !errors.Is(err, os.ErrClosed) {
			return err
		}
	}
	if err := h.s.outbox.Flushed(h.node); err != nil {
		return err
	}
	if err := h.s.outbox.Sync(); err != nil {
		return err
	}
	return h.arrived(ctx)
}

// arrived waits for the service in a space that writes through. A file that was
// created or emptied by opening it is not waited for: the shell closes a duplicate
// of what it opened before anything is written.
func (h *Handle) arrived(ctx context.Context) error {
	if !h.s.through || !h.wrote.Load() && h.s.outbox.ViewOf(h.node).Size == 0 {
		return nil
	}
	return h.s.outbox.Arrived(ctx, h.node)
}

// Close ends the handle.
func (h *Handle) Close() {
	h.mu.Lock()
	h.closed = true
	h.use(remote.Entry{}, nil)
	h.mu.Unlock()
	if h.node != nil {
		h.s.outbox.Release(h.node, h.write)
	}
}

// Writable reports whether the handle may write.
func (h *Handle) Writable() bool { return h.write }
