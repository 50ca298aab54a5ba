package tree

import (
	"context"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"losantfs/remote"
)

func entry(id int, name string, size int64) remote.Entry {
	return remote.Entry{ID: fmt.Sprintf("%024x", id), Name: name, Parent: "/", Size: size, Status: remote.Completed}
}

func dirEntry(id int, parent, name string) remote.Entry {
	return remote.Entry{ID: fmt.Sprintf("%024x", id), Name: name, Parent: parent, Dir: true, Status: remote.Completed}
}

// shows returns the names and the last digit of the ids of a listing.
func shows(l *Listing) string {
	s := ""
	for _, e := range l.Entries() {
		s += e.Name + e.ID[23:] + " "
	}
	return s
}

func listed(t *testing.T, tr *Tree, dir string) *Listing {
	t.Helper()
	l, err := tr.List(t.Context(), dir)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func TestPutAndDelete(t *testing.T) {
	moving := entry(1, "a", 10)
	moving.Status, moving.MovedTo = remote.Moving, fmt.Sprintf("%024x", 9)
	gone := entry(1, "a", 10)
	gone.Status = remote.Deleting
	other := gone
	other.ID = fmt.Sprintf("%024x", 9)
	put := func(e remote.Entry) func(*Tree) { return func(t *Tree) { t.Put(e) } }
	for _, c := range []struct {
		name           string
		do             func(*Tree)
		want           string
		hidden, moving int
		bytes          int64
	}{
		{"new", put(entry(7, "b", 5)), "a1 b7 c3 ", 1, 0, 45},
		{"first and last", func(t *Tree) { t.Put(entry(7, "A", 5)); t.Put(entry(8, "z", 5)) }, "A7 a1 c3 z8 ", 1, 0, 50},
		{"the same", put(entry(1, "a", 11)), "a1 c3 ", 1, 0, 41},
		{"another of the name", put(entry(7, "a", 5)), "a7 c3 ", 1, 0, 35},
		{"renamed", put(entry(1, "d", 10)), "c3 d1 ", 1, 0, 40},
		{"renamed over another", put(entry(1, "c", 10)), "c1 ", 1, 0, 10},
		{"deleting", put(gone), "c3 ", 1, 0, 30},
		{"another of the name deleting", put(other), "a1 c3 ", 1, 0, 40},
		{"moving", put(moving), "c3 ", 1, 1, 30},
		{"moving twice", func(t *Tree) { t.Put(moving); t.Put(moving) }, "c3 ", 1, 1, 30},
		{"moving and back", func(t *Tree) { t.Put(moving); t.Put(entry(1, "a", 10)) }, "a1 c3 ", 1, 0, 40},
		{"moving, then gone", func(t *Tree) { t.Put(moving); t.Delete("/", "a") }, "c3 ", 1, 0, 30},
		{"no name", put(entry(1, "x/y", 10)), "c3 ", 2, 0, 30},
		{"no name, unknown", put(entry(7, "x/y", 10)), "a1 c3 ", 1, 0, 40},
		{"delete", func(t *Tree) { t.Delete("/", "a") }, "c3 ", 1, 0, 30},
		{"delete what is not there", func(t *Tree) { t.Delete("/", "b") }, "a1 c3 ", 1, 0, 40},
	} {
		t.Run(c.name, func(t *testing.T) {
			for _, late := range []bool{false, true} { // after the listing, or during its fetch
				tr, f := newTree(t, time.Hour, entry(1, "a", 10), entry(3, "c", 30), entry(4, "..", 1))
				f.gate = make(chan struct{})
				done := make(chan *Listing, 1)
				if !late {
					close(f.gate)
					before := listed(t, tr, "/")
					c.do(tr)
					if shows(before) != "a1 c3 " {
						t.Error("a listing that was handed out changed:", shows(before))
					}
				} else {
					go func() { l, _ := tr.List(t.Context(), "/"); done <- l }()
					for f.count() == 0 {
						time.Sleep(time.Millisecond)
					}
					c.do(tr)
					close(f.gate)
					if l := <-done; shows(l) != c.want {
						t.Errorf("who waited was shown %q, want %q", shows(l), c.want)
					}
				}
				l := listed(t, tr, "/")
				if shows(l) != c.want || l.Hidden != c.hidden || l.Moving != c.moving {
					t.Errorf("late %v: %q with %d hidden, %d moving; want %q, %d, %d", late, shows(l), l.Hidden, l.Moving, c.want, c.hidden, c.moving)
				}
				files, bytes := tr.Usage()
				if files != int64(len(l.Entries())) || bytes != c.bytes || tr.listings.Total() != files+1 {
					t.Errorf("late %v: %d files, %d bytes, cost %d; want %d bytes", late, files, bytes, tr.listings.Total(), c.bytes)
				}
				if f.count() != 1 {
					t.Errorf("late %v: %d fetches, want 1", late, f.count())
				}
			}
		})
	}
}

func TestWhatAChangeTakesWithIt(t *testing.T) {
	file := dirEntry(1, "/", "a")
	file.Dir = false
	going := dirEntry(1, "/", "a")
	going.Status = remote.Deleting
	for name, c := range map[string]struct {
		do    func(*Tree)
		known bool
	}{
		"same":     {func(t *Tree) { t.Put(dirEntry(1, "/", "a")) }, true},
		"sibling":  {func(t *Tree) { t.Delete("/", "aa"); t.Put(dirEntry(5, "/", "aa")) }, true},
		"delete":   {func(t *Tree) { t.Delete("/", "a") }, false},
		"forget":   {func(t *Tree) { t.ForgetBelow("/a/") }, false},
		"deleting": {func(t *Tree) { t.Put(going) }, false},
		"renamed":  {func(t *Tree) { t.Put(dirEntry(1, "/", "b")) }, false},
		"replaced": {func(t *Tree) { t.Put(dirEntry(2, "/", "a")) }, false},
		"a file":   {func(t *Tree) { t.Put(file) }, false},
		"unlisted": {func(t *Tree) { t.Forget("/"); t.Delete("/", "a") }, false},
		"gone before": {func(tr *Tree) {
			tr.mu.Lock()
			tr.store("/", newListing(nil, time.Now()))
			tr.mu.Unlock()
			tr.Delete("/", "a")
		}, false},
	} {
		tr, f := newTree(t, time.Hour, dirEntry(1, "/", "a"))
		f.entries["/a/"] = []remote.Entry{dirEntry(3, "/a/", "sub")}
		f.entries["/a/sub/"] = []remote.Entry{entry(4, "x", 1)}
		for _, dir := range []string{"/", "/a/", "/a/sub/"} {
			listed(t, tr, dir)
		}
		c.do(tr)
		if _, ok := known(tr, "/a/sub/", "x"); ok != c.known {
			t.Errorf("%s: what is below is known: %v", name, ok)
		}
	}
}

// A fetch of a directory below one that is deleted is not kept either.
func TestDeleteBeatsListingsUnderWayBelow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tr, f := newTree(t, time.Hour, dirEntry(1, "/", "a"))
		listed(t, tr, "/")
		f.gate = make(chan struct{})
		f.entries["/a/b/"] = []remote.Entry{entry(4, "x", 1)}
		go func() { _, _ = tr.List(t.Context(), "/a/b/") }()
		synctest.Wait()
		tr.Delete("/", "a")
		close(f.gate)
		synctest.Wait()
		if _, ok := known(tr, "/a/b/", "x"); ok {
			t.Error("a directory that is gone is known")
		}
		tr.Close()
	})
}

// An unreachable service that answers "not found" from before a change does not
// take the change away.
func TestNotFoundFromBeforeAPut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tr, f := newTree(t, time.Second, entry(1, "a", 1))
		listed(t, tr, "/")
		time.Sleep(2 * time.Second)
		f.gate, f.err = make(chan struct{}), &remote.Error{Kind: remote.NotFound, Op: "list"}
		done := make(chan error, 1)
		go func() { _, _, err := tr.Lookup(t.Context(), "/", "b"); done <- err }()
		synctest.Wait()
		tr.Put(entry(2, "b", 1))
		close(f.gate)
		if err := <-done; err != nil {
			t.Error(err)
		}
		tr.Close()
	})
}

func TestListSince(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tr, f := newTree(t, time.Hour, entry(1, "a", 1))
		old := listed(t, tr, "/")
		if l, err := tr.ListSince(t.Context(), "/", old.Fetched.Add(-1)); err != nil || l != old || f.count() != 1 {
			t.Errorf("young enough: %v after %d fetches", err, f.count())
		}
		time.Sleep(time.Second)

		// Ten at once share a fetch, but not the one that began too early.
		f.gate = make(chan struct{})
		tr.Forget("/")
		go func() { _, _ = tr.List(t.Context(), "/") }()
		synctest.Wait()
		time.Sleep(time.Second)
		since := time.Now()
		time.Sleep(time.Second)
		got := make(chan *Listing, 10)
		for range cap(got) {
			go func() {
				l, err := tr.ListSince(t.Context(), "/", since)
				if err != nil {
					t.Error(err)
				}
				got <- l
			}()
		}
		synctest.Wait()
		tr.Put(entry(2, "b", 1))
		close(f.gate)
		for range cap(got) {
			if l := <-got; !l.Fetched.After(since) || shows(l) != "a1 b2 " {
				t.Errorf("%q from %v, want what is there since %v", shows(l), l.Fetched, since)
			}
		}
		if f.count() != 3 {
			t.Errorf("%d fetches, want 3", f.count())
		}
		// The one that began first may have ended last.
		if l := listed(t, tr, "/"); !l.Fetched.After(since) || f.count() != 3 {
			t.Errorf("%v is shown after %d fetches", l.Fetched, f.count())
		}
		tr.Close()
	})
}

// The older of two fetches ends after the younger one.
func TestYoungerFetchCounts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tr, f := newTree(t, time.Hour, entry(1, "old", 1))
		gate := make(chan struct{})
		f.gate = gate
		done := make(chan *Listing, 1)
		go func() { l, _ := tr.List(t.Context(), "/"); done <- l }()
		synctest.Wait()
		since := time.Now()
		time.Sleep(time.Second)
		f.set(func() { f.entries["/"], f.gate = []remote.Entry{entry(1, "new", 1)}, nil })
		if l, err := tr.ListSince(t.Context(), "/", since); err != nil || shows(l) != "new1 " {
			t.Error(err, shows(l))
		}
		close(gate)
		if l := <-done; shows(l) != "new1 " || shows(listed(t, tr, "/")) != "new1 " {
			t.Errorf("shown: %q, then %q", shows(l), shows(listed(t, tr, "/")))
		}
		tr.Close()
	})
}

func TestListSinceEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tr, f := newTree(t, time.Hour, entry(1, "a", 1))
		listed(t, tr, "/")
		f.gate = make(chan struct{})
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error, 2)
		go func() { _, err := tr.ListSince(ctx, "/", time.Now()); done <- err }()
		synctest.Wait()
		cancel()
		if err := <-done; err != context.Canceled {
			t.Errorf("interrupted: %v", err)
		}
		close(f.gate)
		synctest.Wait()
		f.err = &remote.Error{Kind: remote.Unreachable, Op: "list"}
		if _, err := tr.ListSince(t.Context(), "/", time.Now()); remote.KindOf(err) != remote.Unreachable {
			t.Errorf("unreachable: %v", err)
		}
		f.gate = make(chan struct{})
		go func() { _, err := tr.ListSince(t.Context(), "/", time.Now()); done <- err }()
		synctest.Wait()
		tr.Close()
		if err := <-done; err == nil {
			t.Error("a fetch that was ended by Close worked")
		}
		if _, err := tr.ListSince(t.Context(), "/", time.Now()); err == nil {
			t.Error("fetched after Close")
		}
	})
}

// A thousand changes cost no thousand sorts.
func BenchmarkPut(b *testing.B) {
	f := &fakeLister{entries: map[string][]remote.Entry{"/": manyFiles(10_000)}}
	tr := New(f, time.Hour, discard)
	defer tr.Close()
	if _, err := tr.List(b.Context(), "/"); err != nil {
		b.Fatal(err)
	}
	i := 0
	for b.Loop() {
		tr.Put(remote.Entry{ID: fmt.Sprintf("%024x", 1<<40+i%1000), Name: fmt.Sprintf("new-%d", i%1000), Parent: "/"})
		i++
	}
}
