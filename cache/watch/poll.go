package watch

import (
	"context"
	"maps"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"

	"losantfs/cache/tree"
	"losantfs/remote"
)

const (
	// glance is how many entries a poll asks for, in the hope that no more have
	// changed.
	glance = 25
	// maxPages is how many further requests there are, for whole pages, before all
	// is read again.
	maxPages = 5
	// readers bounds how many directories are read at once.
	readers = 4
)

func (w *Watcher) latest(perPage, number int) (remote.Page, error) {
	return w.service.List(w.ctx, remote.ListOptions{SortField: "lastUpdated", Desc: true, PerPage: perPage, Page: number})
}

// poll finds out what has changed since the last poll, and returns how many entries
// there are.
func (w *Watcher) poll() (total int, err error) {
	look := w.tree.BeginPoll()
	defer look.End()
	before := w.ownNow()
	size := glance
	if w.learn {
		size = remote.MaxPerPage
	}
	first, err := w.latest(size, 0)
	w.tree.Note(err)
	if err != nil {
		w.failed = true
		return 0, err
	}
	if w.failed {
		w.failed = false
		w.answers()
	}
	p := first
	p.Items = glanced(first.Items)
	if w.seen == nil && len(p.Items) == size && len(glanced(append(p.Items, p.Items[0]))) > size {
		// As many as were asked for came at once, and what else did then is not known.
		if p, err = w.latest(remote.MaxPerPage, 0); err != nil {
			return 0, err
		}
		p.Items = glanced(p.Items)
	}
	changed, all, err := w.changedSince(p)
	if err != nil {
		return 0, err
	}
	moved := w.moved(look, p, changed)
	vanished := w.vanished(look, p, changed)
	w.remember(p, changed, look.Update(changed))
	switch {
	case !all || moved || vanished:
		w.rebase(p, changed, before)
		w.lose(look)
	default:
		switch w.count(p, changed, before) {
		case explained:
			look.Confirm()
			w.learnAll(look, first)
		case unexplained:
			w.lose(look)
		case unsure:
			if w.restored { // nothing that this machine does blurs the first poll
				w.lose(look)
			}
		}
	}
	w.restored = false
	if w.unread.IsZero() && time.Since(w.lastRead) > reread && w.tree.Asked().After(w.lastRead) {
		w.unread = time.Now()
	}
	w.save()
	return p.TotalCount, nil
}

// glanced returns the entries that a poll looks at, of those that it got: as many as it
// asks for, and all that were updated when the newest was. A bulk upload makes many in a
// millisecond, which cannot be told from later ones when they are not remembered.
func glanced(entries []remote.Entry) []remote.Entry {
	n := min(len(entries), glance)
	for n < len(entries) && entries[n].Updated.Equal(entries[0].Updated) {
		n++
	}
	return entries[:n:n]
}

// learnAll makes the whole space known by the pages that follow the first, where that is
// wanted. What fails, or changes meanwhile, is listed when it is asked for.
func (w *Watcher) learnAll(look *tree.Look, first remote.Page) {
	if !w.learn {
		return
	}
	w.learn = false
	if !tree.IsSmall(first.TotalCount) {
		return
	}
	if all, whole, err := w.service.ListRest(w.ctx, first); whole && err == nil {
		look.Learn(all)
	}
}

// changedSince returns the entries that are not as they were in the last poll, the
// one that was updated last first, and whether these are all.
func (w *Watcher) changedSince(p remote.Page) (changed []remote.Entry, all bool, err error) {
	if w.seen == nil {
		return nil, true, nil
	}
	if changed, all = w.compare(p.Items); all || isLast(p, len(p.Items), glance) {
		return changed, true, nil
	}
	got, most := 0, p.TotalCount
	for n := range maxPages {
		more, err := w.latest(remote.MaxPerPage, n)
		if err != nil {
			return nil, false, err
		}
		some, all := w.compare(more.Items)
		changed = append(changed, some...)
		got += len(more.Items)
		if more.TotalCount < most {
			return latestOf(changed), false, nil // what moved up meanwhile may be on no page
		}
		most = more.TotalCount
		if all || isLast(more, got, remote.MaxPerPage) {
			return latestOf(changed), true, nil
		}
	}
	return latestOf(changed), false, nil
}

// latestOf returns the latest of what several answers say of each entry, the one that
// was updated last first. What only an earlier answer has is gone since.
func latestOf(entries []remote.Entry) (latest []remote.Entry) {
	slices.SortStableFunc(entries, func(a, b remote.Entry) int { return b.Updated.Compare(a.Updated) })
	ids := map[string]bool{}
	for _, e := range entries {
		if !ids[e.ID] {
			ids[e.ID] = true
			latest = append(latest, e)
		}
	}
	return latest
}

// isLast reports whether nothing follows a page with which so many entries were got.
// A full page does not take the service's count for it.
func isLast(p remote.Page, got, asked int) bool {
	if p.PerPage > 0 {
		asked = min(asked, p.PerPage) // it sends no more
	}
	return len(p.Items) == 0 || got >= p.TotalCount && len(p.Items) < asked
}

// state is what makes an entry another than it was. It is exported for encoding
// only.
type state struct {
	Updated time.Time
	ETag    string
	Status  remote.Status
	Into    string
	At      string
}

func stateOf(e *remote.Entry) state {
	return state{e.Updated.UTC(), e.ETag, e.Status, e.MovedTo, e.Parent + e.Name}
}

// compare returns the entries that are not as they were in the last poll, and
// whether no older ones can have changed.
func (w *Watcher) compare(entries []remote.Entry) (changed []remote.Entry, all bool) {
	for i := range entries {
		e := &entries[i]
		told := e.Updated.Before(w.untold)
		all = all || told
		s, ok := w.seen[e.ID]
		if ok && s != stateOf(e) || !ok && (!told || e.Updated.After(w.horizon)) {
			changed = append(changed, *e)
		}
	}
	return changed, all
}

// remember keeps what the next poll is compared with. Entries of which it is unsure
// whether they count are told again then.
func (w *Watcher) remember(p remote.Page, changed, unsure []remote.Entry) {
	at := newest(p.Items)
	w.seen, w.horizon, w.untold = map[string]state{}, time.Time{}, at
	if at.Equal(w.newest) {
		w.untold = at.Add(1) // the clock of the service has gone on since
	}
	w.newest = at
	if w.untoldBefore.IsZero() {
		w.untoldBefore = w.untold
	}
	for i := range p.Items {
		w.seen[p.Items[i].ID] = stateOf(&p.Items[i])
	}
	for i := range changed {
		if e := &changed[i]; !e.Updated.Before(at) { // it may be on a further page
			w.seen[e.ID] = stateOf(e)
		}
	}
	if !isLast(p, len(p.Items), glance) {
		w.horizon = p.Items[len(p.Items)-1].Updated
	}
	for _, e := range unsure {
		delete(w.seen, e.ID)
		if e.Updated.Before(w.untold) {
			w.untold = e.Updated
		}
		if e.Updated.Before(w.horizon) {
			w.horizon = e.Updated
		}
	}
}

// moved reports whether an entry that is not new has come from somewhere else, where
// it may still be known. One that has come while a call of this machine runs is
// judged when it has ended: that may be what moved it.
func (w *Watcher) moved(look *tree.Look, p remote.Page, changed []remote.Entry) bool {
	var old []remote.Entry
	for _, e := range changed {
		if w.baseline.set && e.Created.Before(w.baseline.newest) && !isLeaving(&e) && remote.ValidName(e.Name) {
			old = append(old, e)
		}
	}
	for _, id := range look.Moved(old, p.Items) {
		w.came[id] = true
	}
	o := w.ownNow()
	maps.DeleteFunc(w.came, func(id string, _ bool) bool {
		_, removed := o.removed[id]
		return removed || o.made[id]
	})
	if len(w.came) == 0 || o.running > 0 {
		return false
	}
	clear(w.came)
	return true
}

// vanished reports whether something came, was fetched and went since the last poll,
// or while that one ran.
func (w *Watcher) vanished(look *tree.Look, p remote.Page, changed []remote.Entry) bool {
	ids := map[string]bool{}
	for _, entries := range [][]remote.Entry{p.Items, changed} {
		for _, e := range entries {
			ids[e.ID] = true
		}
	}
	seen := maps.Clone(ids)
	maps.Copy(seen, w.ids)
	since := w.untoldBefore
	w.ids, w.untoldBefore = ids, w.untold
	return !since.IsZero() && look.Vanished(since, seen)
}

// lose notes that what is known has to be read again.
func (w *Watcher) lose(look *tree.Look) {
	look.Lose()
	w.unread, w.untoldBefore = time.Now(), w.untold // older listings do not count
}

// read reads again what has to be: directory by directory, or the whole space. What
// cannot be read now is read after the next poll.
func (w *Watcher) read(ctx context.Context, total int) {
	if w.unread.IsZero() {
		return
	}
	dirs, frozen := w.tree.Unread(w.unread)
	read := w.readDirs
	if len(dirs) > total/remote.MaxPerPage+1 {
		read = w.readAll
	}
	if err := read(ctx, dirs); err != nil {
		w.log.Debug("what is known cannot be read again now", "error", err)
	} else if !frozen {
		w.lastRead, w.unread = time.Now(), time.Time{}
	}
}

func (w *Watcher) readAll(ctx context.Context, _ []string) error {
	look := w.tree.Begin()
	defer look.End()
	all, err := w.service.ListAll(ctx)
	if err == nil {
		look.Replace(all)
	}
	return err
}

func (w *Watcher) readDirs(ctx context.Context, dirs []string) error {
	var g errgroup.Group
	g.SetLimit(readers)
	for _, dir := range dirs {
		g.Go(func() error {
			_, err := w.tree.ListSince(ctx, dir, w.unread)
			if remote.KindOf(err) == remote.NotFound {
				return nil
			}
			return err
		})
	}
	return g.Wait()
}
