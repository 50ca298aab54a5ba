package content

import (
	"bytes"
	"context"
	"crypto/md5"
	"encoding/hex"
	"os"
	"sync"

	"losantfs/remote"
)

// SmallFile is the size, in bytes, up to which a file is fetched in one request
// and checked as a whole before any of it is handed out.
const SmallFile = 256 << 10

// flight is one fetch of consecutive blocks of a file.
type flight struct {
	from, to int64           // blocks, to excluded
	ctx      context.Context // not of those who wait
	early    bool            // begun before somebody needed it

	mu      sync.Mutex
	next    int64 // the first block that has not landed
	err     error
	changed chan struct{} // closed when next or err changes
	needed  chan struct{} // of an early one, closed by the first who waits and then nil
}

// wait returns when block b has landed. It gives up when ctx ends or done is
// closed.
func (fl *flight) wait(ctx context.Context, done <-chan struct{}, b int64) error {
	for {
		fl.mu.Lock()
		if fl.needed != nil {
			close(fl.needed)
			fl.needed = nil
		}
		next, err, changed := fl.next, fl.err, fl.changed
		fl.mu.Unlock()
		if next > b {
			return nil
		}
		if err != nil {
			return err
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return ctx.Err()
		case <-done:
			return os.ErrClosed
		}
	}
}

func (fl *flight) signal(next int64, err error) {
	fl.mu.Lock()
	defer fl.mu.Unlock()
	fl.next, fl.err = next, err
	close(fl.changed)
	fl.changed = make(chan struct{})
}

// startLocked starts a fetch at block b, up to the block before to or the first
// that is present or on its way. A small file is fetched as a whole, whatever of it
// is present: only so can it be checked. An early fetch is one that nobody waits for
// so far.
func (f *File) startLocked(b, to int64, early bool) *flight {
	whole := f.small()
	if whole {
		b = 0
	}
	to = min(to, blocks(f.size))
	if f.size <= SmallFile {
		to = blocks(f.size)
	}
	fl := &flight{from: b, to: b, next: b, changed: make(chan struct{}), ctx: f.ctx, early: early}
	if early {
		fl.needed = make(chan struct{})
		fl.ctx = remote.BackgroundUntil(f.ctx, fl.needed)
	}
	if fl.err = f.store.ctx.Err(); fl.err != nil {
		return fl // the store is closed
	}
	for fl.to = b; fl.to < to && (whole || f.absentLocked(fl.to)); fl.to++ {
		f.flights[fl.to] = fl
	}
	f.running++
	f.store.work.Go(func() {
		err := f.fly(fl)
		f.mu.Lock()
		for i := fl.from; i < fl.to; i++ {
			delete(f.flights, i)
		}
		if f.err != nil {
			err = f.err
		}
		f.running--
		f.closeFilesLocked()
		f.mu.Unlock()
		fl.signal(fl.next, err)
	})
	return fl
}

// small reports whether the file is fetched and checked as a whole.
func (f *File) small() bool { return f.size <= SmallFile && f.md5 != "" }

func (f *File) absentLocked(b int64) bool {
	return f.index.sums[b] == 0 && f.flights[b] == nil && f.memory.get(b) == nil
}

// prefetch starts fetches for what is missing in the given blocks.
func (f *File) prefetch(from, to int64) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for b := from; b < min(to, blocks(f.size)); b++ {
		if f.absentLocked(b) && f.err == nil && !f.closed {
			b = max(b, f.startLocked(b, to, false).to-1)
		}
	}
}

// fetchEarly starts to fetch a small file of which something is missing.
func (f *File) fetchEarly() {
	f.mu.Lock()
	defer f.mu.Unlock()
	for b := range blocks(f.size) {
		if f.absentLocked(b) && f.err == nil && !f.closed {
			f.startLocked(b, blocks(f.size), true)
			return
		}
	}
}

// fly carries out a fetch.
func (f *File) fly(fl *flight) error {
	off := fl.from * BlockSize
	n := min(fl.to*BlockSize, f.size) - off
	if f.small() {
		return f.flyWhole(fl)
	}
	w := &blockWriter{f: f, fl: fl, block: make([]byte, 0, BlockSize)}
	return f.source().Fetch(fl.ctx, off, n, w)
}

// flyWhole fetches a small file and checks it before any of it is kept. Bytes
// that are wrong are asked for once more, past whatever cache sent them.
func (f *File) flyWhole(fl *flight) error {
	src := f.source()
	var buf bytes.Buffer
	buf.Grow(int(f.size))
	for try := 0; ; try++ {
		buf.Reset()
		if err := src.Fetch(fl.ctx, 0, f.size, &buf); err != nil {
			return err
		}
		sum := md5.Sum(buf.Bytes())
		got := hex.EncodeToString(sum[:])
		if got == f.md5 {
			break
		}
		src.Distrust()
		if try > 0 {
			return &CorruptError{Want: f.md5, Got: got}
		}
	}
	for b := fl.from; b < fl.to; b++ {
		block := buf.Next(BlockSize)
		f.mu.Lock()
		present := f.index.sums[b] != 0 || f.memory.get(b) != nil
		f.mu.Unlock()
		if !present {
			f.keep(b, block)
		}
		fl.signal(b+1, nil)
	}
	return nil
}

// blockWriter cuts a fetched range into blocks.
type blockWriter struct {
	f     *File
	fl    *flight
	block []byte
}

func (w *blockWriter) Write(p []byte) (int, error) {
	written := len(p)
	for len(p) > 0 {
		b := w.fl.next
		n := min(int64(len(p)), blockLen(b, w.f.size)-int64(len(w.block)))
		w.block = append(w.block, p[:n]...)
		p = p[n:]
		if int64(len(w.block)) == blockLen(b, w.f.size) {
			if err := w.f.land(b, w.block); err != nil {
				return 0, err
			}
			w.block = w.block[:0]
			w.fl.signal(b+1, nil)
		}
	}
	return written, nil
}

// land takes in one block of a larger file. The block that completes the file is
// handed out only when the MD5 of the whole is right.
func (f *File) land(b int64, block []byte) error {
	if f.md5 == "" {
		f.keep(b, block)
		return nil
	}
	kept := f.write(b, block)
	f.mu.Lock()
	if kept && !f.arrived[b] {
		f.arrived[b] = true
		f.missing--
	}
	last := f.missing == 0
	f.mu.Unlock()
	if !last && b != blocks(f.size)-1 {
		f.publish(b, block, kept)
		f.extendSum(b, block)
		return nil
	}
	if f.extendSum(b, block) || last {
		if err := f.verify(); err != nil {
			return err
		}
	}
	f.publish(b, block, kept)
	return nil
}

// extendSum adds a block to the running MD5 when it is the next in line, and
// with it those after it that are there already. It reports whether the sum is
// that of the whole file.
func (f *File) extendSum(b int64, block []byte) bool {
	s := &f.sum
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.blocks == b {
		s.hash.Write(block)
		s.blocks++
		f.catchUpLocked()
	}
	return s.blocks == blocks(f.size)
}

// catchUpLocked adds to the running MD5 what is there. Its mutex is held.
func (f *File) catchUpLocked() {
	for s := &f.sum; s.blocks < blocks(f.size); s.blocks++ {
		block := f.readBack(s.blocks)
		if block == nil {
			return
		}
		s.hash.Write(block)
	}
}

// readBack returns a block that has arrived, nil when it has not or cannot be
// read any more.
func (f *File) readBack(b int64) []byte {
	f.mu.Lock()
	arrived, recorded, inMemory := f.arrived[b], f.index.sums[b] != 0, f.memory.get(b)
	f.mu.Unlock()
	switch {
	case inMemory != nil:
		return inMemory
	case !arrived || f.data == nil:
		return nil
	case recorded:
		block, _ := f.check(b)
		return block
	}
	block := make([]byte, blockLen(b, f.size))
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
	f.catchUpLocked()
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

// keep writes a block and hands it out.
func (f *File) keep(b int64, block []byte) { f.publish(b, block, f.write(b, block)) }

// write puts a block on disk and reports whether it did.
func (f *File) write(b int64, block []byte) bool {
	n := onDisk(int64(len(block)))
	if f.data == nil || !f.store.reserve(f, n) {
		return false
	}
	_, err := f.data.WriteAt(block, b*BlockSize)
	if err != nil {
		f.store.MakeRoom()
		_, err = f.data.WriteAt(block, b*BlockSize)
	}
	if err != nil {
		f.store.giveBack(f, n)
		f.store.complain(err)
	}
	return err == nil
}

// publish makes a block readable, from disk or from memory.
func (f *File) publish(b int64, block []byte, kept bool) {
	f.mu.Lock()
	recorded := kept && f.index.set(b, checksum(block)) == nil
	if recorded {
		f.trusted[b] = true
	} else {
		f.memory.put(b, block)
	}
	f.mu.Unlock()
	if kept && !recorded {
		f.store.giveBack(f, onDisk(int64(len(block))))
	}
}
