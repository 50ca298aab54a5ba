package draft

import (
	"bytes"
	"errors"
	"os"
	"os/signal"
	"syscall"
	"testing"
)

// limitFiles stands in for a full disk: no file can be longer than n bytes.
func limitFiles(t *testing.T, n uint64) (end func()) {
	t.Helper()
	signal.Ignore(syscall.SIGXFSZ)
	var was syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_FSIZE, &was); err != nil {
		t.Fatal(err)
	}
	set := func(l syscall.Rlimit) {
		if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &l); err != nil {
			t.Fatal(err)
		}
	}
	set(syscall.Rlimit{Cur: n, Max: was.Max})
	return func() { set(was); signal.Reset(syscall.SIGXFSZ) }
}

func TestFullDisk(t *testing.T) {
	b := newBase(4 * BlockSize)
	d := create(t, b)
	p := bytes.Repeat([]byte("p"), 2*BlockSize)
	end := limitFiles(t, 2*BlockSize+100)
	over := func() {
		if end != nil {
			end()
			end = nil
		}
	}
	defer over()
	// The second block of these finds room for 100 bytes only.
	n, err := d.WriteAt(t.Context(), p, BlockSize)
	if n != BlockSize || !errors.Is(err, syscall.EFBIG) {
		t.Errorf("a write: %d, %v", n, err)
	}
	want := with(b.data, p[:n], BlockSize)
	if n, err := d.WriteAt(t.Context(), []byte("x"), 3*BlockSize); n != 0 || err == nil {
		t.Errorf("a part of a block: %d, %v", n, err)
	}
	if err := d.Allocate(0, 9*BlockSize, false); err == nil {
		t.Error("room was reserved")
	}
	if err := d.Truncate(t.Context(), 9*BlockSize); err == nil {
		t.Error("the file grew")
	}
	if err := d.Complete(t.Context()); err == nil || d.IsComplete() {
		t.Error("a draft is complete that has no room")
	}
	wantContent(t, d, want)
	wantContent(t, reopen(t, d, b), want)
	// Space can still be given back.
	truncate(t, d, 2*BlockSize+50)
	want = want[:2*BlockSize+50]
	if n, err := d.WriteAt(t.Context(), p, int64(len(want))); n != 50 || err == nil {
		t.Errorf("an append: %d, %v", n, err)
	}
	want = append(want, p[:50]...)
	over()
	wantContent(t, d, want)
	if err := d.Complete(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got, err := d.MD5(); got != md5Of(want) || err != nil {
		t.Error(got, err)
	}
	wantContent(t, reopen(t, d, b), want)
}

// A mark that finds no room leaves the block the base's.
func TestFullDiskForTheMark(t *testing.T) {
	b := newBase(2 * BlockSize)
	d := create(t, b)
	blocks := d.blocks.f
	readOnly, err := os.Open(blocks.Name())
	if err != nil {
		t.Fatal(err)
	}
	d.blocks.f = readOnly
	if n, err := d.WriteAt(t.Context(), make([]byte, 2*BlockSize), 0); n != 0 || err == nil {
		t.Errorf("%d, %v", n, err)
	}
	if err := d.Truncate(t.Context(), 10); err == nil {
		t.Error("cut without a header")
	}
	wantContent(t, d, b.data)
	wantContent(t, reopen(t, d, b), b.data)
	readOnly.Close()
}

// A cut that was decided and could not be carried out is carried out before
// anything else happens.
func TestCutThatFailsHalfWay(t *testing.T) {
	for _, restart := range []bool{false, true} {
		b := newBase(2 * BlockSize)
		d := create(t, b)
		data := d.data
		readOnly, err := os.Open(d.path)
		if err != nil {
			t.Fatal(err)
		}
		d.data = readOnly
		if err := d.Truncate(t.Context(), 10); err == nil {
			t.Error("cut a file that cannot be written")
		}
		wantContent(t, d, b.data[:10])
		readOnly.Close()
		d.data = data
		if restart {
			d = reopen(t, d, b)
			wantContent(t, d, b.data[:10])
		}
		write(t, d, []byte("more"), 20)
		want := with(b.data[:10], []byte("more"), 20)
		wantContent(t, d, want)
		wantContent(t, reopen(t, d, b), want)
	}
}
