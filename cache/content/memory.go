package content

import (
	"sync"

	"losantfs/cache/budget"
)

// memoryLimit is how many bytes of blocks for which the disk has no room are kept in
// memory, for all files together: one half of it what was read, the other what readers
// have fetched ahead.
const memoryLimit = 64 << 20

// memory keeps blocks for which the disk had no room. What readers fetch ahead is
// granted to them, so that nothing is pushed out before it was read.
type memory struct {
	mu      sync.Mutex
	unread  *budget.LRU[memoryKey, []byte]
	read    *budget.LRU[memoryKey, []byte]
	readers int64 // open ones whose files pass through memory
	granted int64 // to all of them, bytes
}

type memoryKey struct {
	f *File
	b int64
}

func newMemory() *memory {
	half := func() *budget.LRU[memoryKey, []byte] {
		return budget.New[memoryKey, []byte](memoryLimit/2, nil, nil)
	}
	return &memory{unread: half(), read: half()}
}

// get returns a block, nil when it is not there.
func (m *memory) get(f *File, b int64) []byte {
	m.mu.Lock()
	defer m.mu.Unlock()
	k := memoryKey{f, b}
	if block, ok := m.unread.Get(k); ok {
		return block
	}
	block, _ := m.read.Get(k)
	return block
}

// use is get for a reader.
func (m *memory) use(f *File, b int64) []byte {
	m.mu.Lock()
	defer m.mu.Unlock()
	k := memoryKey{f, b}
	if block, ok := m.unread.Get(k); ok {
		m.unread.Remove(k)
		m.read.Add(k, block, int64(len(block)))
		return block
	}
	block, _ := m.read.Get(k)
	return block
}

// put keeps a copy of a block.
func (m *memory) put(f *File, b int64, block []byte) {
	m.mu.Lock()
	defer m.mu.Unlock()
	k := memoryKey{f, b}
	m.read.Remove(k)
	m.unread.Add(k, append([]byte(nil), block...), int64(len(block)))
}

// drop forgets all blocks of a file.
func (m *memory) drop(f *File) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for b := range blocks(f.size) {
		m.unread.Remove(memoryKey{f, b})
		m.read.Remove(memoryKey{f, b})
	}
}

// grant returns how far ahead, in bytes, a reader may fetch that wants to fetch so far
// and may still get what it has fetched. The grant replaces the one it had.
func (m *memory) grant(had *int64, want, still int64) int64 {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.granted -= *had
	free := memoryLimit/2 - m.granted
	*had = max(still, min(want, free, memoryLimit/2/max(1, m.readers)))
	m.granted += *had
	return *had
}

// join and leave count the readers whose files pass through memory.
func (m *memory) join() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.readers++
}

func (m *memory) leave(had int64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.readers--
	m.granted -= had
}
