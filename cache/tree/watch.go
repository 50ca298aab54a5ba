package tree

import (
	"bytes"
	"maps"
	"slices"
	"strings"
	"time"

	"losantfs/remote"
)

// change tells of names that are no longer what was known. t.mu is held.
func (t *Tree) change(dir string, names ...string) {
	if t.watch.Changed != nil && len(names) > 0 {
		t.watch.Changed(dir, names)
	}
}

// doubt forgets what is known of a directory, until a fetch tells what is different.
// t.mu is held.
func (t *Tree) doubt(dir string) {
	if l, ok := t.listings.Get(dir); ok && t.watch.Changed != nil {
		t.doubted[dir] = l
	}
	t.drop(dir)
}

// compare tells the names by which a listing differs from what was known of the
// directory, and forgets what is below directories that are gone; nil is the listing
// of a directory that is gone itself. t.mu is held.
func (t *Tree) compare(dir string, now *Listing) {
	if t.watch.Changed == nil {
		return
	}
	before, ok := t.listings.Get(dir)
	if !ok {
		before = t.doubted[dir]
	}
	delete(t.doubted, dir)
	if before == nil {
		return
	}
	if now == nil {
		now = &Listing{}
	}
	t.change(dir, differ(&before.shown, &now.shown)...)
	for i := range before.shown.len() {
		if r := before.shown.at(i); !r.is(isDir) {
			continue
		}
		e := before.shown.entry(i)
		if there, ok := now.Get(e.Name); !ok || there.ID != e.ID {
			t.goneBelow(dir + e.Name + "/") // what is there now, if anything, is another
		}
	}
}

// goneBelow forgets what is known of a directory and of all below it, as the service
// has another there now, or none. What is frozen is shown until the thaw: it is this
// machine that moves it. t.mu is held.
func (t *Tree) goneBelow(dir string) {
	for _, d := range t.dirs() {
		if !strings.HasPrefix(d, dir) {
			continue
		}
		l, ok := t.listings.Get(d)
		switch {
		case !ok:
			delete(t.doubted, d)
		case t.frozen(d):
			doubtful := *l
			doubtful.doubtful = true
			t.store(d, &doubtful)
		default:
			t.drop(d)
		}
	}
	t.detach(func(d string) bool { return strings.HasPrefix(d, dir) && !t.frozen(d) })
}

// differ returns the names by which the entries of two listings differ.
func differ(a, b *packed) (names []string) {
	for i, j := 0, 0; i < a.len() || j < b.len(); {
		order := 0
		switch {
		case j == b.len():
			order = -1
		case i == a.len():
			order = 1
		default:
			order = bytes.Compare(a.name(i), b.name(j))
		}
		switch {
		case order < 0:
			names = append(names, string(a.name(i)))
		case order > 0:
			names = append(names, string(b.name(j)))
		default:
			if x, y := a.at(i), b.at(j); !x.alike(&y) {
				names = append(names, string(x.name))
			}
		}
		if order <= 0 {
			i++
		}
		if order >= 0 {
			j++
		}
	}
	return names
}

// alike reports whether two entries of a name look the same.
func alike(a, b *remote.Entry) bool {
	return a.ID == b.ID && a.Dir == b.Dir && a.Status == b.Status && a.Size == b.Size && a.ETag == b.ETag && a.Updated.Equal(b.Updated)
}

// isWatched reports whether a change of a listing would be noticed.
func (t *Tree) isWatched(l *Listing) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.isWatchedLocked(l)
}

func (t *Tree) isWatchedLocked(l *Listing) bool {
	return !t.since.IsZero() && !l.Fetched.Before(t.since) && !l.doubtful
}

// asOfLocked returns the time for which a listing is known to be true.
func (t *Tree) asOfLocked(l *Listing) time.Time {
	if t.isWatchedLocked(l) && t.asOf.After(l.Fetched) {
		return t.asOf
	}
	return l.Fetched
}

func (t *Tree) dirs() []string {
	return slices.Concat(t.listings.Keys(), slices.Collect(maps.Keys(t.doubted)))
}

// Unread returns the directories of which something is or was known that is from
// before the given time. Those that are frozen are left out, but for whether there
// are any.
func (t *Tree) Unread(since time.Time) (dirs []string, frozen bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, dir := range t.dirs() {
		switch l, ok := t.listings.Get(dir); {
		case ok && !l.doubtful && !l.Fetched.Before(since):
		case t.frozen(dir):
			frozen = true
		default:
			dirs = append(dirs, dir)
		}
	}
	return dirs, frozen
}

// Below returns the entries that are known below a directory.
func (t *Tree) Below(dir string) (all []remote.Entry) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, d := range t.listings.Keys() {
		if l, ok := t.listings.Get(d); ok && strings.HasPrefix(d, dir) {
			all = append(append(all, l.Entries()...), l.moving...)
		}
	}
	return all
}

// Note records whether the service works.
func (t *Tree) Note(err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.note(err)
}
