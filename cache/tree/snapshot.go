package tree

import (
	"time"

	"losantfs/remote"
)

// Snapshot is what a tree knows, to be kept until the next mount. Its fields are
// exported for encoding only.
type Snapshot struct {
	Since, AsOf time.Time
	Whole       bool // all directories were known
	Listings    []SavedListing
}

// SavedListing is one directory of a snapshot.
type SavedListing struct {
	Dir     string
	Fetched time.Time
	Hidden  int
	Entries []remote.Entry
	Moving  []remote.Entry
}

// Snapshot returns what is watched: of anything else it would not be known later
// whether it still holds.
func (t *Tree) Snapshot() Snapshot {
	t.mu.Lock()
	defer t.mu.Unlock()
	s := Snapshot{Since: t.since, AsOf: t.asOf, Whole: t.whole.known}
	for _, dir := range t.listings.Keys() {
		if l, ok := t.listings.Get(dir); ok && t.isWatchedLocked(l) && !t.frozen(dir) {
			s.Listings = append(s.Listings, SavedListing{dir, l.Fetched, l.Hidden, l.Entries, l.moving})
		}
	}
	return s
}

// Restore makes a snapshot known again, in a tree that knows nothing yet. A look
// has to find out whether it still holds.
func (t *Tree) Restore(s Snapshot) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.since, t.asOf, t.whole.known = s.Since, s.AsOf, s.Whole
	for _, saved := range s.Listings {
		l := newListing(append(saved.Entries, saved.Moving...), saved.Fetched)
		l.Hidden += saved.Hidden
		t.store(saved.Dir, l)
	}
}

// Version returns a number that changes with what is known.
func (t *Tree) Version() uint64 {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.version
}
