package content

import (
	"context"
	"sync"
)

const (
	minWindow = SmallFile // bytes fetched ahead of the first sequential read
	maxWindow = 8 << 20
	// slack is how far, in bytes, a read may be from where the last one ended
	// and still be sequential: the kernel sends reads side by side, of 128 KiB.
	slack = 256 << 10
)

// Reader reads a file for one open handle and fetches ahead of reads that follow
// one another. It is safe for concurrent use.
type Reader struct {
	f *File

	mu     sync.Mutex
	next   int64 // where a sequential read would go on
	ahead  int64 // up to where fetches were started
	window int64 // size of the next fetch ahead, 0 while reads jump
}

// NewReader returns a reader that owns f: closing it closes f.
func NewReader(f *File) *Reader { return &Reader{f: f, window: minWindow} }

// Close closes the file.
func (r *Reader) Close() { r.f.Close() }

// Warm waits until a small file is present as a whole. For larger files it does
// nothing.
func (r *Reader) Warm(ctx context.Context) error {
	if r.f.size == 0 || r.f.size > SmallFile {
		return nil
	}
	for b := range blocks(r.f.size) {
		if _, err := r.f.need(ctx, b, blocks(r.f.size)); err != nil {
			return err
		}
	}
	return nil
}

// ReadAt fills p from off. At the end of the file it returns io.EOF, as does
// [os.File.ReadAt].
func (r *Reader) ReadAt(ctx context.Context, p []byte, off int64) (int, error) {
	end := off + int64(len(p))
	ahead := r.advance(off, end)
	return r.f.readAt(ctx, p, off, ahead)
}

// advance follows the reads and starts fetches ahead of sequential ones: each
// twice as large as the one before, and a new one when half of the last is used
// up. It returns the block up to which a fetch may go.
func (r *Reader) advance(off, end int64) int64 {
	r.mu.Lock()
	defer r.mu.Unlock()
	sequential := off <= r.next+slack && off >= r.next-slack
	r.next = end
	if !sequential {
		r.window = 0
		return ceilBlock(end)
	}
	if r.window == 0 {
		r.window, r.ahead = minWindow, end
	}
	if end > r.ahead-r.window/4 {
		from := max(r.ahead, off)
		r.ahead = max(end, from+r.window)
		r.window = min(2*r.window, maxWindow)
		r.f.prefetch(from/BlockSize, ceilBlock(r.ahead))
	}
	return ceilBlock(r.ahead)
}

func ceilBlock(off int64) int64 { return (off + BlockSize - 1) / BlockSize }
