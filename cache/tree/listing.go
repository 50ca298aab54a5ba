package tree

import (
	"cmp"
	"iter"
	"slices"
	"strings"
	"time"

	"losantfs/remote"
)

// Listing is all that a directory shows, as of one moment. It must not be
// changed.
type Listing struct {
	Hidden  int       // entries that no drive can show: see [newListing]
	Moving  int       // entries not shown that the service is moving away
	Fetched time.Time // when the fetch began

	shown        packed         // by name, each name once
	serial       uint64         // of what became known in this tree; 0 before
	moving       []remote.Entry // those that Moving counts
	files, bytes int64
	doubtful     bool // not watched; where it is known, only as long as its directory is frozen
}

// newListing keeps what can be shown. Entries on their way out are not there any
// more; names and ids that are no names and ids are counted as hidden. Where the
// service holds a name twice, a directory goes before a file, which would
// otherwise hide everything below it, and then the newer before the older.
func newListing(entries []*remote.Entry, fetched time.Time) *Listing {
	l := &Listing{Fetched: fetched}
	there := make([]*remote.Entry, 0, len(entries))
	for _, e := range entries {
		switch fateOf(e) {
		case shown:
			there = append(there, e)
		case hidden:
			l.Hidden++
		case moving:
			l.moving = append(l.moving, *e)
		}
	}
	l.Moving = len(l.moving)
	slices.SortFunc(there, func(a, b *remote.Entry) int {
		return cmp.Or(strings.Compare(a.Name, b.Name), boolFirst(a.Dir, b.Dir), b.Updated.Compare(a.Updated), strings.Compare(a.ID, b.ID))
	})
	unique := slices.CompactFunc(there, func(a, b *remote.Entry) bool { return a.Name == b.Name })
	l.Hidden += len(there) - len(unique)
	l.shown.grow(len(unique))
	for _, e := range unique {
		l.shown.add(e)
		l.count(e, 1)
	}
	l.shown.clip()
	return l
}

// pointers returns where entries are.
func pointers(entries []remote.Entry) []*remote.Entry {
	all := make([]*remote.Entry, len(entries))
	for i := range entries {
		all[i] = &entries[i]
	}
	return all
}

// Len returns how many entries are shown.
func (l *Listing) Len() int { return l.shown.len() }

// Entries returns those that are shown, by name, each name once.
func (l *Listing) Entries() []remote.Entry { return l.shown.entries() }

// After returns the entries whose names come after a name.
func (l *Listing) After(name string) iter.Seq[remote.Entry] {
	return func(yield func(remote.Entry) bool) {
		i, found := l.shown.search(name)
		if found {
			i++
		}
		for ; i < l.shown.len() && yield(l.shown.entry(i)); i++ {
		}
	}
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
func (l *Listing) cost() int64 { return int64(l.Len()) + 1 }

// keepSizes gives entries that are being uploaded the size that they had in a listing
// before, nil for none: the service may tell the new one while it has the old content.
// Nobody else has l yet.
func (l *Listing) keepSizes(before *Listing) {
	if before == nil {
		return
	}
	for i := range l.shown.len() {
		if r := l.shown.at(i); r.status != remote.Pending || len(r.etag) == 0 {
			continue
		}
		e := l.shown.entry(i)
		if was, ok := before.Get(e.Name); ok && was.ID == e.ID && was.ETag == e.ETag && was.Size != e.Size {
			l.bytes += was.Size - e.Size
			e.Size = was.Size
			l.shown.put(i, i+1, &e)
		}
	}
}

func (l *Listing) names() []string {
	names := make([]string, l.Len())
	for i := range names {
		names[i] = string(l.shown.name(i))
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
	i, ok := l.shown.search(name)
	if !ok {
		return remote.Entry{}, false
	}
	return l.shown.entry(i), true
}
