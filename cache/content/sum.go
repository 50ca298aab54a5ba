package content

import (
	"encoding/hex"
	"hash"
	"sync"
)

// sumState is the MD5 of the first blocks, extended as they come in.
type sumState struct {
	mu     sync.Mutex
	hash   hash.Hash
	blocks int64
	buf    []byte // what was read back last
}

// sumLater extends the running MD5 by what is on disk, beside the fetches: only the end
// of the file waits for it.
func (f *File) sumLater() {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.summing || f.closed {
		return
	}
	f.summing = true
	f.running++
	f.store.work.Go(func() {
		for f.sumSome() {
		}
	})
}

// sumSome extends the running MD5 and reports whether there is more to do.
func (f *File) sumSome() bool {
	s := &f.sum
	s.mu.Lock()
	defer s.mu.Unlock()
	more := f.catchUpLocked(landBlocks)
	f.mu.Lock()
	defer f.mu.Unlock()
	if more = more && f.err == nil && !f.closed; !more {
		f.summing = false
		f.running--
		f.closeFilesLocked()
	}
	return more
}

// extendSum adds blocks that only pass through memory to the running MD5 when they are
// the next in line. It reports whether the sum is that of the whole file.
func (f *File) extendSum(b int64, data []byte) bool {
	s := &f.sum
	s.mu.Lock()
	defer s.mu.Unlock()
	for s.blocks < b && f.catchUpLocked(b-s.blocks) {
	}
	if s.blocks == b {
		s.hash.Write(data)
		s.blocks += blocks(int64(len(data)))
	}
	for f.catchUpLocked(landBlocks) {
	}
	return s.blocks == blocks(f.size)
}

// catchUpLocked adds up to n blocks that are there to the running MD5, whose mutex is
// held, and reports whether there was one.
func (f *File) catchUpLocked(n int64) (any bool) {
	s := &f.sum
	if s.buf == nil {
		s.buf = make([]byte, BlockSize)
	}
	for end := min(s.blocks+n, blocks(f.size)); s.blocks < end; s.blocks++ {
		block := f.readBack(s.blocks, s.buf)
		if block == nil {
			return any
		}
		s.hash.Write(block)
		any = true
	}
	return any
}

// readBack returns a block that has arrived, nil when it has not or cannot be read any
// more. It may use buf for it.
func (f *File) readBack(b int64, buf []byte) []byte {
	f.mu.Lock()
	arrived, unchecked, inMemory := f.arrived[b], f.index.sums[b] != 0 && !f.trusted[b], f.inMemory(b)
	f.mu.Unlock()
	switch {
	case inMemory != nil:
		return inMemory
	case !arrived || f.data == nil:
		return nil
	}
	if unchecked {
		if right, _ := f.check(b, nil); !right {
			return nil
		}
	}
	block := buf[:blockLen(b, f.size)]
	if _, err := f.data.ReadAt(block, b*BlockSize); err != nil {
		return nil
	}
	return block
}

// verify compares the MD5 of the whole file. Blocks the sum has not seen, since
// they did not come in order, are read from disk; a file whose blocks only
// passed through memory cannot be verified.
func (f *File) verify() error {
	s := &f.sum
	s.mu.Lock()
	defer s.mu.Unlock()
	f.mu.Lock()
	err := f.err
	f.mu.Unlock()
	if err != nil {
		return err // another flight found out
	}
	for f.catchUpLocked(landBlocks) {
	}
	if s.blocks < blocks(f.size) {
		return nil
	}
	got := hex.EncodeToString(s.hash.Sum(nil))
	if got == f.md5 {
		return nil
	}
	err = &CorruptError{Want: f.md5, Got: got}
	f.source().Distrust()
	f.mu.Lock()
	f.err = err
	f.mu.Unlock()
	f.cancel()
	f.store.giveUp(f)
	return err
}
