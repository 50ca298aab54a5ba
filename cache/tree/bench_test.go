package tree

import (
	"fmt"
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
		newListing(all, now)
	}
}
