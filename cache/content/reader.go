package content

import (
	"context"
	"os"
	"sync"
)

const (
	// A reader that goes forward fetches ahead, four times as far each time.
	minWindow = 256 << 10
	maxWindow = 32 << 20
	// mostFlying is how many bytes may be on their way for all readers before each
	// fetches only a little ahead.
	mostFlying = 64 << 20
	// slack is how far, in bytes, a read may at least be from where the last one ended
	// and still be sequential: the kernel sends reads side by side.
	slack = 256 << 10
)

// Reader reads a file for one open handle and fetches ahead of reads that follow
// one another. It is safe for concurrent use.
type Reader struct {
	done chan struct{} // closed by Close

	mu     sync.Mutex
	used   *use // what reads start with
	closed bool
	next   int64 // where a sequential read would go on
	ahead  int64 // up to where fetches were started
	window int64 // how far ahead to fetch, 0 while reads jump and before the second
	passes bool  // its file passes through memory, and it is counted there
	grant  int64 // see [memory.grant]
}

// use is an open File and the number of those who need it open: its Reader, until
// it is closed or goes on to another File, and each read under way.
type use struct {
	f *File
	n int // guarded by Reader.mu
}

// NewReader returns a reader that owns f: closing it closes f.
func NewReader(f *File) *Reader {
	return &Reader{done: make(chan struct{}), used: &use{f: f, n: 1}}
}

// Close closes the file. Reads that wait for the network end with [os.ErrClosed].
func (r *Reader) Close() {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.closed {
		r.closed = true
		close(r.done)
		if r.passes {
			r.used.f.store.memory.leave(r.grant)
		}
		r.endLocked(r.used)
	}
}

// begin returns the File to read, the present one where it was replaced. It is to
// be given back with end.
func (r *Reader) begin() (*use, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed {
		return nil, os.ErrClosed
	}
	if old := r.used; old.f.replaced.Load() {
		r.used = &use{f: old.f.store.successor(old.f), n: 1}
		r.endLocked(old)
	}
	r.used.n++
	return r.used, nil
}

func (r *Reader) end(u *use) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.endLocked(u)
}

func (r *Reader) endLocked(u *use) {
	if u.n--; u.n == 0 {
		u.f.Close()
	}
}

// do reads, again when what was read was discarded meanwhile.
func (r *Reader) do(read func(f *File) error) error {
	for {
		u, err := r.begin()
		if err != nil {
			return err
		}
		err = read(u.f)
		r.end(u)
		if err != errDiscarded {
			return err
		}
	}
}

// Warm waits until a small file is present as a whole. For larger files it does
// nothing.
func (r *Reader) Warm(ctx context.Context) error {
	return r.do(func(f *File) error {
		if f.size > SmallFile {
			return nil
		}
		for b := range blocks(f.size) {
			if _, _, err := f.need(ctx, r.done, b, blocks(f.size), nil); err != nil {
				return err
			}
		}
		return nil
	})
}

// Early starts to fetch a small file as a whole, in the background until somebody
// reads it, if something of it is missing. For larger files it does nothing.
func (r *Reader) Early() {
	_ = r.do(func(f *File) error {
		if f.size <= SmallFile {
			f.fetchEarly()
		}
		return nil
	})
}

// Whole reports whether nothing of the file is missing on disk.
func (r *Reader) Whole() (whole bool) {
	_ = r.do(func(f *File) error {
		f.mu.Lock()
		defer f.mu.Unlock()
		whole = f.index.present() == blocks(f.size)
		return nil
	})
	return whole
}

// ReadAt fills p from off. At the end of the file it returns io.EOF, as does
// [os.File.ReadAt].
func (r *Reader) ReadAt(ctx context.Context, p []byte, off int64) (n int, err error) {
	err = r.do(func(f *File) (err error) {
		n, err = f.readAt(ctx, r.done, p, off, r.advance(f, off, off+int64(len(p))))
		return err
	})
	return n, err
}

// advance follows the reads and starts fetches ahead of sequential ones. It returns the
// block up to which a fetch may go. A first read of no more than a block says nothing:
// it may be of who wants to know the type of the file.
func (r *Reader) advance(f *File, off, end int64) int64 {
	r.mu.Lock()
	defer r.mu.Unlock()
	near := int64(slack)
	if r.next > 0 {
		near = max(slack, 2*(end-off))
	}
	jumps := off > r.next+near || off < r.next-near
	first := r.next == 0 && end <= BlockSize
	r.next = end
	if jumps || first {
		r.window = 0
		if r.passesLocked(f) {
			f.store.memory.grant(&r.grant, 0, 0)
		}
		return ceilBlock(end)
	}
	if r.window == 0 {
		r.window, r.ahead = minWindow, off
	}
	window := r.window
	if f.store.flying.Load() > mostFlying {
		window = minWindow
	}
	if r.passesLocked(f) {
		window = f.store.memory.grant(&r.grant, window, max(0, r.ahead-end))
	}
	if behind := end + window - r.ahead; behind >= min(window/2, maxRange) {
		from := max(r.ahead, off)
		r.ahead = end + window
		r.window = min(4*r.window, maxWindow)
		f.prefetch(from/BlockSize, ceilBlock(r.ahead))
	}
	return ceilBlock(end)
}

// passesLocked reports whether the file passes through memory, and counts the reader
// once it does.
func (r *Reader) passesLocked(f *File) bool {
	if !r.passes && !r.closed {
		f.mu.Lock()
		r.passes = f.passes
		f.mu.Unlock()
		if r.passes {
			f.store.memory.join()
		}
	}
	return r.passes
}

func ceilBlock(off int64) int64 { return (off + BlockSize - 1) / BlockSize }
