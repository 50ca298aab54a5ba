package content

import (
	"bytes"
	"errors"
	"os"
	"syscall"
	"testing"
	"time"
)

// What is pinned can be read until it is released, whatever becomes of its file; who
// discards it waits for that.
func TestPin(t *testing.T) {
	st := openStore(t, t.TempDir(), 1<<30)
	src := newSource(5*BlockSize + 5)
	r := src.open(st)
	p := make([]byte, 2*BlockSize)
	n, pin, err := r.ReadOrPin(t.Context(), p, 4*BlockSize)
	if err != nil || n != BlockSize+5 || pin == nil || pin.Off != 4*BlockSize {
		t.Fatal(n, pin, err)
	}
	other := src.open(st)
	r.Close()
	discarded := make(chan bool)
	go func() { st.Discard(src.key()); close(discarded) }()
	for !pin.u.f.replaced.Load() {
	}
	select {
	case <-discarded:
		t.Error("it is discarded while a read of it is under way")
	case <-time.After(20 * time.Millisecond):
	}
	if m, err := syscall.Pread(int(pin.Fd), p, pin.Off); err != nil || m != n || !bytes.Equal(p[:m], src.data[pin.Off:]) {
		t.Error(m, err)
	}
	file := pin.u.f
	pin.Release()
	<-discarded
	other.Close()
	if file.data != nil || len(st.files) != 0 {
		t.Error("it is still open")
	}
	if _, _, err := r.ReadOrPin(t.Context(), p, 0); !errors.Is(err, os.ErrClosed) {
		t.Error(err)
	}
	st.Close()
}

// A read that began before its file was discarded and comes to pin it after goes on with
// the next one.
func TestDiscardBeforePin(t *testing.T) {
	st := openStore(t, t.TempDir(), 1<<30)
	defer st.Close()
	src := newSource(5*BlockSize + 5)
	r := src.open(st)
	defer r.Close()
	p := make([]byte, BlockSize)
	if _, err := r.ReadAt(t.Context(), p, 0); err != nil {
		t.Fatal(err)
	}
	u, err := r.begin()
	if err != nil {
		t.Fatal(err)
	}
	st.Discard(src.key())
	if err := u.f.pin(); err != errDiscarded {
		t.Error("what was discarded is pinned:", err)
	}
	r.end(u)
	n, pin, err := r.ReadOrPin(t.Context(), p, 0)
	if err != nil || n != len(p) || pin == nil || pin.u.f == u.f {
		t.Fatal(n, pin, err)
	}
	pin.Release()
}

// What may change, is in memory or is short is copied.
func TestNoPin(t *testing.T) {
	src := newSource(5*BlockSize + 5)
	p := make([]byte, BlockSize)
	for name, open := range map[string]func() (*Store, int64){
		"taken over": func() (*Store, int64) {
			st := openStore(t, t.TempDir(), 1<<30)
			keep(t, st, src, src.key())
			return st, BlockSize
		},
		"in memory": func() (*Store, int64) { return openStore(t, t.TempDir(), 1), BlockSize },
		"short":     func() (*Store, int64) { return openStore(t, t.TempDir(), 1<<30), leastPin - 1 },
	} {
		st, size := open()
		r := src.open(st)
		n, pin, err := r.ReadOrPin(t.Context(), p[:size], BlockSize)
		if err != nil || pin != nil || !bytes.Equal(p[:n], src.data[BlockSize:][:size]) {
			t.Errorf("%s: %d, %v, %v", name, n, pin, err)
		}
		r.Close()
		st.Close()
	}
}
