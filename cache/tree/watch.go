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
			all = append(append(all, l.Entries...), l.moving...)
		}
	}
	return all
}

// Moved returns the ids of those of some entries, which are not new, that have come
// to where they are: their directory is known without them, or it is not known and
// another entry that is known is exactly as old.
func (t *Tree) Moved(entries []remote.Entry) (ids []string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	ages := map[int64][]remote.Entry{}
	for _, e := range entries {
		l, ok := t.listings.Get(e.Parent)
		switch {
		case !ok:
			ages[e.Created.UnixNano()] = append(ages[e.Created.UnixNano()], e)
		case l.find(e) < 0:
			ids = append(ids, e.ID)
		}
	}
	if len(ages) == 0 {
		return ids
	}
	for _, dir := range t.listings.Keys() {
		l, _ := t.listings.Get(dir)
		for _, k := range l.Entries {
			for _, e := range ages[k.Created.UnixNano()] {
				if k.ID != e.ID && k.Dir == e.Dir {
					ids = append(ids, e.ID)
				}
			}
		}
	}
	return ids
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
	t       *Tree
	began   time.Time
	fetched map[string]bool // directories fetched between the look before and this one
	// Since it began, guarded by Tree.mu:
	edits  []placed                // what this machine changed
	forgot []func(dir string) bool // directories that were found to be wrong
}

type placed struct {
	dir string
	edit
}

// Begin is called before the question is asked what has changed. The look must be
// ended.
func (t *Tree) Begin() *Look {
	l := t.BeginReading()
	t.mu.Lock()
	defer t.mu.Unlock()
	l.fetched, t.fetched = t.fetched, map[string]bool{}
	return l
}

// BeginReading is called before all is asked for. The look must be ended.
func (t *Tree) BeginReading() *Look {
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
	maps.Copy(l.t.fetched, l.fetched)
}

// Vanished reports whether something that was fetched between the look before and
// this one, and updated at or after the given time of the service, is not among the
// ids that the service has now. It came and went between two looks.
func (l *Look) Vanished(since time.Time, ids map[string]bool) bool {
	t := l.t
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, p := range l.edits {
		ids[p.entry.ID] = true
	}
	dirs := l.fetched
	l.fetched = nil
	for dir := range dirs {
		known, ok := t.listings.Get(dir)
		if ok && slices.ContainsFunc(known.Entries, func(e remote.Entry) bool { return !e.Updated.Before(since) && !ids[e.ID] }) {
			return true
		}
	}
	return false
}

// Began returns when the question was asked.
func (l *Look) Began() time.Time { return l.began }

// Update says that entries of the service have changed, and are as given, the last
// change first. It returns those of which this machine has changed something since
// the question: whether the answer counts is not known.
func (l *Look) Update(entries []remote.Entry) (unsure []remote.Entry) {
	t := l.t
	t.mu.Lock()
	defer t.mu.Unlock()
	ids, places := map[string]bool{}, map[string]bool{}
	for _, p := range l.edits {
		ids[p.entry.ID], places[p.dir+p.entry.Name] = true, true
	}
	edits := map[string][]edit{}
	for _, e := range slices.Backward(entries) {
		if ids[e.ID] || places[e.Parent+e.Name] {
			unsure = append(unsure, e)
			continue
		}
		edits[e.Parent] = append(edits[e.Parent], edit{entry: e})
	}
	for dir, c := range edits {
		t.hear(dir, c)
	}
	return unsure
}

// hear makes entries of a directory known as the service has them. t.mu is held.
func (t *Tree) hear(dir string, edits []edit) {
	for _, c := range edits {
		t.editFlights(dir, c)
	}
	before, ok := t.listings.Get(dir)
	if !ok {
		for _, c := range edits {
			t.change(dir, c.entry.Name)
			if fateOf(&c.entry) != shown {
				t.goneBelow(dir + c.entry.Name + "/")
			}
		}
		return
	}
	edits = slices.DeleteFunc(edits, func(c edit) bool {
		known, ok := before.Get(c.entry.Name)
		return ok && alike(&known, &c.entry) && known.ContentType == c.entry.ContentType
	})
	if len(edits) == 0 {
		return
	}
	n, gone := before.with(edits...)
	n.keepSizes(before)
	if t.frozen(dir) {
		t.doubtFrozen(dir, before, n)
		return
	}
	t.store(dir, n)
	t.change(dir, differ(before.Entries, n.Entries)...)
	for _, o := range gone {
		t.goneBelow(dir + o.Name + "/")
	}
}

// doubtFrozen notes that a frozen directory is no longer as it is shown. t.mu is
// held.
func (t *Tree) doubtFrozen(dir string, known, now *Listing) {
	names := differ(known.Entries, now.Entries)
	if len(names) == 0 {
		return
	}
	doubtful := *known
	doubtful.doubtful = true
	t.store(dir, &doubtful)
	t.change(dir, names...)
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
		now.keepSizes(known)
		t.compare(dir, now)
		if ok {
			t.store(dir, now)
			t.fetched[dir] = true
		}
	}
	if !learn {
		return
	}
	for dir := range groups {
		_, ok := t.listings.Get(dir)
		forgotten := slices.ContainsFunc(l.forgot, func(of func(string) bool) bool { return of(dir) })
		if !ok && !forgotten && !t.frozen(dir) {
			now := listing(dir)
			t.warn(dir, now)
			t.store(dir, now)
			t.fetched[dir] = true
		}
	}
}

// Confirm says that all changes up to the question have been told: what is watched
// is true as of then. With the first answer the watch begins.
func (l *Look) Confirm() {
	t := l.t
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.since.IsZero() {
		t.since = time.Now() // what came before the answer is not told
	}
	t.asOf = l.began
}

// Lose says that there may have been changes that are not told: only what is
// fetched from now on is watched.
func (l *Look) Lose() {
	t := l.t
	t.mu.Lock()
	defer t.mu.Unlock()
	t.since, t.asOf = time.Now(), l.began
}
