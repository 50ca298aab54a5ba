package tree

import (
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
	t.change(dir, differ(before.Entries, now.Entries)...)
	for i := range before.Entries {
		e := &before.Entries[i]
		if !e.Dir {
			continue
		}
		if there, ok := now.Get(e.Name); !ok || there.ID != e.ID {
			t.forgetBelowLocked(dir + e.Name + "/") // what is there now, if anything, is another
		}
	}
}

// differ returns the names by which two listings differ.
func differ(a, b []remote.Entry) (names []string) {
	for len(a) > 0 || len(b) > 0 {
		switch {
		case len(b) == 0 || len(a) > 0 && a[0].Name < b[0].Name:
			names = append(names, a[0].Name)
			a = a[1:]
		case len(a) == 0 || b[0].Name < a[0].Name:
			names = append(names, b[0].Name)
			b = b[1:]
		default:
			if !alike(&a[0], &b[0]) {
				names = append(names, a[0].Name)
			}
			a, b = a[1:], b[1:]
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

// Dirs returns the directories whose listings are known, or were until they were
// forgotten.
func (t *Tree) Dirs() []string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.dirs()
}

func (t *Tree) dirs() []string {
	return slices.Concat(t.listings.Keys(), slices.Collect(maps.Keys(t.doubted)))
}

// CountBelow returns how many entries are known below a directory.
func (t *Tree) CountBelow(dir string) (n int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, d := range t.listings.Keys() {
		if l, ok := t.listings.Get(d); ok && strings.HasPrefix(d, dir) {
			n += len(l.Entries) + l.Hidden + l.Moving
		}
	}
	return n
}

// Misses reports whether an entry is not known although its directory is.
func (t *Tree) Misses(e remote.Entry) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	l, ok := t.listings.Get(e.Parent)
	return ok && l.find(e) < 0
}

// Note records whether the service works.
func (t *Tree) Note(err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.note(err)
}

// Look is a question to the service that is not about one directory, from when it
// is asked until its answer is known. What this machine changes meanwhile counts
// more than the answer.
type Look struct {
	t     *Tree
	began time.Time
	// Since it began, guarded by Tree.mu:
	edits  []placed                // what this machine changed
	forgot []func(dir string) bool // directories that were found to be wrong
}

type placed struct {
	dir string
	edit
}

// Begin is called before the question is asked. The look must be ended.
func (t *Tree) Begin() *Look {
	t.mu.Lock()
	defer t.mu.Unlock()
	l := &Look{t: t, began: time.Now()}
	t.looks[l] = struct{}{}
	return l
}

// End ends the look.
func (l *Look) End() {
	l.t.mu.Lock()
	defer l.t.mu.Unlock()
	delete(l.t.looks, l)
}

// Began returns when the question was asked.
func (l *Look) Began() time.Time { return l.began }

// Update says that entries of the service have changed, and are as given.
func (l *Look) Update(entries []remote.Entry) {
	t := l.t
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, e := range entries {
		if !l.overtaken(e) && !t.frozen(e.Parent) {
			t.hear(e)
		}
	}
}

func (l *Look) overtaken(e remote.Entry) bool {
	return slices.ContainsFunc(l.edits, func(p placed) bool {
		return p.entry.ID == e.ID || p.dir == e.Parent && p.entry.Name == e.Name
	})
}

// hear makes an entry known as the service has it. t.mu is held.
func (t *Tree) hear(e remote.Entry) {
	c := edit{entry: e, heard: true}
	t.editFlights(e.Parent, c)
	before, ok := t.listings.Get(e.Parent)
	if !ok {
		t.change(e.Parent, e.Name)
		return
	}
	if known, ok := before.Get(e.Name); ok && alike(&known, &e) && known.ContentType == e.ContentType {
		return
	}
	n, gone := before.with(c)
	t.store(e.Parent, n)
	t.change(e.Parent, differ(before.Entries, n.Entries)...)
	for _, o := range gone {
		t.forgetBelowLocked(e.Parent + o.Name + "/")
	}
}

// Replace says what all directories of the service hold. Those that are not known
// stay so.
func (l *Look) Replace(all []remote.Entry) { l.replace(all, false) }

// replace is Replace that also makes known what was not, where that is wanted.
func (l *Look) replace(all []remote.Entry, learn bool) {
	groups := group(all)
	edits := map[string][]edit{}
	t := l.t
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, p := range l.edits {
		edits[p.dir] = append(edits[p.dir], p.edit)
	}
	listing := func(dir string) *Listing {
		n := newListing(groups[dir], l.began)
		if len(edits[dir]) > 0 {
			n, _ = n.with(edits[dir]...)
		}
		return n
	}
	for _, dir := range t.dirs() {
		known, ok := t.listings.Get(dir)
		if t.frozen(dir) || ok && known.Fetched.After(l.began) {
			continue
		}
		now := listing(dir)
		if _, exists := groups[dir]; !exists && len(now.Entries) == 0 {
			t.compare(dir, nil)
			t.drop(dir)
			continue
		}
		t.compare(dir, now)
		if ok {
			t.store(dir, now)
		}
	}
	if !learn {
		return
	}
	for dir := range groups {
		_, ok := t.listings.Get(dir)
		forgotten := slices.ContainsFunc(l.forgot, func(of func(string) bool) bool { return of(dir) })
		if !ok && !forgotten && !t.frozen(dir) {
			t.store(dir, listing(dir))
		}
	}
}

// Confirm says that all changes up to the question have been told: what is watched
// is true as of then.
func (l *Look) Confirm() {
	t := l.t
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.since.IsZero() {
		t.since = l.began
	}
	t.asOf = l.began
}

// Lose says that there may have been changes that are not told: only what is
// fetched from the question on is watched.
func (l *Look) Lose() {
	t := l.t
	t.mu.Lock()
	defer t.mu.Unlock()
	t.since, t.asOf = l.began, l.began
}
