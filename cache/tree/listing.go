package tree

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"losantfs/remote"
)

// Listing is all that a directory shows, as of one moment. It must not be
// changed.
type Listing struct {
	Entries []remote.Entry // by name, each name once
	Hidden  int            // entries that no drive can show: see [newListing]
	Moving  int            // entries not shown that the service is moving away
	Fetched time.Time      // when the fetch began

	serial       uint64         // of what became known in this tree; 0 before
	moving       []remote.Entry // those that Moving counts
	files, bytes int64
	doubtful     bool // not watched; where it is known, only as long as its directory is frozen
}

// newListing keeps what can be shown. Entries on their way out are not there any
// more; names and ids that are no names and ids are counted as hidden. Where the
// service holds a name twice, a directory goes before a file, which would
// otherwise hide everything below it, and then the newer before the older.
func newListing(entries []remote.Entry, fetched time.Time) *Listing {
	l := &Listing{Fetched: fetched}
	for _, e := range entries {
		switch fateOf(&e) {
		case shown:
			l.Entries = append(l.Entries, e)
		case hidden:
			l.Hidden++
		case moving:
			l.moving = append(l.moving, e)
		}
	}
	l.Moving = len(l.moving)
	slices.SortFunc(l.Entries, func(a, b remote.Entry) int {
		return cmp.Or(strings.Compare(a.Name, b.Name), boolFirst(a.Dir, b.Dir), b.Updated.Compare(a.Updated), strings.Compare(a.ID, b.ID))
	})
	unique := slices.CompactFunc(l.Entries, func(a, b remote.Entry) bool { return a.Name == b.Name })
	l.Hidden += len(l.Entries) - len(unique)
	l.Entries = unique
	for i := range l.Entries {
		l.count(&l.Entries[i], 1)
	}
	return l
}

// Serial tells a listing from all others that are or were known.
func (l *Listing) Serial() uint64 { return l.serial }

// fate is what becomes of an entry in a listing.
type fate int

const (
	shown fate = iota
	hidden
	moving   // away: its successor is another entry
	deleting // not there any more
)

func fateOf(e *remote.Entry) fate {
	switch {
	case e.Status == remote.Deleting:
		return deleting
	case e.Status == remote.Moving && e.MovedTo != "":
		return moving
	case !remote.ValidName(e.Name), !remote.ValidID(e.ID):
		return hidden
	}
	return shown
}

// count adds an entry to the sums of l, or takes it out.
func (l *Listing) count(e *remote.Entry, sign int64) {
	if !e.Dir {
		l.files += sign
		l.bytes += sign * e.Size
	}
}

// cost is what a listing counts for in the LRU.
func (l *Listing) cost() int64 { return int64(len(l.Entries)) + 1 }

// keepSizes gives entries that are being uploaded the size that they had in a listing
// before, nil for none: the service may tell the new one while it has the old content.
// Nobody else has l yet.
func (l *Listing) keepSizes(before *Listing) {
	if before == nil {
		return
	}
	for i := range l.Entries {
		e := &l.Entries[i]
		if e.Status != remote.Pending || e.ETag == "" {
			continue
		}
		if was, ok := before.Get(e.Name); ok && was.ID == e.ID && was.ETag == e.ETag {
			l.bytes += was.Size - e.Size
			e.Size = was.Size
		}
	}
}

func (l *Listing) names() []string {
	names := make([]string, len(l.Entries))
	for i := range l.Entries {
		names[i] = l.Entries[i].Name
	}
	return names
}

func boolFirst(a, b bool) int {
	switch {
	case a == b:
		return 0
	case a:
		return -1
	}
	return 1
}

// Get returns the entry with the given name.
func (l *Listing) Get(name string) (remote.Entry, bool) {
	i, ok := l.search(name)
	if !ok {
		return remote.Entry{}, false
	}
	return l.Entries[i], true
}

func (l *Listing) search(name string) (int, bool) {
	return slices.BinarySearchFunc(l.Entries, name, func(e remote.Entry, name string) int {
		return strings.Compare(e.Name, name)
	})
}
