package watch

import (
	"maps"
	"slices"
	"time"

	"losantfs/remote"
)

// own is what this machine has done to the number of entries since the baseline.
type own struct {
	made    map[string]bool      // ids of new entries
	removed map[string]time.Time // by id of entry that went: when it was made
	moving  map[string]time.Time // by id of entry: when its move began
	dirs    bool                 // directories were moved or removed, which takes the service a while
	running int                  // calls that have begun
	changes uint64               // counts all of this
}

func newOwn() own {
	return own{made: map[string]bool{}, removed: map[string]time.Time{}, moving: map[string]time.Time{}}
}

// moveTime is how long a move that has begun is waited for, at most.
const moveTime = 2 * time.Minute

// Begin notes that a call begins that may change the number of entries.
func (w *Watcher) Begin() (end func()) {
	w.note(func(o *own) { o.running++ })
	return func() { w.note(func(o *own) { o.running-- }) }
}

// Made says that this machine has made an entry.
func (w *Watcher) Made(id string) { w.note(func(o *own) { o.made[id] = true }) }

// Moves says that this machine has begun to move or delete an entry, which ends with
// Removed.
func (w *Watcher) Moves(id string) { w.note(func(o *own) { o.moving[id] = time.Now() }) }

// Removed says that this machine has removed or moved away entries, a directory with
// what was below it.
func (w *Watcher) Removed(entries ...remote.Entry) {
	w.note(func(o *own) {
		for _, e := range entries {
			delete(o.moving, e.ID)
			o.removed[e.ID] = e.Created
			o.dirs = o.dirs || e.Dir
		}
	})
}

func (w *Watcher) note(f func(*own)) {
	w.mu.Lock()
	defer w.mu.Unlock()
	f(&w.own)
	w.own.changes++
}

// ownNow returns a copy of what was done so far.
func (w *Watcher) ownNow() own {
	w.mu.Lock()
	defer w.mu.Unlock()
	o := w.own
	o.made, o.removed = maps.Clone(o.made), maps.Clone(o.removed)
	for id, began := range w.own.moving {
		if time.Since(began) > moveTime {
			delete(w.own.moving, id)
		}
	}
	o.moving = maps.Clone(w.own.moving)
	return o
}

// quiet reports whether nothing that changes the number of entries was under way
// from before on.
func (o *own) quiet(before own) bool {
	return o.running == 0 && len(o.moving) == 0 && o.changes == before.changes
}

// among returns the ids of those of some entries of the service that this machine has
// removed. They are on their way out.
func (o *own) among(entries ...[]remote.Entry) map[string]bool {
	ids := map[string]bool{}
	for _, e := range slices.Concat(entries...) {
		if _, removed := o.removed[e.ID]; removed {
			ids[e.ID] = true
		}
	}
	return ids
}

// forget takes out what a new baseline includes.
func (w *Watcher) forget(o own) {
	w.mu.Lock()
	defer w.mu.Unlock()
	maps.DeleteFunc(w.own.made, func(id string, _ bool) bool { return o.made[id] })
	maps.DeleteFunc(w.own.removed, func(id string, _ time.Time) bool { _, ok := o.removed[id]; return ok })
	if w.own.changes == o.changes {
		w.own.dirs = false
	}
}
