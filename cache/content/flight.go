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
	n := (fl.to - fl.from) * BlockSize
	f.store.flying.Add(n)
	f.store.work.Go(func() {
		err := f.fly(fl)
		f.store.flying.Add(-n)
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
	return f.index.sums[b] == 0 && f.flights[b] == nil && f.inMemory(b) == nil
}

// maxRange is how many bytes are fetched by one request: what is further ahead comes
// side by side.
const maxRange = 8 << 20

// prefetch starts fetches for what is missing in the given blocks.
func (f *File) prefetch(from, to int64) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for b := from; b < min(to, blocks(f.size)); b++ {
		if f.absentLocked(b) && f.err == nil && !f.closed {
			b = max(b, f.startLocked(b, min(to, b+maxRange/BlockSize), false).to-1)
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
	w := &blockWriter{f: f, fl: fl, buf: make([]byte, 0, min(landBlocks*BlockSize, ceilBlock(n)*BlockSize))}
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
		present := f.index.sums[b] != 0 || f.inMemory(b) != nil
		f.mu.Unlock()
		if !present {
			f.keep(b, block)
		}
	}
	fl.signal(fl.to, nil)
	return nil
}
