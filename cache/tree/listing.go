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
	Fetched time.Time      // when the fetch began

	files, bytes int64
}

// newListing keeps what can be shown. Entries on their way out are not there any
// more; names and ids that are no names and ids are counted as hidden. Where the
// service holds a name twice, a directory goes before a file, which would
// otherwise hide everything below it, and then the newer before the older.
func newListing(entries []remote.Entry, fetched time.Time) *Listing {
	l := &Listing{Fetched: fetched}
	for _, e := range entries {
		switch {
		case e.Status == remote.Deleting, e.Status == remote.Moving && e.MovedTo != "":
		case !remote.ValidName(e.Name), !remote.ValidID(e.ID):
			l.Hidden++
		default:
			l.Entries = append(l.Entries, e)
		}
	}
	slices.SortFunc(l.Entries, func(a, b remote.Entry) int {
		return cmp.Or(strings.Compare(a.Name, b.Name), boolFirst(a.Dir, b.Dir), b.Updated.Compare(a.Updated), strings.Compare(a.ID, b.ID))
	})
	unique := slices.CompactFunc(l.Entries, func(a, b remote.Entry) bool { return a.Name == b.Name })
	l.Hidden += len(l.Entries) - len(unique)
	l.Entries = unique
	for _, e := range l.Entries {
		if !e.Dir {
			l.files++
			l.bytes += e.Size
		}
	}
	return l
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
	i, ok := slices.BinarySearchFunc(l.Entries, name, func(e remote.Entry, name string) int {
		return strings.Compare(e.Name, name)
	})
	if !ok {
		return remote.Entry{}, false
	}
	return l.Entries[i], true
}
