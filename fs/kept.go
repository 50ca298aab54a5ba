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
// kernel drops them for what it changes itself, and is told of other changes. It then
// keeps the new ones, among which another handle that is in the midst of the old ones
// would go on at the wrong place; so no two handles use them at once.
//
// Its lock is a leaf.
type kept struct {
	mu      sync.Mutex
	known   bool // what the kernel may hold is of version, else it holds nothing
	version cache.Version
	adding  bool // there is a handle that uses it and may add to it
	opened  int  // all handles that ever could
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
	if ttl < lasting || k.adding || k.known && k.version != v {
		return false, drop{k.opened, !k.adding}
	}
	k.known, k.version = true, v
	k.adding = true
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
		k.adding = false
	case d.whole && d.opened == k.opened:
		k.known = false
	}
}
