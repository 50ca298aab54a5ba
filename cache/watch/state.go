package watch

import (
	"maps"
	"time"

	"losantfs/remote"
)

// State is what a watcher compares with, to be kept until the next mount. Its
// fields are exported for encoding only.
type State struct {
	Seen    []remote.Entry
	SeenAll bool
	Total   int
	Newest  time.Time
	Made    map[string]bool
	Removed map[string]int
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
	w.saved = &State{Seen: w.seen, SeenAll: w.seenAll, Total: w.baseline.total, Newest: w.baseline.newest, Made: maps.Clone(w.baseline.made)}
}

// Restore makes the first poll compare with what an earlier watcher saw last. It is
// called before Start.
func (w *Watcher) Restore(s *State) {
	w.seen, w.seenAll = s.Seen, s.SeenAll
	if w.seen == nil {
		w.seen = []remote.Entry{} // an empty space, which was seen
	}
	w.baseline = baseline{set: true, total: s.Total, newest: s.Newest, made: map[string]bool{}}
	maps.Copy(w.own.made, s.Made)
	maps.Copy(w.own.removed, s.Removed)
}
