package watch

import (
	"time"

	"golang.org/x/sync/errgroup"

	"losantfs/remote"
)

const (
	// glance is how many entries a poll asks for, in the hope that no more have
	// changed.
	glance = 25
	// page is how many each further request asks for, and maxPages how many of
	// these there are before all is read again.
	page     = 1000
	maxPages = 5
	// readers bounds how many directories are read at once.
	readers = 4
)

func (w *Watcher) latest(perPage, number int) (remote.Page, error) {
	return w.service.List(w.ctx, remote.ListOptions{SortField: "lastUpdated", Desc: true, PerPage: perPage, Page: number})
}

// poll finds out what has changed since the last poll. Where it cannot tell, all
// that is known has to be read again.
func (w *Watcher) poll() (p remote.Page, read bool, err error) {
	look := w.tree.Begin()
	defer look.End()
	before := w.ownNow()
	p, err = w.latest(glance, 0)
	w.tree.Note(err)
	if err != nil {
		w.failed = true
		return p, false, err
	}
	if w.failed {
		w.failed = false
		w.answers()
	}
	changed, all, err := w.changedSince(p)
	if err != nil {
		return p, false, err
	}
	came := w.came(changed)
	look.Update(changed)
	w.seen, w.seenAll = p.Items, len(p.Items) >= p.TotalCount
	defer w.save()
	if !all || came {
		w.rebase(p, w.ownNow())
		look.Lose()
		return p, true, nil
	}
	switch w.count(p, changed, before) {
	case explained:
		look.Confirm()
	case unexplained:
		look.Lose()
		return p, true, nil
	}
	return p, time.Since(w.lastRead) > reread && w.tree.Asked().After(w.lastRead), nil
}

// changedSince returns the entries that are not as they were in the last poll, and
// whether these are all.
func (w *Watcher) changedSince(p remote.Page) (changed []remote.Entry, all bool, err error) {
	if w.seen == nil {
		return nil, true, nil
	}
	if changed, all = w.compare(p.Items); all || len(p.Items) >= p.TotalCount {
		return changed, true, nil
	}
	changed = nil
	got := 0
	for n := range maxPages {
		more, err := w.latest(page, n)
		if err != nil {
			return nil, false, err
		}
		some, all := w.compare(more.Items)
		changed = append(changed, some...)
		got += len(more.Items)
		if all || len(more.Items) == 0 || got >= more.TotalCount {
			return changed, true, nil
		}
	}
	return changed, false, nil
}

// compare returns the entries that are not as they were in the last poll, and
// whether no older ones can have changed.
func (w *Watcher) compare(entries []remote.Entry) (changed []remote.Entry, all bool) {
	type state struct {
		updated time.Time
		etag    string
		status  remote.Status
		into    string
		at      string
	}
	stateOf := func(e *remote.Entry) state {
		return state{e.Updated.UTC(), e.ETag, e.Status, e.MovedTo, e.Parent + e.Name}
	}
	before := map[string]state{}
	for i := range w.seen {
		before[w.seen[i].ID] = stateOf(&w.seen[i])
	}
	// Of entries older than this the last poll said nothing.
	var horizon time.Time
	if len(w.seen) > 0 && !w.seenAll {
		horizon = w.seen[len(w.seen)-1].Updated
	}
	for i := range entries {
		e := &entries[i]
		if e.Updated.Before(horizon) {
			all = true
			continue
		}
		if s, ok := before[e.ID]; ok && s == stateOf(e) {
			all = true
			continue
		}
		changed = append(changed, *e)
	}
	return changed, all
}

// came reports whether one of the entries has come to a directory that is known
// without being new: it may be missing elsewhere.
func (w *Watcher) came(changed []remote.Entry) bool {
	for _, e := range changed {
		if w.baseline.set && e.Created.Before(w.baseline.newest) && e.Status == remote.Completed && remote.ValidName(e.Name) && w.tree.Misses(e) {
			return true
		}
	}
	return false
}

// read reads again all that is known: directory by directory, or the whole space.
// What it does not get is not watched, and read again when somebody asks.
func (w *Watcher) read(total int) {
	w.lastRead = time.Now()
	dirs := w.tree.Dirs()
	if len(dirs) > total/page+1 {
		look := w.tree.Begin()
		defer look.End()
		all, err := w.service.ListAll(w.ctx)
		if err != nil {
			w.log.Debug("reading again what is known", "error", err)
			return
		}
		look.Replace(all)
		return
	}
	var g errgroup.Group
	g.SetLimit(readers)
	since := time.Now()
	for _, dir := range dirs {
		g.Go(func() error {
			_, err := w.tree.ListSince(w.ctx, dir, since)
			return err
		})
	}
	if err := g.Wait(); err != nil {
		w.log.Debug("reading again what is known", "error", err)
	}
}
