package content

import (
	"bytes"
	"errors"
	"os"
	"syscall"
	"testing"
)

// What is pinned can be read until it is released, whatever becomes of its file.
func TestPin(t *testing.T) {
	st := openStore(t, t.TempDir(), 1<<30)
	src := newSource(5*BlockSize + 5)
	r := src.open(st)
	p := make([]byte, 2*BlockSize)
	n, pin, err := r.ReadOrPin(t.Context(), p, 4*BlockSize)
	if err != nil || n != BlockSize+5 || pin == nil || pin.Off != 4*BlockSize {
		t.Fatal(n, pin, err)
	}
	r.Close()
	st.Discard(src.key())
	if m, err := syscall.Pread(int(pin.Fd), p, pin.Off); err != nil || m != n || !bytes.Equal(p[:m], src.data[pin.Off:]) {
		t.Error(m, err)
	}
	file := pin.u.f
	pin.Release()
	if file.data != nil || len(st.files) != 0 {
		t.Error("it is still open")
	}
	if _, _, err := r.ReadOrPin(t.Context(), p, 0); !errors.Is(err, os.ErrClosed) {
		t.Error(err)
	}
	st.Close()
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
