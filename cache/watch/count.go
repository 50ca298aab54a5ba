package watch

import (
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
	w.baseline = b
	w.forget(o)
	clear(w.leaving)
	for _, e := range p.Items {
		if e.Status == remote.Moving || e.Status == remote.Deleting {
			w.leaving[e.ID] = true
		}
	}
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
	expected := b.total + len(b.made) - len(o.removed)
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
	case p.TotalCount < expected && w.left(expected-p.TotalCount):
		w.rebase(p, changed, before)
		return explained
	}
	w.rebase(p, changed, before)
	return unexplained
}

// left reports whether n entries are gone that were on their way out when they were
// last seen.
func (w *Watcher) left(n int) bool {
	if n > len(w.leaving) {
		return false
	}
	for id := range w.leaving {
		if _, err := w.service.Get(w.ctx, id); remote.KindOf(err) == remote.NotFound {
			n--
		}
	}
	return n == 0
}
