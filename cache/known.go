package cache

import (
	"context"
	"io"
	"maps"
	"slices"
	"time"

	"losantfs/cache/content"
	"losantfs/cache/draft"
	"losantfs/cache/outbox"
	"losantfs/remote"
)

// known is the rest of the space as the outbox sees it.
type known struct{ s *Space }

func (k known) Listing(ctx context.Context, dir string, since time.Time) (outbox.Listing, error) {
	l, err := k.s.tree.ListSince(ctx, dir, since)
	if err != nil {
		return outbox.Listing{}, err
	}
	return outbox.Listing{Entries: l.Entries(), Unseen: l.Hidden, Moving: l.Moving}, nil
}

func (k known) Changed(e remote.Entry) { k.s.tree.Put(e) }

func (k known) Made(e remote.Entry) { k.s.tree.Made(e) }

func (k known) Removed(e remote.Entry) {
	if w := k.s.watch; w != nil {
		gone := []remote.Entry{e}
		if e.Dir {
			gone = append(gone, k.s.tree.Below(e.Parent+e.Name+"/")...)
		}
		w.Removed(gone...)
	}
	e.Status = remote.Deleting // another entry of the name stays
	k.s.tree.Put(e)
	if e.Dir {
		k.s.tree.ForgetBelow(e.Parent + e.Name + "/")
	}
}

func (k known) Freeze(dir string) (thaw func()) { return k.s.tree.Freeze(dir) }

func (k known) Same(from, to remote.Entry) { k.s.content.Same(keyOf(&from), keyOf(&to)) }

func (k known) Keep(e remote.Entry, path string) {
	if err := k.s.content.Keep(keyOf(&e), path); err != nil {
		k.s.log.Debug("what was uploaded is not kept", "error", err)
	}
}

func (k known) MakeRoom() { k.s.content.MakeRoom() }

func (k known) Discard(e remote.Entry) { k.s.content.Discard(keyOf(&e)) }

// Base opens the content of a version when it is first read.
func (k known) Base(e remote.Entry) draft.Base {
	return k.s.movable(e)
}

// Secure reads what is open of an entry to its end, so that it can be read when
// the service has it no more.
func (k known) Secure(ctx context.Context, e remote.Entry) error {
	if !k.s.reads(e) {
		return nil
	}
	r := k.s.movable(e)
	defer r.Close()
	buf := make([]byte, 1<<20)
	for off := int64(0); off < e.Size; {
		n, err := r.ReadAt(ctx, buf, off)
		if err != nil && err != io.EOF {
			return err
		}
		if n == 0 {
			return nil
		}
		off += int64(n)
	}
	return nil
}

// reads reports whether a handle reads the content of an entry, which it may know
// by an id from before a move.
func (s *Space) reads(e remote.Entry) bool {
	s.mu.Lock()
	open := slices.Collect(maps.Keys(s.open))
	s.mu.Unlock()
	return slices.ContainsFunc(open, func(h *Handle) bool {
		id, ok := h.readsEntry()
		return ok && (id == e.ID || s.outbox.Whither(id) == e.ID)
	})
}

func keyOf(e *remote.Entry) content.Key {
	return content.Key{ID: e.ID, Version: e.Version(), Size: e.Size}
}
