package content

import (
	"io"
	"testing"
)

// BenchmarkReadCached reads 128 KiB, as the kernel does, from a file that is on
// disk as a whole.
func BenchmarkReadCached(b *testing.B) {
	st := openStore(b, b.TempDir(), 1<<30)
	defer st.Close()
	src := newSource(16 << 20)
	r := src.open(st)
	defer r.Close()
	if _, err := readAll(b.Context(), r); err != nil {
		b.Fatal(err)
	}
	buf := make([]byte, 128<<10)
	b.SetBytes(int64(len(buf)))
	off := int64(0)
	for b.Loop() {
		if _, err := r.ReadAt(b.Context(), buf, off); err != nil && err != io.EOF {
			b.Fatal(err)
		}
		off = (off + int64(len(buf))) % (16 << 20)
	}
}

// BenchmarkReadCold reads a file of 16 MiB that has to be fetched, from memory,
// with all that is written, summed and checked on the way.
func BenchmarkReadCold(b *testing.B) {
	src := newSource(16 << 20)
	b.SetBytes(16 << 20)
	for b.Loop() {
		st := openStore(b, b.TempDir(), 1<<30)
		r := src.open(st)
		if _, err := readAll(b.Context(), r); err != nil {
			b.Fatal(err)
		}
		r.Close()
		st.Close()
	}
}
