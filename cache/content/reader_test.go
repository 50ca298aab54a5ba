package content

import (
	"errors"
	"os"
	"sync"
	"testing"
	"time"
)

func TestCloseEndsReadsThatWait(t *testing.T) {
	st := openStore(t, t.TempDir(), 1<<30)
	defer st.Close()
	src := newSource(1000)
	src.gate = make(chan struct{})
	r, other := src.open(st), src.open(st)
	defer other.Close()
	done, second := make(chan error, 2), make(chan error, 1)
	go func() { _, err := r.ReadAt(t.Context(), make([]byte, 10), 0); done <- err }()
	go func() { done <- r.Warm(t.Context()) }()
	go func() { _, err := other.ReadAt(t.Context(), make([]byte, 10), 0); second <- err }()
	time.Sleep(20 * time.Millisecond)
	r.Close()
	r.Close()
	for range 2 {
		if err := <-done; !errors.Is(err, os.ErrClosed) {
			t.Errorf("a read of what was closed: %v", err)
		}
	}
	if _, err := r.ReadAt(t.Context(), make([]byte, 10), 0); err != os.ErrClosed {
		t.Errorf("a read after Close: %v", err)
	}
	close(src.gate)
	if err := <-second; err != nil || src.started() != 1 {
		t.Errorf("another reader: %v after %d fetches", err, src.started())
	}
}

// The files are closed by the last read, not below it.
func TestCloseDuringReads(t *testing.T) {
	st := openStore(t, t.TempDir(), 1<<30)
	src := newSource(20 * BlockSize)
	for range 50 {
		r := src.open(st)
		var wg sync.WaitGroup
		for i := range 4 {
			wg.Go(func() {
				p := make([]byte, 3*BlockSize)
				for {
					n, err := r.ReadAt(t.Context(), p, int64(i)*BlockSize)
					if err != nil && !errors.Is(err, os.ErrClosed) {
						t.Error(err)
					}
					if err != nil {
						return
					}
					if n != len(p) || p[0] != src.data[i*BlockSize] || p[n-1] != src.data[i*BlockSize+n-1] {
						t.Error("wrong bytes")
					}
				}
			})
		}
		time.Sleep(time.Millisecond)
		r.Close()
		wg.Wait()
		if n := len(st.files); n != 0 {
			t.Fatalf("%d files are open", n)
		}
	}
	st.Close()
}
