package tree

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"losantfs/remote"
)

// attended returns a tree whose changes are noted.
func attended(t *testing.T, entries ...remote.Entry) (*Tree, *fakeLister, func() string) {
	tr, f := newTree(t, time.Hour, entries...)
	var told []string
	tr.Attend(Watch{Look: func() <-chan struct{} { return nil }, Changed: func(dir string, names []string) {
		for _, name := range names {
			told = append(told, dir+name)
		}
	}})
	return tr, f, func() string {
		tr.mu.Lock()
		defer tr.mu.Unlock()
		slices.Sort(told)
		s := fmt.Sprint(told)
		told = nil
		return s
	}
}

func update(tr *Tree, entries ...remote.Entry) {
	look := tr.Begin()
	defer look.End()
	look.Update(entries)
}

// Entries come in the order of their dates, the last one first: it counts where two
// have had a name.
func TestUpdateTakesTheLastOfAName(t *testing.T) {
	tr, _, told := attended(t, entry(1, "a", 1))
	listed(t, tr, "/")
	now := time.Now()
	at := func(e remote.Entry, s time.Duration) remote.Entry { e.Updated = now.Add(s); return e }
	going := at(entry(1, "a", 1), 1)
	going.Status = remote.Deleting
	update(tr, at(entry(3, "a", 3), 3), at(entry(2, "a", 2), 2), going)
	if got := shows(listed(t, tr, "/")); got != "a3 " {
		t.Errorf("shown: %q", got)
	}
	if got := told(); got != "[/a]" {
		t.Errorf("told of %s", got)
	}
	// Older news does not count, and what is known is no news.
	update(tr, at(entry(3, "a", 4), 1))
	update(tr, at(entry(3, "a", 3), 3))
	if l := listed(t, tr, "/"); l.Entries()[0].Size != 3 || told() != "[]" {
		t.Errorf("after older news: %+v", l.Entries())
	}
}

// What is changed here after the question is returned, not applied.
func TestUpdateOfWhatIsChangedHere(t *testing.T) {
	tr, _, told := attended(t, entry(1, "a", 1), entry(2, "b", 1), entry(3, "c", 1))
	listed(t, tr, "/")
	look := tr.Begin()
	defer look.End()
	tr.Put(entry(1, "x", 1))
	tr.Delete("/", "b")
	tr.Put(entry(5, "d", 1))
	unsure := look.Update([]remote.Entry{entry(1, "a", 9), entry(2, "b", 9), entry(6, "d", 9), entry(3, "c", 9)})
	if got := shows(listed(t, tr, "/")); got != "c3 d5 x1 " || len(unsure) != 3 {
		t.Errorf("shown: %q, unsure %v", got, unsure)
	}
	if got := told(); got != "[/c]" {
		t.Errorf("told of %s", got)
	}
}

func TestForgetThenUpdate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tr, f, told := attended(t, entry(1, "a", 1), entry(2, "b", 1))
		listed(t, tr, "/")
		tr.Forget("/")
		if got := told(); got != "[]" {
			t.Errorf("told of %s before anything is known to differ", got)
		}
		time.Sleep(time.Second)
		update(tr, entry(1, "a", 9))
		if got := told(); got != "[/a]" {
			t.Errorf("told of %s", got)
		}
		if dirs, _ := tr.Unread(time.Time{}); fmt.Sprint(dirs) != "[/]" {
			t.Errorf("to be read: %v", dirs)
		}
		f.entries["/"] = []remote.Entry{entry(1, "a", 9), entry(3, "c", 1)}
		listed(t, tr, "/")
		if got := told(); got != "[/a /b /c]" {
			t.Errorf("told of %s", got)
		}
		if dirs, _ := tr.Unread(time.Time{}); len(dirs) > 0 {
			t.Errorf("to be read: %v", dirs)
		}
		tr.Close()
	})
}

// What is pushed out is not watched any more.
func TestEvictionTellsOfAllNames(t *testing.T) {
	tr, f, told := attended(t, entry(1, "a", 1), entry(2, "b", 1))
	tr.listings = tr.lru(5)
	f.entries["/d/"] = []remote.Entry{{ID: entry(3, "", 0).ID, Name: "x", Parent: "/d/"}, {ID: entry(4, "", 0).ID, Name: "y", Parent: "/d/"}}
	listed(t, tr, "/")
	listed(t, tr, "/d/")
	if got := told(); got != "[/a /b]" {
		t.Errorf("told of %s", got)
	}
	update(tr, entry(1, "a", 2)) // nobody has asked again
	if got := told(); got != "[/a]" {
		t.Errorf("told of %s", got)
	}
	if files, _ := tr.Usage(); files != 2 {
		t.Errorf("%d files", files)
	}
}

func TestUnreadLeavesOutWhatIsFrozen(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tr, f, told := attended(t, dirEntry(1, "/", "a"))
		f.entries["/a/"] = []remote.Entry{{ID: entry(2, "", 0).ID, Name: "x", Parent: "/a/"}}
		listed(t, tr, "/")
		listed(t, tr, "/a/")
		time.Sleep(time.Second)
		since := time.Now()
		thaw := tr.Freeze("/a/")
		if dirs, frozen := tr.Unread(since); fmt.Sprint(dirs) != "[/]" || !frozen {
			t.Errorf("%v, %v", dirs, frozen)
		}
		update(tr, remote.Entry{ID: entry(2, "", 0).ID, Name: "x", Parent: "/a/", Size: 7})
		if l := listed(t, tr, "/a/"); l.Entries()[0].Size != 0 || told() != "[/a/x]" {
			t.Errorf("a frozen directory shows %+v", l.Entries())
		}
		thaw()
		if _, ok := tr.Listed("/a/"); ok {
			t.Error("what is known to be wrong is known after the thaw")
		}
		if dirs, frozen := tr.Unread(since); len(dirs) != 2 || frozen {
			t.Errorf("%v, %v", dirs, frozen)
		}
		tr.Close()
	})
}

// spread puts n files into directories of 100.
func spread(n int) (all []remote.Entry, dirs []string) {
	for i, e := range manyFiles(n) {
		e.Parent = fmt.Sprintf("/d%05d/", i/100)
		if i%100 == 0 {
			dirs = append(dirs, e.Parent)
		}
		all = append(all, e)
	}
	return all, dirs
}

// BenchmarkReplace compares all that is known of 100,000 entries with a listing of the
// whole space.
func BenchmarkReplace(b *testing.B) {
	all, dirs := spread(100_000)
	f := &fakeLister{entries: map[string][]remote.Entry{}}
	for _, e := range all {
		f.entries[e.Parent] = append(f.entries[e.Parent], e)
	}
	tr := New(f, time.Hour, discard)
	defer tr.Close()
	tr.Attend(Watch{Changed: func(string, []string) {}})
	for _, dir := range dirs {
		if _, err := tr.List(b.Context(), dir); err != nil {
			b.Fatal(err)
		}
	}
	for b.Loop() {
		look := tr.Begin()
		look.Replace(all)
		look.End()
	}
}

// BenchmarkUpdate tells of 1,000 changes in a directory of 10,000: of files that were
// there, and of new ones.
func BenchmarkUpdate(b *testing.B) {
	for name, first := range map[string]int{"changed": 0, "new": 100_000} {
		b.Run(name, func(b *testing.B) {
			f := &fakeLister{entries: map[string][]remote.Entry{"/": manyFiles(10_000)}}
			tr := New(f, time.Hour, discard)
			defer tr.Close()
			tr.Attend(Watch{Changed: func(string, []string) {}})
			if _, err := tr.List(b.Context(), "/"); err != nil {
				b.Fatal(err)
			}
			before, _ := tr.Listed("/")
			changed := make([]remote.Entry, 1000)
			for i, n := range rand.Perm(10_000)[:1000] {
				changed[i] = remote.Entry{ID: fmt.Sprintf("%024x", first+n), Name: fmt.Sprintf("file-%06d", first+n), Parent: "/", Size: -1, Status: remote.Completed}
			}
			for b.Loop() {
				tr.mu.Lock()
				tr.store("/", before)
				tr.mu.Unlock()
				update(tr, changed...)
			}
		})
	}
}

// A listing that is handed out but not kept is not watched.
func TestForgottenWhileItIsFetched(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tr, f, _ := attended(t, entry(1, "a", 1))
		tr.ttl = time.Minute
		look := tr.Begin()
		look.Confirm()
		look.End()
		gate := make(chan struct{})
		f.gate = gate
		done := make(chan time.Duration)
		go func() { _, ttl, _ := tr.Lookup(t.Context(), "/", "a"); done <- ttl }()
		synctest.Wait()
		tr.Forget("/")
		close(gate)
		if ttl := <-done; ttl > tr.ttl {
			t.Errorf("it may be believed for %v", ttl)
		}
		f.set(func() { f.gate = nil })
		if _, ttl, _ := tr.Lookup(t.Context(), "/", "a"); ttl != watched {
			t.Errorf("what is kept may be believed for %v", ttl)
		}
		tr.Close()
	})
}

// A listing of the whole space does not take from a poll what was fetched before.
func TestVanishedWhileTheWholeSpaceIsListed(t *testing.T) {
	tr, _, _ := attended(t, entry(1, "a", 1))
	listed(t, tr, "/")
	whole := tr.Begin()
	defer whole.End()
	poll := tr.BeginPoll()
	defer poll.End()
	if !poll.Vanished(time.Time{}, map[string]bool{}) {
		t.Error("what is gone has not vanished")
	}
}

// What is forgotten while the whole space is listed may be wrong in the answer as well.
func TestForgottenWhileTheWholeSpaceIsListed(t *testing.T) {
	tr, _, _ := attended(t, entry(1, "a", 1))
	listed(t, tr, "/")
	look := tr.Begin()
	defer look.End()
	tr.Forget("/")
	look.Replace([]remote.Entry{entry(1, "a", 1)})
	if _, ok := tr.Listed("/"); ok {
		t.Error("it is known again")
	}
}
