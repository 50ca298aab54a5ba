package tree

import (
	"context"
	"time"

	"losantfs/remote"
)

// flight is one fetch of a listing, for all who wait for it.
type flight struct {
	dir     string
	began   time.Time
	ctx     context.Context // not of those who wait
	done    chan struct{}   // closed when listing and err are set
	listing *Listing
	err     error

	// What follows is guarded by Tree.mu.
	edits   []edit // made since it began
	stale   bool   // what it brings is not kept
	partial bool   // the directory was frozen meanwhile
}

// start begins a fetch that others may join, as urgent as who asks. t.mu is held.
func (t *Tree) start(ctx context.Context, dir string) *flight {
	fl := &flight{dir: dir, began: time.Now(), ctx: t.ctx, done: make(chan struct{}), partial: t.frozen(dir)}
	if remote.IsBackground(ctx) {
		fl.ctx = remote.Background(t.ctx)
	}
	if t.closed {
		fl.err = context.Canceled
		close(fl.done)
		return fl
	}
	t.flights[fl], t.current[dir] = struct{}{}, fl
	t.flying.Go(func() { t.fly(fl) })
	return fl
}

// mayJoin reports whether who asks with ctx may wait for a fetch: while the service
// fails, one that nobody waits for is held back.
func (t *Tree) mayJoin(ctx context.Context, fl *flight) bool {
	return t.failure == nil || remote.IsBackground(ctx) || !remote.IsBackground(fl.ctx)
}

// detach keeps what fetches of some directories bring from being kept, and from
// being handed to those who ask from now on. t.mu is held.
func (t *Tree) detach(of func(dir string) bool) {
	for look := range t.looks {
		look.forgot = append(look.forgot, of)
	}
	for fl := range t.flights {
		if of(fl.dir) {
			fl.stale = true
			t.leave(fl)
		}
	}
}

func (t *Tree) leave(fl *flight) {
	if t.current[fl.dir] == fl {
		delete(t.current, fl.dir)
	}
}

// fly asks the service and keeps the answer.
func (t *Tree) fly(fl *flight) {
	defer close(fl.done)
	entries, err := t.lister.ListDirectory(fl.ctx, fl.dir)
	var l *Listing
	if err == nil {
		l = newListing(pointers(entries), fl.began)
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.flights, fl)
	t.leave(fl)
	t.note(err)
	known, ok := t.listings.Get(fl.dir)
	overtaken := ok && known.Fetched.After(fl.began) && !known.doubtful
	keep := !fl.stale && !overtaken && !(ok && fl.partial)
	if err != nil {
		fl.err = err
		if remote.KindOf(err) == remote.NotFound && keep && len(fl.edits) == 0 {
			t.compare(fl.dir, nil)
			t.drop(fl.dir)
		}
		return
	}
	switch {
	case overtaken:
		l = known
	case len(fl.edits) > 0:
		l, _ = l.with(fl.edits...)
	}
	fl.listing = l
	if !keep {
		l.doubtful = l.doubtful || !overtaken // nobody will know when it changes
		return
	}
	if !ok || known.Hidden != l.Hidden {
		t.warn(fl.dir, l)
	}
	l.keepSizes(known)
	l.doubtful = fl.partial // it was not known, and is better than nothing until then
	t.compare(fl.dir, l)
	t.store(fl.dir, l)
	if t.watch.Look != nil {
		t.fetched[fl.dir] = true
	}
}

// warn says what of a listing cannot be seen.
func (t *Tree) warn(dir string, l *Listing) {
	if l.Hidden > 0 {
		t.log.Warn("some entries cannot be shown: their names are not possible here", "directory", dir, "entries", l.Hidden)
	}
}
