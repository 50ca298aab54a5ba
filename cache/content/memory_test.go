package content

import (
	"bytes"
	"io"
	"sync"
	"testing"
)

// Where the disk has no room, nothing that is read in order is fetched twice, however
// long the file is and however many are read, and all of them share one budget.
func TestNoByteTwiceThroughMemory(t *testing.T) {
	for _, readers := range []int{1, 12} {
		st := openStore(t, t.TempDir(), 1)
		var all sync.WaitGroup
		for i := range readers {
			all.Go(func() {
				src := newSource(memoryLimit*2/readers + i*1000 + 5)
				r := src.open(st)
				defer r.Close()
				got, err := readAll(t.Context(), r)
				if err != nil || !bytes.Equal(got, src.data) {
					t.Errorf("%d bytes, %v", len(got), err)
				}
				if src.bytes != int64(len(src.data)) {
					t.Errorf("%d of %d readers: %d bytes were fetched of a file of %d", i, readers, src.bytes, len(src.data))
				}
				if n := used(st); n > memoryLimit {
					t.Errorf("%d bytes are in memory", n)
				}
			})
		}
		all.Wait()
		st.Close()
		if n := used(st); n != 0 || st.memory.readers != 0 || st.memory.granted != 0 {
			t.Errorf("%d bytes, %d readers and %d granted are left", n, st.memory.readers, st.memory.granted)
		}
	}
}

// Readers through memory fetch no further ahead than all of it has room for.
func TestWindowThroughMemory(t *testing.T) {
	st := openStore(t, t.TempDir(), 1)
	defer st.Close()
	ahead := int64(0)
	for i := range 4 {
		src := newSource(24 << 20)
		r := src.open(st)
		defer r.Close()
		const end = 8 << 20
		for off := int64(0); off < end; off += BlockSize {
			if _, err := r.ReadAt(t.Context(), make([]byte, BlockSize), off); err != nil && err != io.EOF {
				t.Fatal(err)
			}
		}
		ahead += max(0, r.ahead-end)
		if ahead > memoryLimit/2+int64(i)*BlockSize || st.memory.granted > memoryLimit/2 {
			t.Errorf("%d readers fetch %d bytes ahead, of %d granted", i+1, ahead, st.memory.granted)
		}
	}
}

func used(st *Store) int64 {
	st.memory.mu.Lock()
	defer st.memory.mu.Unlock()
	return st.memory.unread.Total() + st.memory.read.Total()
}
