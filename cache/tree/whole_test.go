package tree

import (
	"context"
	"testing"
	"time"

	"losantfs/remote"
)

// allLister lists the whole space, too.
type allLister struct{ *fakeLister }

func (l allLister) ListAll(context.Context) (all []remote.Entry, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, entries := range l.entries {
		all = append(all, entries...)
	}
	return all, l.err
}

// What came, was listed and went between two looks is noticed, however it was listed.
func TestWhatVanishes(t *testing.T) {
	for _, whole := range []bool{false, true} {
		tr, f := newTree(t, time.Hour, entry(1, "a", 1))
		w := Watch{Look: func() <-chan struct{} { return nil }, Changed: func(string, []string) {}}
		if whole {
			tr.lister = allLister{f}
			w.Total = func() (int, bool) { return 2, true }
		}
		tr.Attend(w)
		tr.BeginPoll().End()
		came := entry(2, "b", 1)
		came.Updated = time.Now()
		f.set(func() { f.entries["/"] = append(f.entries["/"], came) })
		if got := shows(listed(t, tr, "/")); got != "a1 b2 " {
			t.Errorf("%q", got)
		}
		look := tr.BeginPoll()
		if !look.Vanished(came.Updated, map[string]bool{}) {
			t.Errorf("listed as a whole %v: nobody notices", whole)
		}
		look.End()
	}
}

// One listing of the whole space makes all directories known, but for what is found
// wrong meanwhile, and counts for less than what is changed here.
func TestWholeSpace(t *testing.T) {
	tr, f := newTree(t, time.Hour, dirEntry(1, "/", "a"), dirEntry(2, "/", "b"))
	tr.lister = allLister{f}
	tr.Attend(Watch{Look: func() <-chan struct{} { return nil }, Changed: func(string, []string) {}, Total: func() (int, bool) { return 4, true }})
	f.entries["/a/"] = []remote.Entry{entry(3, "x", 1)}
	f.entries["/a/"][0].Parent = "/a/"
	for dir, want := range map[string]string{"/": "a1 b2 ", "/a/": "x3 ", "/b/": ""} {
		if got := shows(listed(t, tr, dir)); got != want {
			t.Errorf("%s: %q, want %q", dir, got, want)
		}
	}
	if f.count() != 0 {
		t.Errorf("%d directories were listed by themselves", f.count())
	}
	tr.Forget("/b/") // from now on it is
	listed(t, tr, "/b/")
	if f.count() != 1 {
		t.Errorf("%d directories were listed by themselves, want 1", f.count())
	}
}

// A larger space is listed by directories first.
func TestLargeSpace(t *testing.T) {
	tr, f := newTree(t, time.Hour, dirEntry(1, "/", "a"))
	tr.lister = allLister{f}
	const pages = 40
	tr.Attend(Watch{Look: func() <-chan struct{} { return nil }, Changed: func(string, []string) {},
		Total: func() (int, bool) { return pages * remote.MaxPerPage, true }})
	for range pages / wholeShare {
		tr.Forget("/")
		listed(t, tr, "/")
	}
	if want := pages/wholeShare - 1; f.count() != want {
		t.Errorf("%d directories were listed by themselves before all was, want %d", f.count(), want)
	}
}
