package tree

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"losantfs/remote"
)

func TestFreeze(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tr, f := newTree(t, time.Minute, dirEntry(1, "/", "a"))
		f.entries["/a/"] = []remote.Entry{entry(2, "x", 1), dirEntry(3, "/a/", "sub")}
		f.entries["/a/sub/"] = []remote.Entry{entry(4, "y", 1)}
		listed(t, tr, "/")
		listed(t, tr, "/a/")
		first, second := tr.Freeze("/a/"), tr.Freeze("/a/")
		f.set(func() { f.entries["/a/"] = nil }) // the service shows a part
		time.Sleep(time.Hour)
		calls := f.count()
		if l := listed(t, tr, "/a/"); len(l.Entries()) != 2 || f.count() != calls {
			t.Errorf("%q after %d fetches", shows(l), f.count()-calls)
		}
		// Forget waits for the thaw; what this machine changes is seen at once.
		tr.Forget("/a/")
		tr.Put(remote.Entry{ID: entry(5, "", 0).ID, Name: "z", Parent: "/a/", Status: remote.Completed})
		if l := listed(t, tr, "/a/"); shows(l) != "sub3 x2 z5 " {
			t.Errorf("after Forget and Put: %q", shows(l))
		}
		calls = f.count()
		if l, _ := tr.ListSince(t.Context(), "/a/", time.Time{}); len(l.Entries()) > 0 || f.count() != calls+1 {
			t.Errorf("what was to be forgotten is shown: %q", shows(l))
		}
		calls = f.count()
		// What is not known is fetched once, and ListSince does not count as known.
		listed(t, tr, "/a/sub/")
		listed(t, tr, "/a/sub/")
		if f.count() != calls+1 {
			t.Errorf("%d fetches below, want 1", f.count()-calls)
		}
		if l, err := tr.ListSince(t.Context(), "/a/", time.Now()); err != nil || len(l.Entries()) != 0 {
			t.Errorf("the service's view: %q, %v", shows(l), err)
		}
		if l := listed(t, tr, "/a/"); len(l.Entries()) != 3 {
			t.Errorf("after ListSince: %q", shows(l))
		}
		// The rest of the tree ages as ever.
		calls = f.count()
		listed(t, tr, "/")
		if f.count() != calls+1 {
			t.Error("the parent is frozen too")
		}
		first()
		first()
		time.Sleep(time.Hour)
		if l := listed(t, tr, "/a/"); len(l.Entries()) != 3 {
			t.Errorf("with a second freeze: %q", shows(l))
		}
		second()
		if l := listed(t, tr, "/a/"); len(l.Entries()) != 0 {
			t.Errorf("after the thaw: %q", shows(l))
		}
		if _, ok := known(tr, "/a/sub/", "y"); ok {
			t.Error("what was fetched meanwhile is still known")
		}
		tr.Close()
	})
}

// Fetches that a freeze or a thaw comes upon are not kept.
func TestFreezeDuringAFetch(t *testing.T) {
	for _, thawed := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			tr, f := newTree(t, time.Minute, entry(1, "a", 1))
			listed(t, tr, "/")
			time.Sleep(time.Hour)
			f.gate = make(chan struct{})
			f.entries["/"] = nil
			f.entries["/new/"] = []remote.Entry{entry(2, "b", 1)}
			shown, below := make(chan *Listing, 1), make(chan *Listing, 1)
			go func() { l, _ := tr.List(t.Context(), "/"); shown <- l }()
			synctest.Wait()
			thaw := tr.Freeze("/")
			go func() { l, _ := tr.List(t.Context(), "/new/"); below <- l }()
			synctest.Wait()
			if thawed {
				thaw()
			}
			close(f.gate)
			if l := <-shown; !thawed && shows(l) != "a1 " {
				t.Errorf("a part was shown: %q", shows(l))
			}
			<-below
			_, a := known(tr, "/", "a")
			_, b := known(tr, "/new/", "b")
			if !a || b == thawed {
				t.Errorf("thawed %v: what was known is known: %v; what was not: %v", thawed, a, b)
			}
			thaw()
			if _, b := known(tr, "/new/", "b"); b {
				t.Error("what was fetched during the freeze is kept")
			}
			tr.Close()
		})
	}
}

func TestFrozenListingsAreNotEvicted(t *testing.T) {
	tr, f := newTree(t, time.Hour)
	f.entries["/a/"] = []remote.Entry{entry(1, "x", 1)}
	f.entries["/b/"] = manyFiles(9)
	tr.listings = tr.lru(10)
	listed(t, tr, "/a/")
	thaw := tr.Freeze("/a/")
	listed(t, tr, "/b/")
	if _, ok := known(tr, "/a/", "x"); !ok {
		t.Error("a frozen listing was evicted")
	}
	thaw()
	listed(t, tr, "/")
	tr.Forget("/b/")
	listed(t, tr, "/b/")
	if _, ok := known(tr, "/a/", "x"); ok {
		t.Error("it is not evicted after the thaw either")
	}
}

// The listing of the parent, fetched or heard of while the service moves a directory,
// does not take away what is shown of it.
func TestParentOfWhatIsFrozen(t *testing.T) {
	moving := dirEntry(1, "/", "a")
	moving.Status, moving.MovedTo = remote.Moving, fmt.Sprintf("%024x", 9)
	for name, tell := range map[string]func(*testing.T, *Tree, *fakeLister){
		"fetched": func(t *testing.T, tr *Tree, f *fakeLister) {
			f.set(func() { f.entries["/"] = nil })
			if _, err := tr.ListSince(t.Context(), "/", time.Now()); err != nil {
				t.Fatal(err)
			}
		},
		"heard of": func(t *testing.T, tr *Tree, _ *fakeLister) {
			look := tr.Begin()
			defer look.End()
			look.Update([]remote.Entry{moving})
		},
	} {
		t.Run(name, func(t *testing.T) {
			tr, f := newTree(t, time.Hour, dirEntry(1, "/", "a"))
			tr.Attend(Watch{Changed: func(string, []string) {}})
			f.entries["/a/"] = []remote.Entry{entry(2, "x", 1), dirEntry(3, "/a/", "sub")}
			f.entries["/a/sub/"] = []remote.Entry{entry(4, "y", 1)}
			for _, dir := range []string{"/", "/a/", "/a/sub/"} {
				listed(t, tr, dir)
			}
			thaw := tr.Freeze("/a/")
			f.set(func() { delete(f.entries, "/a/"); delete(f.entries, "/a/sub/") })
			tell(t, tr, f)
			for dir, want := range map[string]string{"/a/": "sub3 x2 ", "/a/sub/": "y4 "} {
				if got := shows(listed(t, tr, dir)); got != want {
					t.Errorf("%s: %q, want %q", dir, got, want)
				}
			}
			thaw()
			if _, ok := tr.Listed("/a/sub/"); ok {
				t.Error("it is still known after the thaw")
			}
		})
	}
}
