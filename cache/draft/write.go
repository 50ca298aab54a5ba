package draft

import (
	"context"
	"math"
	"os"
	"syscall"
	"time"
)

// WriteAt writes p at off, beyond the end if need be: what lies between is zeros.
// It fetches a block of the base of which it writes a part only. After an error,
// such as that of a full disk, the n bytes that it returns are written and no
// other byte is changed.
func (d *Draft) WriteAt(ctx context.Context, p []byte, off int64) (n int, err error) {
	if off < 0 || off > math.MaxInt64-int64(len(p)) {
		return 0, os.ErrInvalid
	}
	if len(p) == 0 {
		return 0, nil
	}
	need := func() (int64, bool) { return d.partLocked(off, off+int64(len(p))) }
	err = d.change(ctx, need, func() (err error) {
		d.writtenLocked()
		n, err = d.writeLocked(p, off)
		d.orderLocked(off, int64(n))
		return err
	})
	return n, err
}

// partLocked returns a block that is the base's and of which only a part lies
// between from and to. What a block has beyond the base's end is no part of it.
func (d *Draft) partLocked(from, to int64) (int64, bool) {
	for _, b := range []int64{from / BlockSize, (to - 1) / BlockSize} {
		start, end := b*BlockSize, d.shown
		if end-start > BlockSize {
			end = start + BlockSize
		}
		if from < end && start < end && !d.local[b] && (start < from || to < end) {
			return b, true
		}
	}
	return 0, false
}

// writeLocked writes p block by block where the base may show, the rest at once.
func (d *Draft) writeLocked(p []byte, off int64) (n int, err error) {
	for at := off; n < len(p) && at < d.shown; at = off + int64(n) {
		b := at / BlockSize
		end := min(off+int64(len(p)), (b+1)*BlockSize, d.shown)
		k, err := writeAt(d.data, p[n:end-off], at)
		if !d.local[b] && err == nil {
			err = d.markLocked(b)
		}
		if err == nil || d.local[b] {
			n += k
		}
		if err != nil {
			return n, err
		}
	}
	k, err := writeAt(d.data, p[n:], off+int64(n))
	return n + k, err
}

// markLocked makes a block that has been written count.
func (d *Draft) markLocked(b int64) error {
	if err := d.blocks.mark(b); err != nil {
		return err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.local[b] = true
	d.missing--
	if d.missing == 0 {
		d.shown = 0
	}
	return nil
}

// Truncate cuts or extends the content to size bytes. What it adds is zeros. It
// never waits for the network: a block that is cut in two stays the base's as far
// as it is left. An error after the cut was decided leaves it cut.
func (d *Draft) Truncate(ctx context.Context, size int64) error {
	if size < 0 {
		return os.ErrInvalid
	}
	if was, _ := d.Size(); was == size {
		return d.setModTime(time.Now())
	}
	return d.change(ctx, nil, func() error {
		d.writtenLocked()
		d.disorderLocked(size)
		if size >= d.shown {
			return d.data.Truncate(size)
		}
		if err := d.blocks.setHeader(header{shown: size, cutting: true}); err != nil {
			return err
		}
		d.cutting = true
		d.mu.Lock()
		d.size = size
		d.showLocked(size)
		d.mu.Unlock()
		return d.settleLocked()
	})
}

// writtenLocked takes note that the content is about to change.
func (d *Draft) writtenLocked() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.written = true
}

// settleLocked carries out a cut that has been decided. Until that has worked
// nothing else may change.
func (d *Draft) settleLocked() error {
	if !d.cutting {
		return nil
	}
	if err := d.data.Truncate(d.size); err != nil {
		return err
	}
	if err := d.blocks.setHeader(header{shown: d.shown}); err != nil {
		return err
	}
	d.cutting = false
	return nil
}

// Allocate reserves room on the disk for size bytes from off, and extends the
// content to their end unless keepSize is set. After an error nothing is extended.
func (d *Draft) Allocate(off, size int64, keepSize bool) error {
	if off < 0 || size <= 0 || off > math.MaxInt64-size {
		return os.ErrInvalid
	}
	return d.change(context.Background(), nil, func() error {
		if !keepSize && off+size > d.size {
			d.writtenLocked()
		}
		err := allocate(d.data, off, size, keepSize)
		if err != nil {
			if info, statErr := d.data.Stat(); statErr == nil && info.Size() > d.size {
				_ = d.data.Truncate(d.size)
			}
		}
		return err
	})
}

// writeAt is WriteAt of f, which does not tell how much it wrote when the disk was
// full before the end.
func writeAt(f *os.File, p []byte, off int64) (n int, err error) {
	for n < len(p) {
		k, err := syscall.Pwrite(int(f.Fd()), p[n:min(len(p), n+1<<30)], off+int64(n))
		if err != nil && err != syscall.EINTR {
			return n, os.NewSyscallError("pwrite", err)
		}
		n += max(0, k)
	}
	return n, nil
}

// extend makes a file at least size bytes long.
func extend(f *os.File, size int64) error {
	info, err := f.Stat()
	if err == nil && info.Size() < size {
		err = f.Truncate(size)
	}
	return err
}

// change applies a change once the blocks that it needs are local and whoever
// wants to know of it has been told.
func (d *Draft) change(ctx context.Context, need func() (int64, bool), apply func() error) error {
	defer d.dropBase()
	told := uint64(0)
	for {
		d.content.Lock()
		if d.closed {
			d.content.Unlock()
			return os.ErrClosed
		}
		if need != nil {
			if b, missing := need(); missing {
				d.content.Unlock()
				if err := d.keep(ctx, b); err != nil {
					return err
				}
				continue
			}
		}
		if hook := d.hook; hook != nil && told != d.hooks {
			told = d.hooks
			d.content.Unlock()
			hook()
			continue
		}
		defer d.content.Unlock()
		return d.applyLocked(apply)
	}
}

// applyLocked applies a change and takes over from the data what became of it.
func (d *Draft) applyLocked(apply func() error) error {
	if err := d.settleLocked(); err != nil {
		return err
	}
	d.mu.Lock()
	d.generation++
	d.mu.Unlock()
	err := apply()
	info, statErr := d.data.Stat()
	d.mu.Lock()
	defer d.mu.Unlock()
	d.generation++
	if statErr == nil {
		d.modTime = info.ModTime()
		if !d.cutting {
			d.size = info.Size()
		}
	}
	if err == nil {
		err = statErr
	}
	return err
}
