package tree

import (
	"maps"
	"slices"
	"time"

	"losantfs/remote"
)

// Look is a question to the service that is not about one directory, from when it
// is asked until its answer is known. What this machine changes meanwhile counts
// more than the answer.
type Look struct {
	t       *Tree
	began   time.Time
	fetched map[string]bool // of a poll: directories fetched between the one before and this one
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

// BeginPoll is [Tree.Begin] of a look at what has changed.
func (t *Tree) BeginPoll() *Look {
	l := t.Begin()
	t.mu.Lock()
	defer t.mu.Unlock()
	l.fetched, t.fetched = t.fetched, map[string]bool{}
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
		if !ok {
			continue
		}
		for i := range known.shown.len() {
			if !known.updated(i).Before(since) && !ids[known.shown.entry(i).ID] {
				return true
			}
		}
	}
	return false
}

// Moved returns the ids of those of some entries, which are not new, that have come
// to where they are, and may be known where they were. Their directory was known
// without them, or an entry that is known somewhere else, and is not among those that
// are seen there, has their id or is exactly as old. It is called before [Look.Update]
// and [Look.Vanished].
func (l *Look) Moved(entries, seen []remote.Entry) (ids []string) {
	t := l.t
	t.mu.Lock()
	defer t.mu.Unlock()
	ages := map[int64][]remote.Entry{}
	for _, e := range entries {
		known, ok := t.listings.Get(e.Parent)
		switch {
		case !ok, l.fetched[e.Parent], t.fetched[e.Parent]:
			ages[e.Created.UnixNano()] = append(ages[e.Created.UnixNano()], e)
		case known.find(e) < 0:
			ids = append(ids, e.ID)
		}
	}
	if len(ages) == 0 {
		return ids
	}
	there := map[string]string{}
	for _, e := range seen {
		if fateOf(&e) == shown {
			there[e.ID] = e.Parent
		}
	}
	for _, dir := range t.listings.Keys() {
		known, _ := t.listings.Get(dir)
		for i := range known.shown.len() {
			created := known.shown.at(i).created
			for _, e := range ages[created.UnixNano()] {
				k := known.shown.entry(i)
				if k.Dir == e.Dir && there[k.ID] != dir && (k.ID != e.ID || dir != e.Parent) {
					ids = append(ids, e.ID)
				}
			}
		}
	}
	return ids
}

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
		for other := range t.looks {
			for _, e := range c {
				if other != l { // its answer may be from before
					other.edits = append(other.edits, placed{dir, e})
				}
			}
		}
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
	t.change(dir, differ(&before.shown, &n.shown)...)
	for _, o := range gone {
		t.goneBelow(dir + o.Name + "/")
	}
}

// doubtFrozen notes that a frozen directory is no longer as it is shown. t.mu is
// held.
func (t *Tree) doubtFrozen(dir string, known, now *Listing) {
	names := differ(&known.shown, &now.shown)
	if len(names) == 0 {
		return
	}
	doubtful := *known
	doubtful.doubtful = true
	t.store(dir, &doubtful)
	t.change(dir, names...)
}

// Replace says what all directories of the service hold. Those of which nothing was
// known stay so.
func (l *Look) Replace(all []remote.Entry) { l.replace(all, false, false) }

// Learn says what all directories of the service held when the look was answered, which
// has been confirmed since: all are known then, and watched.
func (l *Look) Learn(all []remote.Entry) { l.replace(all, true, true) }

// replace is Replace that also makes known what was not, where that is wanted. What was
// fetched after the look began counts more.
func (l *Look) replace(all []remote.Entry, learn, confirmed bool) {
	groups := group(all)
	edits := map[string][]edit{}
	t := l.t
	t.mu.Lock()
	defer t.mu.Unlock()
	fetched := l.began
	if confirmed {
		fetched = t.since
	}
	for _, p := range l.edits {
		edits[p.dir] = append(edits[p.dir], p.edit)
	}
	listing := func(dir string) *Listing {
		n := newListing(groups[dir], fetched)
		if len(edits[dir]) > 0 {
			n, _ = n.with(edits[dir]...)
		}
		return n
	}
	forgotten := func(dir string) bool {
		return slices.ContainsFunc(l.forgot, func(of func(string) bool) bool { return of(dir) })
	}
	for _, dir := range t.dirs() {
		known, ok := t.listings.Get(dir)
		if t.frozen(dir) || ok && known.Fetched.After(l.began) || !ok && forgotten(dir) {
			continue
		}
		now := listing(dir)
		if _, exists := groups[dir]; !exists && now.Len() == 0 {
			t.compare(dir, nil)
			t.drop(dir)
			continue
		}
		now.keepSizes(known)
		t.compare(dir, now)
		t.store(dir, now)
		if !confirmed { // what is of the look itself cannot have come since
			t.fetched[dir] = true
		}
	}
	if !learn {
		return
	}
	t.whole.known = true
	for dir := range groups {
		_, ok := t.listings.Get(dir)
		if !ok && !forgotten(dir) && !t.frozen(dir) {
			now := listing(dir)
			t.warn(dir, now)
			t.store(dir, now)
			if !confirmed {
				t.fetched[dir] = true
			}
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
