package tree

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"golang.org/x/sync/singleflight"

	"losantfs/cache/budget"
	"losantfs/remote"
)

// Lister is what the tree needs of the service.
type Lister interface {
	// ListDirectory returns all direct children of a directory, or fails.
	ListDirectory(ctx context.Context, dir string) ([]remote.Entry, error)
}

const (
	// maxEntries bounds the entries known at once, over all listings.
	maxEntries = 500_000
	// patience is how long a reader waits for a fresh listing when an older
	// one is at hand.
	patience = 2 * time.Second
	// offlinePause is how long known listings are shown without asking again
	// after the service failed.
	offlinePause = 5 * time.Second
)

// Tree is what is known of one space. It is safe for concurrent use.
type Tree struct {
	lister Lister
	ttl    time.Duration
	log    *slog.Logger
	ctx    context.Context // ends with Close
	stop   context.CancelFunc
	group  singleflight.Group
	flying sync.WaitGroup

	mu       sync.Mutex
	closed   bool
	listings *budget.LRU[string, *Listing]
	files    int64 // in all listings
	bytes    int64
	flights  int               // fetches under way
	forgot   map[string]uint64 // per directory, how often it was forgotten during them
	failure  error             // of the last fetch, nil when it worked
	failedAt time.Time         // when the failures began
	retryAt  time.Time         // until then what is known is shown without asking
}

// New returns an empty tree whose listings are fetched again when they are older
// than ttl.
func New(lister Lister, ttl time.Duration, log *slog.Logger) *Tree {
	t := &Tree{lister: lister, ttl: ttl, log: log, forgot: map[string]uint64{}}
	t.ctx, t.stop = context.WithCancel(context.Background())
	t.listings = budget.New(maxEntries, nil, func(_ string, l *Listing) { t.account(l, -1) })
	return t
}

// Close ends all fetches and waits for them.
func (t *Tree) Close() {
	t.mu.Lock()
	t.closed = true
	t.mu.Unlock()
	t.stop()
	t.flying.Wait()
}

// List returns the children of a directory. A listing older than the tree's ttl
// is fetched again; while the service cannot be reached the old one is shown, as
// unreachable is not deleted.
func (t *Tree) List(ctx context.Context, dir string) (*Listing, error) {
	known, fresh := t.known(dir)
	if fresh {
		return known, nil
	}
	wait := ctx
	if known != nil {
		var cancel context.CancelFunc
		wait, cancel = context.WithTimeout(ctx, patience)
		defer cancel()
	}
	select {
	case r := <-t.group.DoChan(dir, func() (any, error) { return t.fetch(dir) }):
		if r.Err == nil {
			return r.Val.(*Listing), nil
		}
		if known == nil || remote.KindOf(r.Err) == remote.NotFound {
			return nil, r.Err
		}
		return known, nil
	case <-wait.Done():
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		t.suspect()
		return known, nil
	}
}

// Lookup returns an entry and how long it may be taken for true without asking
// again. A name that does not exist is [remote.NotFound]; its absence may be
// believed for as long.
func (t *Tree) Lookup(ctx context.Context, dir, name string) (remote.Entry, time.Duration, error) {
	l, err := t.List(ctx, dir)
	if err != nil {
		return remote.Entry{}, 0, err
	}
	e, ok := l.Get(name)
	if !ok {
		return remote.Entry{}, t.Fresh(l), &remote.Error{Kind: remote.NotFound, Op: "lookup"}
	}
	return e, t.Fresh(l), nil
}

// Known returns an entry without ever asking the service.
func (t *Tree) Known(dir, name string) (remote.Entry, bool) {
	l, _ := t.known(dir)
	if l == nil {
		return remote.Entry{}, false
	}
	return l.Get(name)
}

// Fresh returns how much longer a listing is believed. A listing that is shown
// for want of a newer one is believed for a second, so that the kernel does not
// ask for each access.
func (t *Tree) Fresh(l *Listing) time.Duration {
	return max(time.Until(l.Fetched.Add(t.ttl)), min(t.ttl, time.Second))
}

// Forget drops what is known of a directory, because it is known to be wrong.
func (t *Tree) Forget(dir string) {
	t.mu.Lock()
	t.drop(dir)
	if t.flights > 0 {
		t.forgot[dir]++
	}
	t.mu.Unlock()
	t.group.Forget(dir)
}

// Usage returns the number and the bytes of all known files.
func (t *Tree) Usage() (files, bytes int64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.files, t.bytes
}

// Offline returns since when the service has failed and with what, or a zero
// time when the last fetch worked.
func (t *Tree) Offline() (time.Time, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.failedAt, t.failure
}

// known returns the listing of a directory, and whether it needs no fetch: it is
// young enough, or the service failed a moment ago.
func (t *Tree) known(dir string) (*Listing, bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	l, ok := t.listings.Get(dir)
	if !ok {
		return nil, false
	}
	now := time.Now()
	return l, now.Before(l.Fetched.Add(t.ttl)) || now.Before(t.retryAt)
}

// suspect spares others the wait for a service that did not answer in time.
func (t *Tree) suspect() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.retryAt = time.Now().Add(offlinePause)
}

// fetch asks the service and keeps the answer.
func (t *Tree) fetch(dir string) (*Listing, error) {
	// A fetch that ended since the caller looked serves it too.
	if l, fresh := t.known(dir); fresh {
		return l, nil
	}
	t.mu.Lock()
	if t.closed {
		t.mu.Unlock()
		return nil, context.Canceled
	}
	t.flying.Add(1)
	t.flights++
	generation := t.forgot[dir]
	t.mu.Unlock()
	defer t.flying.Done()

	began := time.Now()
	entries, err := t.lister.ListDirectory(t.ctx, dir)

	t.mu.Lock()
	defer t.mu.Unlock()
	current := t.forgot[dir] == generation
	if t.flights--; t.flights == 0 {
		clear(t.forgot)
	}
	t.note(err)
	if err != nil {
		if remote.KindOf(err) == remote.NotFound && current {
			t.drop(dir)
		}
		return nil, err
	}
	l := newListing(entries, began)
	if current {
		before, _ := t.listings.Get(dir)
		if l.Hidden > 0 && (before == nil || before.Hidden != l.Hidden) {
			t.log.Warn("some entries cannot be shown: their names are not possible here", "directory", dir, "entries", l.Hidden)
		}
		t.drop(dir)
		t.account(l, 1)
		t.listings.Add(dir, l, int64(len(l.Entries))+1)
	}
	return l, nil
}

func (t *Tree) drop(dir string) {
	if l, ok := t.listings.Get(dir); ok {
		t.account(l, -1)
		t.listings.Remove(dir)
	}
}

func (t *Tree) account(l *Listing, sign int64) {
	t.files += sign * l.files
	t.bytes += sign * l.bytes
}

// note records whether the service works, and says so when that changed.
func (t *Tree) note(err error) {
	switch kind := remote.KindOf(err); {
	case err == nil, kind != 0 && kind != remote.Unreachable && kind != remote.Throttled && kind != remote.Denied:
		if t.failure != nil {
			t.log.Info("the service answers again", "after", time.Since(t.failedAt).Round(time.Second))
		}
		t.failure, t.failedAt, t.retryAt = nil, time.Time{}, time.Time{}
	case kind == 0: // closing
	default:
		if t.failure == nil {
			t.failedAt = time.Now()
			t.log.Warn("the service cannot be asked; what is known stays visible", "error", err)
		}
		t.failure, t.retryAt = err, time.Now().Add(offlinePause)
	}
}
