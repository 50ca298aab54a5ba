package draft

import (
	"bytes"
	"math/bits"
	"os"
	"testing"
)

// FuzzBlocks opens a draft over any bytes as its blocks: it is an error, or what the
// draft shows of each block is what was written into it or what the base has.
func FuzzBlocks(f *testing.F) {
	const size = 2*BlockSize + 100
	b := newBase(size)
	d, err := Create(f.TempDir()+"/d", b, size)
	if err != nil {
		f.Fatal(err)
	}
	if _, err := d.WriteAt(f.Context(), bytes.Repeat([]byte("x"), BlockSize), BlockSize); err != nil {
		f.Fatal(err)
	}
	d.Close()
	good, err := os.ReadFile(d.path + BlocksExt)
	if err != nil {
		f.Fatal(err)
	}
	data, err := os.ReadFile(d.path)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(good)
	f.Add(good[:headerSize])
	f.Add([]byte(magic))
	f.Add([]byte(nil))
	for _, at := range []int{3, shownAt, shownAt + 7, cuttingAt, 50, sumAt, headerSize, headerSize + 1} {
		flipped := bytes.Clone(good)
		flipped[at] ^= 1
		f.Add(flipped)
	}
	f.Fuzz(func(t *testing.T, blocks []byte) {
		for name, content := range map[string][]byte{d.path: data, d.path + BlocksExt: blocks} {
			if err := os.WriteFile(name, content, 0o600); err != nil {
				t.Fatal(err)
			}
		}
		Holds(d.path)
		d, err := Open(d.path, newBase(size), size)
		if err != nil {
			return
		}
		defer d.Close()
		n, _ := d.Size()
		got := make([]byte, n)
		if _, err := d.ReadAt(t.Context(), got, 0); err != nil && n > 0 {
			t.Fatal(err)
		}
		for at := int64(0); at < n; at += BlockSize {
			part := got[at:min(n, at+BlockSize)]
			if !bytes.Equal(part, b.data[at:][:len(part)]) && !bytes.Equal(part, data[at:][:len(part)]) {
				t.Errorf("the block at %d shows neither", at)
			}
		}
		if flips := differing(blocks, good); len(flips) == 1 && flips[0] < headerSize+3 {
			t.Errorf("byte %d is damaged, and nobody sees it", flips[0])
		}
	})
}

// differing returns where two slices of the same length differ by one bit, nothing
// when they differ more.
func differing(a, b []byte) (at []int) {
	if len(a) != len(b) {
		return nil
	}
	for i := range a {
		switch bits.OnesCount8(a[i] ^ b[i]) {
		case 0:
		case 1:
			at = append(at, i)
		default:
			return nil
		}
	}
	return at
}
