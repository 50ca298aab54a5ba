package tree

import (
	"fmt"
	"io"
	"testing"
	"time"

	"losantfs/remote"
)

func manyFiles(n int) []remote.Entry {
	all := make([]remote.Entry, n)
	for i := range all {
		all[i] = remote.Entry{ID: fmt.Sprintf("%024x", i), Name: fmt.Sprintf("file-%06d", i), Parent: "/", Size: int64(i), Status: remote.Completed}
	}
	return all
}

// BenchmarkLookup finds one name in a known listing of 10,000.
func BenchmarkLookup(b *testing.B) {
	f := &fakeLister{entries: map[string][]remote.Entry{"/": manyFiles(10_000)}}
	tr := New(f, time.Hour, discard)
	defer tr.Close()
	for b.Loop() {
		if _, _, err := tr.Lookup(b.Context(), "/", "file-004711"); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkListing builds a listing of 10,000 entries from an answer.
func BenchmarkListing(b *testing.B) {
	all, now := manyFiles(10_000), time.Now()
	for b.Loop() {
		newListing(pointers(all), now)
	}
}

// BenchmarkEntries takes the 10,000 entries of a listing out, as it is read.
func BenchmarkEntries(b *testing.B) {
	l := newListing(pointers(manyFiles(10_000)), time.Now())
	b.ReportAllocs()
	for b.Loop() {
		l.Entries()
	}
}

// BenchmarkSnapshot writes what is known of 10,000 entries in 100 directories, and
// reads it.
func BenchmarkSnapshot(b *testing.B) {
	all := manyFiles(10_000)
	for i := range all {
		all[i].Parent = fmt.Sprintf("/d%02d/", i/100)
	}
	data := snapshotOf(b, all)
	b.Run("write", func(b *testing.B) {
		s, err := DecodeSnapshot(data)
		if err != nil {
			b.Fatal(err)
		}
		for b.Loop() {
			if err := s.Encode(io.Discard); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("read", func(b *testing.B) {
		for b.Loop() {
			if _, err := DecodeSnapshot(data); err != nil {
				b.Fatal(err)
			}
		}
	})
}
