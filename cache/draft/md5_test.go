package draft

import (
	"bytes"
	"crypto/md5"
	"encoding/hex"
	"math/rand/v2"
	"os"
	"testing"
	"time"
)

// What is written in order is hashed while it is written, and not read again.
func TestMD5WhileItIsWritten(t *testing.T) {
	d := create(t, newBase(0))
	model := make([]byte, 5*hashStep+10)
	for i := range model {
		model[i] = byte(i * i >> 8)
	}
	for off := 0; off < len(model); off += 100_000 {
		write(t, d, model[off:min(len(model), off+100_000)], int64(off))
	}
	for end := time.Now().Add(10 * time.Second); ; time.Sleep(time.Millisecond) {
		d.digest.mu.Lock()
		hashed := d.digest.hashed
		d.digest.mu.Unlock()
		if hashed == 5*hashStep {
			break
		}
		if time.Now().After(end) {
			t.Fatalf("%d bytes were hashed while they were written, want %d", hashed, 5*hashStep)
		}
	}
	f, err := os.OpenFile(d.path, os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := f.WriteAt([]byte("not read"), 100); err != nil {
		t.Fatal(err)
	}
	wantMD5(t, d, model)
}

// The MD5 is right whatever is written over, cut or written out of order while the
// rest is hashed.
func TestMD5WhileItIsChanged(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for range 20 {
		d := create(t, newBase(0))
		var model []byte
		for range 40 {
			p := bytes.Repeat([]byte{byte(r.Uint32())}, 1+r.IntN(2*hashStep/3))
			off := len(model)
			switch r.IntN(12) {
			case 0:
				off = r.IntN(len(model) + 1)
			case 1:
				off += r.IntN(BlockSize)
			case 2:
				size := r.IntN(len(model) + 1)
				truncate(t, d, int64(size))
				model, off = model[:size:size], size
			case 3:
				wantMD5(t, d, model)
			}
			write(t, d, p, int64(off))
			model = with(model, p, off)
		}
		wantMD5(t, d, model)
		d.Close()
	}
}

func wantMD5(t *testing.T, d *Draft, model []byte) {
	t.Helper()
	want := md5.Sum(model)
	if got, err := d.MD5(); got != hex.EncodeToString(want[:]) || err != nil {
		t.Fatalf("the MD5 of %d bytes is %s, %v, want %x", len(model), got, err, want)
	}
}
