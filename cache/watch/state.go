package watch

import (
	"maps"
	"time"
)

// State is what a watcher compares with, to be kept until the next mount. Its
// fields are exported for encoding only.
type State struct {
	Seen                    map[string]state
	Horizon, Untold, Newest time.Time
	Total                   int
	BaseNewest              time.Time
	Had, Made               map[string]bool
	Removed                 map[string]time.Time
}

// State returns what the next poll will compare with, nil before the first poll.
func (w *Watcher) State() *State {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.saved == nil {
		return nil
	}
	s := *w.saved
	s.Made, s.Removed = maps.Clone(s.Made), maps.Clone(w.own.removed)
	maps.Copy(s.Made, w.own.made)
	return &s
}

// save keeps what State returns. The loop calls it.
func (w *Watcher) save() {
	w.mu.Lock()
	defer w.mu.Unlock()
	b := &w.baseline
	w.saved = &State{Seen: w.seen, Horizon: w.horizon, Untold: w.untold, Newest: w.newest,
		Total: b.total, BaseNewest: b.newest, Had: b.had, Made: maps.Clone(b.made)}
}

// Restore makes the first poll compare with what an earlier watcher saw last. With
// more is said that this machine has changed something since, so that all has to be
// read again. It is called before Start.
func (w *Watcher) Restore(s *State, more bool) {
	w.restored = true
	if more {
		w.unread = time.Now()
	}
	w.seen, w.horizon, w.untold, w.newest = s.Seen, s.Horizon, s.Untold, s.Newest
	if w.seen == nil {
		w.seen = map[string]state{} // an empty space, which was seen
	}
	w.baseline = baseline{set: true, total: s.Total, newest: s.BaseNewest, had: s.Had, made: map[string]bool{}}
	if w.baseline.had == nil {
		w.baseline.had = map[string]bool{}
	}
	maps.Copy(w.own.made, s.Made)
	maps.Copy(w.own.removed, s.Removed)
}
