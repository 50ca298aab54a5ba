package draft

import (
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

func TestWritten(t *testing.T) {
	const size = 2*BlockSize + 10
	for _, c := range []struct {
		name   string
		change func(d *Draft) error
		want   bool
		after  bool // once it was opened again
	}{
		{"nothing", func(*Draft) error { return nil }, false, false},
		{"read", func(d *Draft) error { return second(d.ReadAt(t.Context(), make([]byte, 1), 0)) }, false, true},
		{"complete", func(d *Draft) error { return d.Complete(t.Context()) }, false, true},
		{"time", func(d *Draft) error { d.SetModTime(time.Now()); return nil }, false, false},
		{"cut to the size it has", func(d *Draft) error { return d.Truncate(t.Context(), size) }, false, false},
		{"reserve", func(d *Draft) error { return d.Allocate(0, size, false) }, false, false},
		{"reserve more", func(d *Draft) error { return d.Allocate(0, 2*size, true) }, false, false},
		{"write nothing", func(d *Draft) error { return second(d.WriteAt(t.Context(), nil, size+5)) }, false, false},
		{"write", func(d *Draft) error { return second(d.WriteAt(t.Context(), make([]byte, BlockSize), 0)) }, true, true},
		{"append", func(d *Draft) error { return second(d.WriteAt(t.Context(), []byte("x"), size)) }, true, true},
		{"cut", func(d *Draft) error { return d.Truncate(t.Context(), size-1) }, true, true},
		{"cut and grow", func(d *Draft) error {
			return errors.Join(d.Truncate(t.Context(), size-1), d.Truncate(t.Context(), size))
		}, true, true},
		{"cut to nothing and grow", func(d *Draft) error {
			return errors.Join(d.Truncate(t.Context(), 0), d.Truncate(t.Context(), size))
		}, true, true},
		{"extend", func(d *Draft) error { return d.Allocate(0, 2*size, false) }, true, true},
		{"grow and cut", func(d *Draft) error {
			return errors.Join(d.Truncate(t.Context(), 2*size), d.Truncate(t.Context(), size))
		}, true, false}, // as it was
		{"killed during a cut", func(d *Draft) error {
			return d.blocks.setHeader(header{shown: size, cutting: true})
		}, false, true},
	} {
		b := newBase(size)
		d := create(t, b)
		if err := c.change(d); err != nil {
			t.Errorf("%s: %v", c.name, err)
		}
		if got, after := d.Written(), reopen(t, d, b).Written(); got != c.want || after != c.after {
			t.Errorf("%s: written %v, after a restart %v; want %v, %v", c.name, got, after, c.want, c.after)
		}
	}
	d := create(t, newBase(0))
	if d.Written() {
		t.Error("a new and empty draft is written to")
	}
	b := newBase(size)
	if d := reopen(t, d, b); !d.Written() || b.closed != 1 {
		t.Error("an empty draft is not told from a base that is not empty")
	}
}

// Whatever is under way when a draft is closed ends, and the base is closed after
// its last use.
func TestCloseDuringEverything(t *testing.T) {
	for range 30 {
		b := newBase(16 * BlockSize)
		d, err := Create(filepath.Join(t.TempDir(), "1"), b, 16*BlockSize)
		if err != nil {
			t.Fatal(err)
		}
		var wg sync.WaitGroup
		for i, do := range []func(i int64) error{
			func(i int64) error { return second(d.ReadAt(t.Context(), make([]byte, 100), i*BlockSize)) },
			func(i int64) error { return second(d.WriteAt(t.Context(), []byte("x"), i*BlockSize+7)) },
			func(int64) error { return d.Complete(t.Context()) },
			func(int64) error { return sumError(d) },
			func(int64) error { return second(d.Reader().ReadAt(make([]byte, 10), 0)) },
			func(i int64) error { return d.Truncate(t.Context(), 16*BlockSize+i) },
			func(int64) error { return d.Sync() },
			func(int64) error {
				err := d.Snapshot(d.path + ".copy")
				_ = os.Remove(d.path + ".copy")
				return err
			},
		} {
			wg.Go(func() {
				for n := int64(0); ; n++ {
					switch err := do(n % 16); {
					case errors.Is(err, os.ErrClosed):
						return
					case err != nil && err != io.EOF && err != ErrIncomplete && err != ErrChanged:
						t.Errorf("%d: %v", i, err)
						return
					}
				}
			})
		}
		time.Sleep(time.Millisecond)
		d.Remove()
		wg.Wait()
		if n, err := d.ReadAt(t.Context(), make([]byte, 1), 0); n != 0 || err != os.ErrClosed {
			t.Errorf("a read after Close: %d, %v", n, err)
		}
		size, _ := d.Size()
		if err := d.Truncate(t.Context(), size); err != os.ErrClosed {
			t.Errorf("a cut to the size it has after Close: %v", err)
		}
		if err := d.copyUnchanged(io.Discard, zeros{}, 1, d.Generation()); err != os.ErrClosed {
			t.Errorf("a copy after Close: %v", err)
		}
		b.mu.Lock()
		if b.closed != 1 || b.early {
			t.Errorf("the base was closed %d times, in use: %v", b.closed, b.early)
		}
		b.mu.Unlock()
	}
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { return len(p), nil }

// Close does not wait for a base that does not answer, not even to being told to end.
func TestCloseDoesNotWaitForTheBase(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBase(2 * BlockSize)
		gate := make(chan struct{})
		d, err := Create(filepath.Join(t.TempDir(), "1"), deaf{b, gate}, 2*BlockSize)
		if err != nil {
			t.Fatal(err)
		}
		done := make(chan error, 2)
		go func() { done <- second(d.ReadAt(t.Context(), make([]byte, 1), 0)) }()
		go func() { done <- d.Complete(t.Context()) }()
		synctest.Wait()
		d.Close()
		d.Close()
		if b.closed != 0 {
			t.Error("the base was closed below a fetch")
		}
		close(gate)
		for range 2 {
			if err := <-done; !errors.Is(err, os.ErrClosed) {
				t.Error(err)
			}
		}
		if b.closed != 1 || d.IsComplete() {
			t.Errorf("the base was closed %d times", b.closed)
		}
	})
}

// deaf is a base that does not listen to its context.
type deaf struct {
	*fakeBase
	gate chan struct{}
}

func (b deaf) ReadAt(_ context.Context, p []byte, off int64) (int, error) {
	<-b.gate
	return b.fakeBase.ReadAt(context.Background(), p, off)
}
