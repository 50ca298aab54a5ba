package draft

import (
	"context"
	"fmt"
	"io"
	"os"
)

// flight is the fetch of one block, for all who wait for it.
type flight struct {
	done   chan struct{} // closed when what follows is set
	block  []byte
	err    error // of the base
	unkept error // why the block is not local although it came
}

// fetch returns once block b has come, or nil when it is no longer needed. It ends
// with ctx, which the fetch does not.
func (d *Draft) fetch(ctx context.Context, b int64) (*flight, error) {
	d.mu.Lock()
	if d.closed || !d.neededLocked(b) {
		defer d.mu.Unlock()
		return nil, d.closedLocked()
	}
	fl := d.flights[b]
	if fl == nil {
		fl = &flight{done: make(chan struct{}), block: make([]byte, min(BlockSize, d.shown-b*BlockSize))}
		d.flights[b] = fl
		go d.fly(d.ctx, d.base, fl, b)
	}
	d.mu.Unlock()
	select {
	case <-fl.done:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	if fl.err == nil {
		return fl, nil
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.closed || !d.neededLocked(b) { // which may be why it failed
		return nil, d.closedLocked()
	}
	return nil, fl.err
}

func (d *Draft) neededLocked(b int64) bool { return b*BlockSize < d.shown && !d.local[b] }

func (d *Draft) closedLocked() error {
	if d.closed {
		return os.ErrClosed
	}
	return nil
}

// keep returns once block b is local or no longer needed.
func (d *Draft) keep(ctx context.Context, b int64) error {
	fl, err := d.fetch(ctx, b)
	if fl != nil {
		err = fl.unkept
	}
	return err
}

// Complete fetches all of the base that still shows; then the base is closed.
func (d *Draft) Complete(ctx context.Context) error {
	for b := int64(0); b*BlockSize < d.BaseSize(); b++ {
		if err := d.keep(ctx, b); err != nil {
			return err
		}
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.closedLocked()
}

func (d *Draft) fly(ctx context.Context, base Base, fl *flight, b int64) {
	n, err := base.ReadAt(ctx, fl.block, b*BlockSize)
	switch {
	case n == len(fl.block) && (err == nil || err == io.EOF):
		fl.unkept = d.install(b, fl.block)
	case err == nil || err == io.EOF:
		fl.err = fmt.Errorf("the base ends at byte %d: %w", b*BlockSize+int64(n), io.ErrUnexpectedEOF)
	default:
		fl.err = err
	}
	d.mu.Lock()
	delete(d.flights, b)
	d.mu.Unlock()
	d.dropBase()
	close(fl.done)
}

// install makes a block that came from the base local, as far as it is still the
// base's. That is no change of the content, so its time stays.
func (d *Draft) install(b int64, block []byte) error {
	d.content.Lock()
	defer d.content.Unlock()
	if d.closed {
		return os.ErrClosed
	}
	if !d.neededLocked(b) {
		return nil
	}
	block = block[:min(int64(len(block)), d.shown-b*BlockSize)]
	_, err := writeAt(d.data, block, b*BlockSize)
	d.stampLocked()
	if err != nil {
		return err
	}
	return d.markLocked(b)
}

// dropBase closes the base when it is no longer needed, once nothing reads it.
func (d *Draft) dropBase() {
	d.mu.Lock()
	var done Base
	if d.closed || d.missing == 0 {
		d.cancel()
		if len(d.flights) == 0 {
			done, d.base = d.base, nil
		}
	}
	d.mu.Unlock()
	if done != nil {
		done.Close()
	}
}
