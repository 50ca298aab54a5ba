package tree

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"losantfs/cache/budget"
	"losantfs/remote"
)

// Lister is what the tree needs of the service.
type Lister interface {
	// ListDirectory returns all direct children of a directory, or fails.
	ListDirectory(ctx context.Context, dir string) ([]remote.Entry, error)
	// ListAll returns all entries of all directories, or fails.
	ListAll(ctx context.Context) ([]remote.Entry, error)
}

const (
	// maxEntries bounds the entries known at once, over all listings: about 60 bytes
	// each. The nodes of what the kernel knows take ten times that.
	maxEntries = 4_000_000
	// patience is how long a reader waits for a fresh listing when an older
	// one is at hand.
	patience = 2 * time.Second
	// lookPatience is how long one waits for a look at what has changed, which is
	// one small request, where what is at hand is older than it should be.
	lookPatience = 500 * time.Millisecond
	// offlinePause is how long known listings are shown without asking again
	// after the service failed.
	offlinePause = 5 * time.Second
	// watched is how long the kernel may believe what is watched: it is told of
	// changes.
	watched = time.Hour
)

// Watch is who finds out what has changed elsewhere.
type Watch struct {
	// Look starts to find out what has changed, or joins who does; what it returns
	// is closed when that is known, or cannot be.
	Look func() <-chan struct{}
	// Changed is told of names in a directory that are no longer what was known,
	// other than by [Tree.Put] and [Tree.Delete]. It is called with Tree.mu held,
	// so it does no more than take note.
	Changed func(dir string, names []string)
	// Total returns how many entries the space has, if that is known.
	Total func() (int, bool)
}

// Tree is what is known of one space. It is safe for concurrent use.
type Tree struct {
	lister Lister
	ttl    time.Duration
	log    *slog.Logger
	ctx    context.Context // ends with Close
	stop   context.CancelFunc
	flying sync.WaitGroup

	mu       sync.Mutex
	closed   bool
	listings *budget.LRU[string, *Listing]
	files    int64 // in all listings
	bytes    int64
	version  uint64               // counts changes of what is known
	flights  map[*flight]struct{} // all under way
	current  map[string]*flight   // per directory, the one that may be joined
	looks    map[*Look]struct{}   // all under way
	fetched  map[string]bool      // directories that were fetched since the last poll began
	freezes  map[*freeze]struct{}
	whole    whole
	watch    Watch               // empty when nobody watches
	since    time.Time           // what was fetched since is watched; zero when nothing is
	asOf     time.Time           // when what is watched was last found to be true
	asked    time.Time           // when somebody last wanted to know something
	doubted  map[string]*Listing // by directory: forgotten, and not fetched again so far
	failure  error               // of the last fetch, nil when it worked
	failedAt time.Time           // when the failures began
	retryAt  time.Time           // until then what is known is shown without asking
}

// New returns an empty tree whose listings are fetched again when they are older
// than ttl.
func New(lister Lister, ttl time.Duration, log *slog.Logger) *Tree {
	t := &Tree{lister: lister, ttl: ttl, log: log, asked: time.Now(),
		flights: map[*flight]struct{}{}, current: map[string]*flight{}, looks: map[*Look]struct{}{}, fetched: map[string]bool{}, freezes: map[*freeze]struct{}{},
		doubted: map[string]*Listing{}}
	t.ctx, t.stop = context.WithCancel(context.Background())
	t.listings = t.lru(maxEntries)
	return t
}

func (t *Tree) lru(entries int64) *budget.LRU[string, *Listing] {
	return budget.New(entries,
		func(dir string, _ *Listing) bool { return t.frozen(dir) },
		func(dir string, l *Listing) {
			t.account(l, -1)
			t.change(dir, l.names()...) // nobody will know when they change
		})
}

// Attend says who watches. It is called before the tree is used.
func (t *Tree) Attend(w Watch) { t.watch = w }

// Close ends all fetches and waits for them.
func (t *Tree) Close() {
	t.mu.Lock()
	t.closed = true
	t.mu.Unlock()
	t.stop()
	t.flying.Wait()
}

// List returns the children of a directory. A listing older than the tree's ttl
// is fetched again, unless the watch finds that it still holds; while the service
// cannot be reached the old one is shown, as unreachable is not deleted.
func (t *Tree) List(ctx context.Context, dir string) (*Listing, error) {
	known, fresh := t.known(dir)
	if fresh {
		return known, nil
	}
	if known == nil {
		return t.listUnknown(ctx, dir)
	}
	if t.isWatched(known) {
		select {
		case <-t.watch.Look():
			if now, fresh := t.known(dir); fresh {
				return now, nil
			}
		case <-time.After(lookPatience):
			t.suspect()
			return known, nil
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	wait, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	fl := t.join(ctx, dir)
	// Others may have waited for it long enough.
	remaining := time.AfterFunc(time.Until(fl.began.Add(patience)), cancel)
	defer remaining.Stop()
	select {
	case <-fl.done:
		return t.landed(fl, known)
	case <-wait.Done():
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		t.suspect()
		return known, nil
	}
}

// ListSince returns the children of a directory as of a fetch that began after
// the given time, or fails: what was known before is not shown instead. It waits
// for no other fetch than that, whatever changes meanwhile.
func (t *Tree) ListSince(ctx context.Context, dir string, since time.Time) (*Listing, error) {
	t.mu.Lock()
	if l, ok := t.listings.Get(dir); ok && !l.doubtful && l.Fetched.After(since) {
		t.mu.Unlock()
		return l, nil
	}
	fl := t.current[dir]
	if fl == nil || !fl.began.After(since) || !t.mayJoin(ctx, fl) {
		fl = t.start(ctx, dir)
	}
	t.mu.Unlock()
	select {
	case <-fl.done:
		return fl.listing, fl.err
	case <-ctx.Done():
		return nil, ctx.Err()
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

// Listed returns what is known of a directory without ever asking the service.
func (t *Tree) Listed(dir string) (*Listing, bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.listings.Get(dir)
}

// Fresh returns how long the kernel may believe a listing. One that is shown for
// want of a newer one is believed for a second, so that the kernel does not ask for
// each access.
func (t *Tree) Fresh(l *Listing) time.Duration {
	t.mu.Lock()
	defer t.mu.Unlock()
	left := time.Until(t.asOfLocked(l).Add(t.ttl))
	if left > 0 && t.isWatchedLocked(l) {
		return watched
	}
	return max(left, min(t.ttl, time.Second))
}

// Asked returns when somebody last wanted to know something.
func (t *Tree) Asked() time.Time {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.asked
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

// known returns the listing of a directory, nil when it is not known, and whether
// it needs no fetch: it is young enough, or frozen, or the service failed a moment
// ago.
func (t *Tree) known(dir string) (l *Listing, fresh bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	now := time.Now()
	t.asked = now
	l, ok := t.listings.Get(dir)
	if !ok {
		return nil, false
	}
	// Where there is a watch it finds out when the service answers again.
	failed := now.Before(t.retryAt) || t.failure != nil && t.watch.Look != nil
	return l, now.Before(t.asOfLocked(l).Add(t.ttl)) || failed || t.frozen(dir)
}

// join returns a fetch of a directory, which others may wait for too.
func (t *Tree) join(ctx context.Context, dir string) *flight {
	t.mu.Lock()
	defer t.mu.Unlock()
	if fl := t.current[dir]; fl != nil && t.mayJoin(ctx, fl) {
		return fl
	}
	return t.start(ctx, dir)
}

// landed returns what List shows after a fetch: not a part of what has been frozen
// meanwhile, and what was known when the fetch failed, unless the directory is gone.
func (t *Tree) landed(fl *flight, before *Listing) (*Listing, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	known, ok := t.listings.Get(fl.dir)
	switch {
	case ok && t.frozen(fl.dir):
		return known, nil
	case fl.err == nil:
		return fl.listing, nil
	case remote.KindOf(fl.err) == remote.NotFound && ok:
		return known, nil // it was there again by the time
	case before == nil, remote.KindOf(fl.err) == remote.NotFound:
		return nil, fl.err
	}
	return before, nil
}

// suspect spares others the wait for a service that did not answer in time, until
// it does.
func (t *Tree) suspect() {
	t.mu.Lock()
	defer t.mu.Unlock()
	pause := offlinePause
	if t.watch.Look != nil {
		pause *= 6 // the next poll that is answered ends it
	}
	t.retryAt = time.Now().Add(pause)
}

// store makes l what is known of a directory.
func (t *Tree) store(dir string, l *Listing) {
	t.drop(dir)
	t.account(l, 1)
	t.version++
	l.serial = t.version
	t.listings.Add(dir, l, l.cost())
}

// drop forgets what is known of a directory. t.mu is held.
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
