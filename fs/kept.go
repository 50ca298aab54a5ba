package fs

import (
	"sync"
	"time"

	"losantfs/cache"
)

// kept is what the kernel may hold of the names in a directory: those of one version, in
// its page cache, from which it answers without asking. Only who opened the directory with
// FOPEN_CACHE_DIR adds to it, and each opening without that drops it. So the kernel never
// shows names of another version than the one that was current when the directory was
// opened. Who goes back to the beginning of an open directory would see the old ones: the
// kernel drops them for what it changes itself, and is told of other changes.
//
// Its lock is a leaf.
type kept struct {
	mu      sync.Mutex
	known   bool // what the kernel may hold is of version, else it holds nothing
	version cache.Version
	adding  int // handles that may add to it
	opened  int // all that ever could
}

// drop is an opening that made the kernel drop what it held.
type drop struct {
	opened int  // of kept, then
	whole  bool // nobody could add to what was dropped
}

// lasting is how long a directory has to be believed for the kernel to keep it: as long
// as it is told of changes.
const lasting = time.Minute

// open reports whether the kernel may keep what it reads of a version of the directory
// through a new handle; else the handle drops what it holds.
func (k *kept) open(v cache.Version, ttl time.Duration) (keeps bool, d drop) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if ttl < lasting || k.known && k.version != v {
		return false, drop{k.opened, k.adding == 0}
	}
	k.known, k.version = true, v
	k.adding++
	k.opened++
	return true, drop{}
}

// close says that a handle is closed. Only now is it certain that the kernel has dropped
// what it held when it was opened.
func (k *kept) close(keeps bool, d drop) {
	k.mu.Lock()
	defer k.mu.Unlock()
	switch {
	case keeps:
		k.adding--
	case d.whole && d.opened == k.opened:
		k.known = false
	}
}
