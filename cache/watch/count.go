package watch

import (
	"sync"
	"sync/atomic"
	"time"

	"losantfs/remote"
)

// baseline is a total count that is explained, and what is known to have changed it
// since.
type baseline struct {
	set    bool
	rough  bool // own calls ran: what it counts of them is not known
	total  int
	newest time.Time       // when an entry was last updated then, by the service's clock
	had    map[string]bool // ids of entries it counts that were made just then
	made   map[string]bool // ids of entries that are new since
	odd    int             // the last total that could not be explained
	times  int             // how often in a row it was seen
}

// patience is how often in a row a total is seen before it is taken for final,
// where the service may still be at work.
const patience = 3

// rebase takes a total as explained.
func (w *Watcher) rebase(p remote.Page, changed []remote.Entry, before own) {
	o := w.ownNow()
	b := baseline{set: true, rough: !o.quiet(before), total: p.TotalCount, newest: newest(p.Items), had: map[string]bool{}, made: map[string]bool{}}
	for _, entries := range [][]remote.Entry{p.Items, changed} {
		for _, e := range entries {
			if !e.Created.Before(b.newest) {
				b.had[e.ID] = true
			}
		}
	}
	if b.newest.Equal(w.baseline.newest) { // it may take more than a poll to tell of them
		for id := range w.baseline.had {
			b.had[id] = true
		}
	}
	w.baseline = b
	there := o.among(p.Items, changed)
	for id := range there {
		delete(o.removed, id) // the total counts it, so it has yet to go
	}
	w.forget(o)
	clear(w.leaving)
	for _, e := range p.Items {
		if _, told := w.seen[e.ID]; told && !there[e.ID] && isLeaving(&e) {
			w.leaving[e.ID] = true
		}
	}
}

func isLeaving(e *remote.Entry) bool {
	return e.Status == remote.Moving || e.Status == remote.Deleting
}

func newest(entries []remote.Entry) (at time.Time) {
	for _, e := range entries {
		if e.Updated.After(at) {
			at = e.Updated
		}
	}
	return at
}

// verdict is what a total count says.
type verdict int

const (
	explained   verdict = iota // nothing was deleted that is not known
	unsure                     // what this machine does itself blurs it
	unexplained                // something was deleted, or came unnoticed
)

// count judges the total of a page whose changes are given.
func (w *Watcher) count(p remote.Page, changed []remote.Entry, before own) verdict {
	o := w.ownNow()
	b := &w.baseline
	if !b.set {
		w.rebase(p, changed, before)
		return explained
	}
	if b.rough && o.quiet(before) {
		w.rebase(p, changed, before)
		return unexplained
	}
	for _, e := range changed {
		if !e.Created.Before(b.newest) && !b.had[e.ID] {
			b.made[e.ID] = true
		}
	}
	for id := range o.made {
		b.made[id] = true
	}
	for id, created := range o.removed {
		if !created.Before(b.newest) && !b.had[id] {
			b.made[id] = true // perhaps no poll saw it
		}
	}
	expected := b.total + len(b.made) - len(o.removed) + len(o.among(p.Items, changed))
	if p.TotalCount == expected {
		if o.quiet(before) {
			w.rebase(p, changed, before)
		}
		return explained
	}
	if b.odd != p.TotalCount {
		b.odd, b.times = p.TotalCount, 0
	}
	switch b.times++; {
	case !o.quiet(before):
		b.times = 0
		return unsure
	case b.times < patience && (o.dirs || p.TotalCount > expected):
		return unsure
	case p.TotalCount < expected && w.left(expected-p.TotalCount, p.Items):
		w.rebase(p, changed, before)
		return explained
	}
	w.rebase(p, changed, before)
	return unexplained
}

// left reports whether n entries are gone that were on their way out when they were
// last seen. Those that a page with the total holds were there still. Where it would
// take many calls, all is read again instead.
func (w *Watcher) left(n int, there []remote.Entry) bool {
	for _, e := range there {
		delete(w.leaving, e.ID)
	}
	if n > len(w.leaving) || len(w.leaving) > readers {
		return false
	}
	var gone atomic.Int64
	var calls sync.WaitGroup
	for id := range w.leaving {
		calls.Go(func() {
			if _, err := w.service.Get(w.ctx, id); remote.KindOf(err) == remote.NotFound {
				gone.Add(1)
			}
		})
	}
	calls.Wait()
	return int(gone.Load()) == n
}
