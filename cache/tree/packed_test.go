package tree

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"losantfs/remote"
)

// oddEntries are entries as a service may send them.
func oddEntries() []remote.Entry {
	at := time.Date(2024, 5, 6, 7, 8, 9, 123e6, time.UTC)
	id := func(n int) string { return fmt.Sprintf("%024x", n) }
	file := remote.Entry{ID: id(1), Name: "a.txt", Parent: "/d/", Status: remote.Completed, Size: 12, ETag: strings.Repeat("0f", 16),
		ContentType: "text/plain", Created: at, Updated: at.Add(time.Hour), URL: "https://files.example/app/d/a.txt"}
	with := func(name string, change func(*remote.Entry)) remote.Entry {
		e := file
		e.Name = name
		change(&e)
		return e
	}
	return []remote.Entry{file, {ID: id(2), Name: "nothing else"},
		with("directory", func(e *remote.Entry) { e.Dir, e.URL, e.ETag = true, "", "" }),
		with("upper case id", func(e *remote.Entry) { e.ID = "ABCDEF0123456789abcdef01" }),
		with("etag of parts", func(e *remote.Entry) { e.ETag = strings.Repeat("0f", 16) + "-2" }),
		with("upper case etag", func(e *remote.Entry) { e.ETag = strings.Repeat("0F", 16) }),
		with("ünï cödé", func(e *remote.Entry) { e.URL = "https://files.example/app/d/%C3%BCn" }),
		with("large", func(e *remote.Entry) { e.Size = 1<<63 - 1 }),
		with("nanoseconds", func(e *remote.Entry) { e.Updated = at.Add(1) }),
		with("year 9999", func(e *remote.Entry) { e.Created = time.Date(9999, 12, 31, 23, 59, 59, 999999999, time.UTC) }),
		with("no times", func(e *remote.Entry) { e.Created, e.Updated = time.Time{}, time.Time{} }),
		with("image", func(e *remote.Entry) { e.Dimensions = &remote.Dimensions{Width: 1.5, Height: 2} }),
		with("moves", func(e *remote.Entry) { e.MovedTo = id(3) }),
		with("odd status", func(e *remote.Entry) { e.Status = "new" }),
		with(strings.Repeat("n", 255), func(*remote.Entry) {}),
	}
}

// manyWords are more values that could be shared than are.
func manyWords() (all []remote.Entry) {
	for i := range 3 * mostWords {
		all = append(all, remote.Entry{ID: fmt.Sprintf("%024x", i), Name: fmt.Sprint(i), ContentType: fmt.Sprintf("type/%d", i), Parent: "/"})
	}
	return all
}

// TestPackedEntries packs entries and takes them out as they were.
func TestPackedEntries(t *testing.T) {
	for _, all := range [][]remote.Entry{oddEntries(), manyWords()} {
		var p packed
		for i := range all {
			p.add(&all[i])
		}
		for i, want := range all {
			if got := p.entry(i); !reflect.DeepEqual(got, want) {
				t.Errorf("packed and unpacked:\n%+v\nwant\n%+v", got, want)
			}
			for k := range all {
				if p.hasID(i, all[k].ID) != (want.ID == all[k].ID) {
					t.Errorf("%s has the id %s: %v", want.Name, all[k].ID, !p.hasID(i, all[k].ID))
				}
			}
		}
	}
}

// TestPackedEntriesChange puts entries in the place of others, of any number, as in a
// slice.
func TestPackedEntriesChange(t *testing.T) {
	from := append(oddEntries(), manyWords()...)
	random := rand.New(rand.NewPCG(1, 2))
	var p packed
	var want []remote.Entry
	for range 2000 {
		i := random.IntN(len(want) + 1)
		j := min(len(want), i+random.IntN(3))
		k := random.IntN(len(from))
		now := from[k:min(len(from), k+random.IntN(4))]
		before := p.clone(0)
		were := p.entries()
		p = p.clone(len(now))
		p.put(i, j, pointers(now)...)
		want = slices.Replace(want, i, j, now...)
		if got := p.entries(); len(got) != len(want) || len(got) > 0 && !reflect.DeepEqual(got, want) {
			t.Fatalf("%d entries from %d to %d replaced by %d: they are not as they should be", len(were), i, j, len(now))
		}
		if !reflect.DeepEqual(before.entries(), were) {
			t.Fatal("what was cloned has changed")
		}
		if len(want) > 100 {
			p, want = packed{}, nil
		}
	}
}

// TestPackedIsSmall holds the bytes that a usual file takes.
func TestPackedIsSmall(t *testing.T) {
	var p packed
	for i := range 100 {
		name := fmt.Sprintf("f%03d.txt", i)
		p.add(&remote.Entry{ID: fmt.Sprintf("%024x", i), Name: name, Parent: "/d/", Status: remote.Completed, Size: 1000,
			ETag: fmt.Sprintf("%032x", i), ContentType: "text/plain", Created: time.UnixMilli(1.7e12), Updated: time.UnixMilli(1.7e12),
			URL: "https://files.example/app/d/" + name})
	}
	if n := len(p.data) / p.len(); n > 60 {
		t.Errorf("a file takes %d bytes, want no more than 60", n)
	}
}

func snapshotOf(t testing.TB, entries []remote.Entry) []byte {
	tr := New(&fakeLister{entries: map[string][]remote.Entry{}}, time.Hour, discard)
	defer tr.Close()
	look := tr.Begin()
	look.Confirm()
	look.Learn(entries)
	look.End()
	var b bytes.Buffer
	if err := tr.Snapshot().Encode(&b); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// TestSnapshotKeepsAll knows after a snapshot what it knew before.
func TestSnapshotKeepsAll(t *testing.T) {
	all := append(oddEntries(), remote.Entry{ID: strings.Repeat("e", 24), Name: "away", Parent: "/d/", Status: remote.Moving, MovedTo: "x"},
		remote.Entry{ID: "none", Name: "hidden", Parent: "/d/"})
	for i := range all {
		all[i].Parent = "/d/"
	}
	s, err := DecodeSnapshot(snapshotOf(t, all))
	if err != nil {
		t.Fatal(err)
	}
	want := newListing(pointers(all), time.Now())
	tr := New(&fakeLister{entries: map[string][]remote.Entry{}}, time.Hour, discard)
	defer tr.Close()
	tr.Restore(s)
	got, ok := tr.Listed("/d/")
	if !ok || !reflect.DeepEqual(got.Entries(), want.Entries()) || !reflect.DeepEqual(got.moving, want.moving) ||
		got.Hidden != want.Hidden || got.Moving != want.Moving || got.files != want.files || got.bytes != want.bytes {
		t.Errorf("known after: %+v\nwant %+v", got, want)
	}
	if root, ok := tr.Listed("/"); !ok || root.Len() != 0 || !tr.whole.known || tr.since.IsZero() || tr.asOf.IsZero() {
		t.Error("not all is known that was")
	}
	s.WithoutURLs()
	for _, l := range s.listings {
		for _, e := range l.Entries() {
			if e.URL != "" {
				t.Errorf("%s has the URL %s", e.Name, e.URL)
			}
		}
	}
	if got.Entries()[0].URL == "" {
		t.Error("what is known has no URLs any more")
	}
}

// FuzzDecodeSnapshot reads whatever is on disk: an error, or listings that can be shown.
func FuzzDecodeSnapshot(f *testing.F) {
	f.Add(snapshotOf(f, oddEntries()))
	f.Add(snapshotOf(f, manyWords()))
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, data []byte) {
		s, err := DecodeSnapshot(data)
		if err != nil {
			return
		}
		for _, l := range s.listings {
			last := ""
			for _, e := range l.Entries() {
				if !remote.ValidName(e.Name) || !remote.ValidID(e.ID) || e.Name <= last {
					t.Errorf("shown is %+v after %q", e, last)
				}
				if got, ok := l.Get(e.Name); !ok || !reflect.DeepEqual(got, e) && e.Dimensions == nil {
					t.Errorf("%q is %+v", e.Name, got)
				}
				last = e.Name
			}
		}
		var b bytes.Buffer
		s.WithoutURLs()
		if err := s.Encode(&b); err != nil {
			t.Fatal(err)
		}
		if _, err := DecodeSnapshot(b.Bytes()); err != nil {
			t.Errorf("what was read and written again: %v", err)
		}
	})
}
