package draft

import (
	"context"
	"io"
	"os"
)

// ReadAt fills p from off, fetching what is needed of the base. At the end it
// returns io.EOF, like [os.File.ReadAt]. A full disk does not keep it from reading.
func (d *Draft) ReadAt(ctx context.Context, p []byte, off int64) (int, error) {
	if off < 0 {
		return 0, os.ErrInvalid
	}
	var unkept map[int64][]byte // blocks that were fetched and found no room on the disk
	for {
		d.content.RLock()
		if d.closed {
			d.content.RUnlock()
			return 0, os.ErrClosed
		}
		b, absent := d.absentLocked(off, len(p), unkept)
		if !absent {
			defer d.content.RUnlock()
			n, err := d.readData(p, off)
			d.overlayLocked(p[:n], off, unkept)
			return n, err
		}
		d.content.RUnlock()
		fl, err := d.fetch(ctx, b)
		if err != nil {
			return 0, err
		}
		if fl != nil && fl.unkept != nil {
			if unkept == nil {
				unkept = map[int64][]byte{}
			}
			unkept[b] = fl.block
		}
	}
}

// absentLocked returns the first block of n bytes from off that is to be fetched.
func (d *Draft) absentLocked(off int64, n int, unkept map[int64][]byte) (int64, bool) {
	end := d.shown
	if rest := end - off; int64(n) < rest {
		end = off + int64(n)
	}
	for b := off / BlockSize; b*BlockSize < end && off < end; b++ {
		if !d.local[b] && unkept[b] == nil {
			return b, true
		}
	}
	return 0, false
}

// overlayLocked copies what is still the base's of the given blocks into p.
func (d *Draft) overlayLocked(p []byte, off int64, blocks map[int64][]byte) {
	for b, block := range blocks {
		start := b * BlockSize
		end := min(start+int64(len(block)), d.shown, off+int64(len(p)))
		if from := max(start, off); from < end && !d.local[b] {
			copy(p[from-off:end-off], block[from-start:])
		}
	}
}

// readData reads what is in the data, whether it counts or not.
func (d *Draft) readData(p []byte, off int64) (int, error) {
	size, _ := d.Size()
	if off >= size {
		return 0, io.EOF
	}
	// The data may be longer than the content when a cut is under way.
	if int64(len(p)) <= size-off {
		return d.data.ReadAt(p, off)
	}
	n, err := d.data.ReadAt(p[:size-off], off)
	if err == nil {
		err = io.EOF
	}
	return n, err
}
