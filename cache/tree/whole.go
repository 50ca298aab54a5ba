package tree

import (
	"context"
	"runtime/debug"
	"time"

	"losantfs/remote"
)

const (
	// wholePages is the number of pages up to which the whole space is listed as
	// soon as anything of it is asked for.
	wholePages = 20
	// wholeShare is the part of its pages that is spent on single directories
	// before a larger space is listed as a whole: who asks for so many will ask
	// for more.
	wholeShare = 8
	// wholeAgain is when it is tried again after it failed.
	wholeAgain = time.Minute
)

// whole is the listing of the whole space, which is made once.
type whole struct {
	known  bool          // it was made, so what is not known came or was forgotten since
	flight chan struct{} // closed when the one under way has ended; nil for none
	err    error         // of the last one
	next   time.Time     // not before
	misses int           // directories that were asked for and not known
}

// IsSmall reports whether a space of so many entries is listed as a whole as soon as
// anything of it is asked for.
func IsSmall(total int) bool { return pagesOf(total) <= wholePages }

func pagesOf(total int) int { return (total + remote.MaxPerPage - 1) / remote.MaxPerPage }

// joinWhole returns a listing of the whole space to wait for, where that is the way
// to know a directory; nil where it is not. It takes a watch to keep it true.
func (t *Tree) joinWhole() <-chan struct{} {
	t.mu.Lock()
	defer t.mu.Unlock()
	w := &t.whole
	if w.flight != nil {
		return w.flight
	}
	w.misses++
	if t.closed || w.known || t.watch.Total == nil || t.failure != nil || time.Now().Before(w.next) {
		return nil
	}
	total, ok := t.watch.Total()
	if !ok || total > maxEntries/2 || pagesOf(total) > max(wholePages, w.misses*wholeShare) {
		return nil
	}
	ended := make(chan struct{})
	w.flight = ended
	t.flying.Go(func() {
		t.fetchWhole()
		close(ended)
		if !IsSmall(total) {
			debug.FreeOSMemory() // what came took several times what is kept of it
		}
	})
	return ended
}

func (t *Tree) fetchWhole() {
	look := t.Begin()
	defer look.End()
	all, err := t.lister.ListAll(t.ctx)
	if err == nil {
		look.replace(all, true, false)
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.note(err)
	t.whole.flight, t.whole.err = nil, err
	t.whole.next = time.Now().Add(wholeAgain)
}

func (t *Tree) wholeError() error {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.whole.err
}

// listUnknown returns the children of a directory that is not known.
func (t *Tree) listUnknown(ctx context.Context, dir string) (*Listing, error) {
	if ended := t.joinWhole(); ended != nil {
		select {
		case <-ended:
			if l, fresh := t.known(dir); fresh {
				return l, nil
			}
			if err := t.wholeError(); remote.Temporary(err) && remote.KindOf(err) != remote.Busy {
				return nil, err // another call would fail in the same way
			}
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	fl := t.join(ctx, dir)
	select {
	case <-fl.done:
		return t.landed(fl, nil)
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// group returns entries by their directory, with an empty group for a directory
// that holds nothing.
func group(all []remote.Entry) map[string][]*remote.Entry {
	groups := map[string][]*remote.Entry{"/": nil}
	for i := range all {
		e := &all[i]
		groups[e.Parent] = append(groups[e.Parent], e)
		if e.Dir {
			if dir := e.Parent + e.Name + "/"; groups[dir] == nil {
				groups[dir] = nil
			}
		}
	}
	return groups
}
