package watch

import (
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"losantfs/cache/tree"
	"losantfs/remote"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const interval = 10 * time.Second

// place is a watched space, and what was told of it.
type place struct {
	t  *testing.T
	s  *fakeService
	tr *tree.Tree
	w  *Watcher

	mu      sync.Mutex
	changed []string
	heard   func(dir string, names []string) // nil: nobody
	back    int                              // how often the service answered again
}

// watching runs a test of a space that others have prepared.
func watching(t *testing.T, prepare func(s *fakeService), test func(p *place)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		p := &place{t: t, s: newService()}
		p.s.latency = 100 * time.Millisecond
		prepare(p.s)
		time.Sleep(time.Minute)
		p.tr = tree.New(p.s, 2*interval, slog.New(slog.DiscardHandler))
		p.w = New(p.s, p.tr, interval, p.answers, slog.New(slog.DiscardHandler))
		p.tr.Attend(tree.Watch{Look: p.w.Look, Changed: p.tell})
		p.w.Start()
		defer p.tr.Close()
		defer p.w.Close()
		test(p)
	})
}

func (p *place) tell(dir string, names []string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, name := range names {
		p.changed = append(p.changed, dir+name)
	}
	if p.heard != nil {
		p.heard(dir, names)
	}
}

func (p *place) answers() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.back++
}

// told returns what was told since the last time.
func (p *place) told() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	all := slices.Compact(slices.Sorted(slices.Values(p.changed)))
	p.changed = nil
	return strings.Join(all, " ")
}

// polls waits until that many polls more have ended.
func (p *place) polls(n int) {
	for range n {
		time.Sleep(time.Second)
		<-p.w.Look()
		p.settles()
	}
}

// settles waits until what a poll could not tell has been read.
func (p *place) settles() {
	time.Sleep(time.Second)
	synctest.Wait()
}

func (p *place) list(dirs ...string) {
	p.t.Helper()
	for _, dir := range dirs {
		if _, err := p.tr.List(p.t.Context(), dir); err != nil {
			p.t.Fatal(err)
		}
	}
}

// ready has polled once, listed the directories and polled again.
func (p *place) ready(dirs ...string) {
	p.t.Helper()
	p.polls(1)
	p.list(dirs...)
	p.polls(1)
	p.told()
	p.s.asked()
}

// same checks that what is known of a directory is what the service has.
func (p *place) same(dirs ...string) {
	p.t.Helper()
	for _, dir := range dirs {
		l, ok := p.tr.Listed(dir)
		if !ok {
			p.t.Errorf("%s is not known", dir)
			continue
		}
		if now, has := listing(l.Entries), p.s.holds(dir); now != has {
			p.t.Errorf("%s is known to hold %s\nbut holds %s", dir, now, has)
		}
	}
}

// holds describes what a directory of the service shows.
func (s *fakeService) holds(dir string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	in := slices.DeleteFunc(s.in(dir), func(e remote.Entry) bool { return e.Status == remote.Deleting || e.Status == remote.Moving })
	slices.SortFunc(in, func(a, b remote.Entry) int { return strings.Compare(a.Name, b.Name) })
	return listing(in)
}

func listing(entries []remote.Entry) string {
	var b strings.Builder
	for _, e := range entries {
		b.WriteString(version(&e) + " ")
	}
	return b.String()
}

func version(e *remote.Entry) string {
	return fmt.Sprintf("%s(%s %s %s)", e.Name, strings.TrimLeft(e.ID, "0"), e.Status, strings.TrimLeft(e.ETag, "0"))
}

func (p *place) calls(want calls) {
	p.t.Helper()
	if got := p.s.asked(); got != want {
		p.t.Errorf("calls: %+v, want %+v", got, want)
	}
}

func (p *place) tells(want string) {
	p.t.Helper()
	if got := p.told(); got != want {
		p.t.Errorf("told of %q, want %q", got, want)
	}
}

func filled(n int) func(*fakeService) { return func(s *fakeService) { s.fill("/a/", n) } }

// own is what this machine does: one call, and what is made known when it is done.
func (p *place) own(call func() (e remote.Entry, ok bool), done func(e remote.Entry)) {
	end := p.w.Begin()
	time.Sleep(p.s.latency / 2)
	var e remote.Entry
	var ok bool
	p.s.set(func() { e, ok = call() })
	time.Sleep(p.s.latency / 2)
	if ok {
		done(e)
	}
	end()
}

func (p *place) create(path string) {
	var e remote.Entry
	p.own(func() (_ remote.Entry, ok bool) { e, ok = p.s.begin(path); return e, ok }, func(e remote.Entry) {
		if e.ETag == "" {
			p.w.Made(e.ID)
		}
	})
	p.s.set(func() { p.s.complete(e.ID); e = p.s.entries[e.ID] })
	p.tr.Put(e)
}

func (p *place) delete(path string, lag time.Duration) {
	var e remote.Entry
	p.own(func() (_ remote.Entry, ok bool) {
		if e, ok = p.s.at(path); ok {
			p.s.remove(e, lag)
		}
		return e, ok
	}, p.removed)
}

// removed does what the space does when an entry is gone.
func (p *place) removed(e remote.Entry) {
	gone := []remote.Entry{e}
	if e.Dir {
		gone = append(gone, p.tr.Below(e.Parent+e.Name+"/")...)
	}
	p.w.Removed(gone...)
	e.Status = remote.Deleting
	p.tr.Put(e)
	if e.Dir {
		p.tr.ForgetBelow(e.Parent + e.Name + "/")
	}
}

func TestChangesOfAllKindsTakeFewCalls(t *testing.T) {
	const lag = 15 * time.Second
	for name, c := range map[string]struct {
		change func(s *fakeService)
		want   calls // of the one poll
		told   string
	}{
		"nothing":                      {func(s *fakeService) {}, calls{polls: 1}, ""},
		"made":                         {func(s *fakeService) { s.put("/a/new", 0) }, calls{polls: 1}, "/a/new"},
		"changed":                      {func(s *fakeService) { s.put("/a/f00001", 0) }, calls{polls: 1}, "/a/f00001"},
		"deleted":                      {func(s *fakeService) { s.rm("/a/f00001", 0) }, calls{polls: 1, alls: 1}, "/a/f00001"},
		"deleted, and seen to be":      {func(s *fakeService) { s.rm("/a/f00001", lag) }, calls{polls: 1}, "/a/f00001"},
		"moved":                        {func(s *fakeService) { s.mv("/a/f00001", "/a/to", 0) }, calls{polls: 1, alls: 1}, "/a/f00001 /a/to"},
		"moved, and seen to be":        {func(s *fakeService) { s.mv("/a/f00001", "/a/to", lag) }, calls{polls: 1}, "/a/f00001 /a/to"},
		"made and deleted":             {func(s *fakeService) { s.put("/a/new", 0); s.rm("/a/new", 0) }, calls{polls: 1}, ""},
		"one made and another deleted": {func(s *fakeService) { s.put("/a/new", 0); s.rm("/a/f00001", 0) }, calls{polls: 1, alls: 1}, "/a/f00001 /a/new"},
		"made anew":                    {func(s *fakeService) { s.rm("/a/f00001", 0); s.put("/a/f00001", 0) }, calls{polls: 1, alls: 1}, "/a/f00001"},
		"a folder made":                {func(s *fakeService) { s.mkdir("/a/d") }, calls{polls: 1}, "/a/d"},
		"a folder deleted":             {func(s *fakeService) { s.rm("/a", 0) }, calls{polls: 1, alls: 1}, ""},
		"a folder moved, all of it seen": {func(s *fakeService) { s.mv("/a", "/b", lag) }, calls{polls: 1, pages: 1},
			""},
	} {
		t.Run(name, func(t *testing.T) {
			watching(t, filled(40), func(p *place) {
				p.ready("/", "/a/")
				c.change(p.s)
				p.polls(1)
				p.calls(c.want)
				p.same("/")
				if _, ok := p.s.find("/a"); ok {
					p.same("/a/")
					p.tells(c.told)
				} else if got := p.told(); !strings.HasPrefix(got, "/a") {
					t.Errorf("told of %q, want the folder", got)
				}
				// What it ends with is no news, but for what was seen on its way out.
				time.Sleep(2 * lag)
				p.polls(2)
				p.s.asked()
				p.told()
				p.polls(3)
				p.calls(calls{polls: 3})
				p.tells("")
			})
		})
	}
}

func TestManyChangesBetweenTwoPolls(t *testing.T) {
	for _, c := range []struct {
		changes, perPage int
		want             calls
	}{
		{24, 0, calls{polls: 1}},
		{26, 0, calls{polls: 1, pages: 1}},
		{26, 10, calls{polls: 1, pages: 3}},
		{999, 0, calls{polls: 1, pages: 1}},
		{2500, 0, calls{polls: 1, pages: 3}},
		{5100, 0, calls{polls: 1, pages: 5, dirs: 2}},
	} {
		watching(t, filled(c.changes+100), func(p *place) {
			p.s.set(func() { p.s.perPage = c.perPage })
			p.ready("/", "/a/")
			var ids []string
			p.s.set(func() {
				for _, e := range p.s.in("/a/") {
					ids = append(ids, e.ID)
				}
			})
			for i := range c.changes {
				time.Sleep(time.Millisecond)
				p.s.set(func() { p.s.change(ids[i], func(e *remote.Entry) { e.ETag = fmt.Sprint("new", i) }) })
			}
			p.s.asked()
			p.polls(1)
			if got := p.s.asked(); got != c.want {
				t.Errorf("%d changes in pages of %d took %+v, want %+v", c.changes, c.perPage, got, c.want)
			}
			p.same("/", "/a/")
			p.s.asked()
			p.polls(2)
			p.calls(calls{polls: 2})
		})
	}
}

// Directories are so many that the whole space takes fewer calls.
func TestManyDirectoriesAreReadAtOnce(t *testing.T) {
	var dirs []string
	watching(t, func(s *fakeService) {
		for i := range 20 {
			s.fill(fmt.Sprintf("/d%d/", i), 3)
			dirs = append(dirs, fmt.Sprintf("/d%d/", i))
		}
	}, func(p *place) {
		p.ready(append(dirs, "/")...)
		p.s.rm("/d7/f00001", 0)
		p.polls(1)
		p.calls(calls{polls: 1, alls: 1})
		p.tells("/d7/f00001")
		p.same(append(dirs, "/")...)
	})
}

func TestEmptySpace(t *testing.T) {
	for offset := range 3 {
		watching(t, func(s *fakeService) { s.offset = offset }, func(p *place) {
			p.ready("/")
			p.polls(3)
			p.calls(calls{polls: 3})
			p.s.put("/f", 0)
			p.polls(1)
			p.same("/")
			p.s.rm("/f", 0)
			p.polls(2 + patience)
			p.same("/")
		})
	}
}

// The service's own count is off, by as much as it may be.
func TestTotalIsOff(t *testing.T) {
	for _, offset := range []int{-30, -1, 1, 7} {
		for _, n := range []int{3, 24, 25, 26, 60} {
			watching(t, func(s *fakeService) { s.fill("/a/", n); s.offset = offset }, func(p *place) {
				p.ready("/a/")
				for i := range n {
					p.s.put(fmt.Sprintf("/a/f%05d", i), 0)
				}
				p.polls(1)
				p.same("/a/")
				if n+1+offset > 0 {
					p.s.rm("/a/f00000", 0)
					p.polls(1)
					p.same("/a/")
				}
				p.polls(2)
				p.s.asked()
				p.polls(3)
				p.calls(calls{polls: 3})
				if t.Failed() {
					t.Fatalf("of %d files, with a total that is off by %d", n, offset)
				}
			})
		}
	}
}

// Entries that were updated in the same millisecond as the last that a poll saw.
func TestTiesWithTheLastPoll(t *testing.T) {
	watching(t, func(s *fakeService) { s.fill("/a/", 100); s.latency = 0 }, func(p *place) {
		p.ready("/a/")
		for round := range 3 {
			for i := range 30 { // at the same time
				p.s.put(fmt.Sprintf("/a/f%05d", i), 0)
			}
			<-p.w.Look()
			for i := range 30 {
				p.s.put(fmt.Sprintf("/a/f%05d", 70-i), 0)
			}
			p.s.put(fmt.Sprint("/a/new", round), 0)
			p.polls(1)
			p.same("/a/")
			p.s.asked()
			p.polls(3)
			p.calls(calls{polls: 3})
		}
	})
}

// What is made elsewhere is counted once, however often it changes after that.
func TestUploadElsewhereIsCountedOnce(t *testing.T) {
	watching(t, filled(40), func(p *place) {
		p.ready("/a/")
		p.s.put("/a/new", 15*time.Second)
		p.polls(1)
		p.same("/a/")
		time.Sleep(15 * time.Second)
		p.s.asked()
		p.polls(3)
		p.calls(calls{polls: 3})
		p.same("/a/")
	})
}

// A file comes from a directory that is known to one that is not, and stays as old as
// it was: nothing but its path tells.
func TestMovedFromAKnownDirectoryKeepingItsDates(t *testing.T) {
	for _, dir := range []string{"/a/", "/c/"} {
		for _, lag := range []time.Duration{0, time.Second} {
			watching(t, func(s *fakeService) { s.fill("/a/", 40); s.fill("/c/", 1); s.keepDates = true }, func(p *place) {
				p.ready("/a/")
				p.s.mv("/a/f00007", dir+"to", lag)
				time.Sleep(2 * lag)
				p.polls(1)
				p.same("/a/")
				p.polls(3)
				p.s.asked()
				p.polls(3)
				p.calls(calls{polls: 3})
			})
		}
	}
}

func TestDeletionElsewhereWhileOwnCreatesRun(t *testing.T) {
	watching(t, filled(40), func(p *place) {
		p.ready("/a/")
		var work sync.WaitGroup
		for i := range 300 {
			work.Go(func() {
				time.Sleep(time.Duration(i) * 100 * time.Millisecond)
				p.create(fmt.Sprint("/a/own", i))
			})
		}
		time.Sleep(3 * time.Second)
		p.s.rm("/a/f00001", 0)
		work.Wait()
		p.polls(1)
		p.same("/a/")
		p.s.asked()
		p.polls(3)
		p.calls(calls{polls: 3})
	})
}

// One is made here and one deleted elsewhere during a poll: the count does not show it.
func TestDeletionElsewhereThatAnOwnCreateOffsets(t *testing.T) {
	watching(t, filled(40), func(p *place) {
		p.ready("/a/")
		end := p.w.Begin()
		var e remote.Entry
		p.s.set(func() { e, _ = p.s.begin("/b") })
		p.s.rm("/a/f00001", 0)
		p.polls(1) // the answer to the call has not come
		p.w.Made(e.ID)
		end()
		p.polls(2)
		p.same("/a/")
	})
}

// Own deletions are under way when the first poll is answered: what its total counts of
// them is not known.
func TestDeletionElsewhereAfterAFirstPollAmongOwnOnes(t *testing.T) {
	watching(t, func(s *fakeService) { s.fill("/a/", 40); s.latency = 4 * time.Second }, func(p *place) {
		end := p.w.Begin()
		var gone []remote.Entry
		for i := range 3 {
			e, _ := p.s.find(fmt.Sprintf("/a/f%05d", 10+i))
			p.s.rm(e.Parent+e.Name, 0)
			gone = append(gone, e)
		}
		time.Sleep(5 * time.Second)
		p.s.set(func() { p.s.latency = 0 })
		p.list("/a/")
		for _, e := range gone {
			p.removed(e)
		}
		end()
		for i := range 3 {
			p.s.rm(fmt.Sprintf("/a/f%05d", i), 0)
		}
		p.polls(2)
		p.same("/a/")
	})
}

// A listing is fetched while the first poll runs, and something changes between the two
// answers.
func TestListingDuringTheFirstPoll(t *testing.T) {
	watching(t, func(s *fakeService) { s.fill("/a/", 3); s.latency = 10 * time.Second }, func(p *place) {
		time.Sleep(time.Second)
		p.s.set(func() { p.s.latency = 0 })
		p.list("/a/")
		p.s.put("/a/new", 0)
		<-p.w.Look()
		l, _ := p.tr.Listed("/a/")
		if p.tr.Fresh(l) > 2*interval {
			t.Error("the kernel believes what nobody watches")
		}
		time.Sleep(3 * interval)
		p.list("/a/")
		p.same("/a/")
	})
}

func TestOwnChangesAreNoNews(t *testing.T) {
	watching(t, filled(40), func(p *place) {
		p.ready("/a/")
		for i := range 60 {
			p.create(fmt.Sprint("/a/own", i))
		}
		p.create("/a/f00003")
		p.delete("/a/f00004", 0)
		p.delete("/a/f00005", 5*time.Second)
		p.polls(1)
		p.tells("")
		p.same("/a/")
		p.s.asked()
		time.Sleep(5 * time.Second)
		p.polls(4)
		p.calls(calls{polls: 4})
		p.tells("")
		p.same("/a/")
	})
}

// Others change what was changed here, while a poll that tells of both runs.
func TestChangeElsewhereAfterAnOwnOneDuringAPoll(t *testing.T) {
	for name, elsewhere := range map[string]func(s *fakeService){
		"written":   func(s *fakeService) { s.put("/a/f00001", 0) },
		"made anew": func(s *fakeService) { s.rm("/a/f00001", 0); s.put("/a/f00001", 0) },
	} {
		t.Run(name, func(t *testing.T) {
			watching(t, filled(40), func(p *place) {
				p.ready("/a/")
				p.s.set(func() { p.s.latency = 4 * time.Second })
				asked := p.w.Look()
				time.Sleep(time.Second)
				p.s.put("/a/f00001", 0)
				e, _ := p.s.find("/a/f00001")
				time.Sleep(time.Millisecond)
				elsewhere(p.s)
				time.Sleep(2 * time.Second) // the answer is computed
				p.tr.Put(e)
				<-asked
				p.s.set(func() { p.s.latency = 0 })
				p.polls(1)
				p.same("/a/")
			})
		})
	}
}

// The answer of a poll does not take away what was done here since it was computed.
func TestAPollUndoesNothing(t *testing.T) {
	watching(t, filled(40), func(p *place) {
		p.ready("/a/")
		p.s.set(func() { p.s.latency = 4 * time.Second })
		p.s.put("/a/f00001", 0)
		p.s.put("/a/f00002", 0)
		asked := p.w.Look()
		time.Sleep(3 * time.Second) // the answer is computed
		p.s.set(func() { p.s.latency = 0 })
		p.create("/a/f00001")
		p.delete("/a/f00002", 0)
		want := p.s.holds("/a/")
		<-asked
		synctest.Wait()
		if l, _ := p.tr.Listed("/a/"); listing(l.Entries) != want {
			t.Errorf("known after the poll: %s\nwant %s", listing(l.Entries), want)
		}
		p.polls(2)
		p.same("/a/")
	})
}

// A directory that this machine moves is frozen; the move fails, or takes long.
func TestChangesElsewhereBelowAFreeze(t *testing.T) {
	for name, change := range map[string]func(s *fakeService){
		"written":  func(s *fakeService) { s.put("/a/f00001", 0) },
		"made":     func(s *fakeService) { s.put("/a/new", 0) },
		"deleted":  func(s *fakeService) { s.rm("/a/f00001", 0) },
		"deleting": func(s *fakeService) { s.rm("/a/f00001", time.Second) },
		"many":     func(s *fakeService) { s.rm("/a/f00001", 0); s.put("/a/f00002", 0); s.put("/a/new", 0) },
	} {
		for _, during := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, thawed during a poll: %v", name, during), func(t *testing.T) {
				watching(t, filled(40), func(p *place) {
					p.ready("/", "/a/")
					thaw := p.tr.Freeze("/a/")
					change(p.s)
					time.Sleep(2 * time.Second)
					if during {
						asked := p.w.Look()
						time.Sleep(70 * time.Millisecond)
						thaw()
						<-asked
					}
					p.polls(5)
					p.s.asked()
					p.polls(3)
					p.calls(calls{polls: 3})
					thaw()
					p.polls(1)
					p.list("/a/")
					p.same("/", "/a/")
					if p.told() == "" {
						t.Error("nobody was told")
					}
				})
			})
		}
	}
}

// What is known cannot be read again when it has to be: it is tried once more.
func TestReadingAgainFails(t *testing.T) {
	var dirs []string
	for i := range 20 {
		dirs = append(dirs, fmt.Sprintf("/d%d/", i))
	}
	for _, known := range [][]string{{"/", "/d7/"}, dirs} {
		watching(t, func(s *fakeService) {
			for _, dir := range dirs {
				s.fill(dir, 3)
			}
		}, func(p *place) {
			p.ready(known...)
			p.s.rm("/d7/f00001", 0)
			asked := p.w.Look()
			time.Sleep(p.s.latency + p.s.latency/4)
			p.s.set(func() { p.s.down = &remote.Error{Kind: remote.Unreachable, Op: "list"} })
			<-asked
			time.Sleep(interval)
			p.s.set(func() { p.s.down = nil })
			p.polls(2)
			p.same(known...)
			p.tells("/d7/f00001")
			p.s.asked()
			p.polls(2)
			p.calls(calls{polls: 2})
		})
	}
}

func TestOutage(t *testing.T) {
	watching(t, filled(40), func(p *place) {
		p.ready("/a/")
		down := &remote.Error{Kind: remote.Unreachable, Op: "list"}
		p.s.set(func() { p.s.down = down })
		<-p.w.Look()
		if !errors.Is(p.w.Err(), down) {
			t.Errorf("Err: %v", p.w.Err())
		}
		p.s.asked()
		time.Sleep(5 * time.Minute)
		if c := p.s.asked(); c.polls < 9 || c.polls > 14 {
			t.Errorf("%+v in five minutes of an outage, want a poll in %v", c, longest)
		}
		p.s.rm("/a/f00001", 0)
		p.s.put("/a/f00002", 0)
		p.s.set(func() { p.s.down = nil })
		time.Sleep(longest + interval + time.Second)
		p.same("/a/")
		p.mu.Lock()
		defer p.mu.Unlock()
		if p.back != 1 || p.w.Err() != nil {
			t.Errorf("answered again %d times, %v", p.back, p.w.Err())
		}
	})
}

func TestAPollThatHangs(t *testing.T) {
	watching(t, filled(3), func(p *place) {
		p.ready("/a/")
		hang := make(chan struct{})
		p.s.set(func() { p.s.hang = hang })
		asked := p.w.Look()
		time.Sleep(3 * interval)
		for range 2 { // readers wait for a moment, the first ones
			began := time.Now()
			p.list("/a/")
			if waited := time.Since(began); waited > 3*time.Second {
				t.Errorf("a listing took %v", waited)
			}
		}
		p.s.put("/a/new", 0)
		p.s.set(func() { p.s.hang = nil })
		close(hang)
		<-asked
		p.polls(1)
		p.same("/a/")
	})
	// One that never ends is ended by Close.
	watching(t, filled(3), func(p *place) {
		p.ready("/a/")
		p.s.set(func() { p.s.hang = make(chan struct{}) })
		asked := []<-chan struct{}{p.w.Look()}
		time.Sleep(time.Second)
		asked = append(asked, p.w.Look())
		p.w.Close()
		for _, ended := range append(asked, p.w.Look()) {
			<-ended
		}
	})
}

func TestTheFirstPoll(t *testing.T) {
	denied := &remote.Error{Kind: remote.Denied, Op: "list"}
	watching(t, func(s *fakeService) { s.down = denied }, func(p *place) {
		<-p.w.Look() // as at mount
		if p.w.Err() != denied {
			t.Errorf("Err: %v", p.w.Err())
		}
		p.calls(calls{polls: 1})
		p.s.set(func() { p.s.down = nil })
		<-p.w.Look()
		if p.w.Err() != nil {
			t.Errorf("Err: %v", p.w.Err())
		}
	})
	t.Run("never begun", func(t *testing.T) {
		w := New(newService(), tree.New(newService(), time.Hour, slog.New(slog.DiscardHandler)), interval, nil, slog.New(slog.DiscardHandler))
		asked := w.Look()
		w.Close()
		<-asked
		<-w.Look()
	})
}

func TestPollsAreRareWhenNobodyAsks(t *testing.T) {
	watching(t, filled(3), func(p *place) {
		p.ready("/a/")
		for range 60 { // somebody asks all the time
			time.Sleep(10 * time.Second)
			p.list("/a/")
		}
		if c := p.s.asked(); c.polls > 10*60/8+1 || c.polls < 55 || c.dirs+c.alls > 2 {
			t.Errorf("%+v in ten minutes", c)
		}
		time.Sleep(time.Minute + interval) // until it is idle
		p.s.asked()
		time.Sleep(time.Hour)
		if c := p.s.asked(); c.polls > 120 || c.polls < 80 || c.dirs+c.alls > 1 {
			t.Errorf("%+v in an idle hour", c)
		}
		// It ends with the next question, which sees what is new at once.
		p.s.put("/a/new", 0)
		time.Sleep(2 * time.Millisecond)
		began := time.Now()
		for time.Since(began) < 2*interval {
			p.list("/a/")
			time.Sleep(time.Second)
		}
		p.same("/a/")
		p.s.asked()
		time.Sleep(30 * time.Second)
		if c := p.s.asked(); c.polls < 3 {
			t.Errorf("%+v after the first question", c)
		}
	})
}

// A poll that was asked for and is due at the same time is one.
func TestAskedForWhenDue(t *testing.T) {
	watching(t, filled(3), func(p *place) {
		p.s.set(func() { p.s.latency = 0 })
		p.ready("/a/")
		for range 50 {
			time.Sleep(interval) // the next one has begun, or not
			p.s.asked()
			first, second := p.w.Look(), p.w.Look()
			<-first
			<-second
			synctest.Wait()
			if c := p.s.asked(); c.polls > 1 {
				t.Fatalf("%+v for one question", c)
			}
		}
	})
}

// What the service changes without a new time is found in a while.
func TestReadAgainWithoutAReason(t *testing.T) {
	watching(t, filled(40), func(p *place) {
		p.ready("/a/")
		p.s.set(func() {
			e, _ := p.s.at("/a/f00001")
			e.Size = 77777
			e.ETag = "other"
			p.s.entries[e.ID] = e
		})
		for range 80 {
			time.Sleep(10 * time.Second)
			p.list("/a/")
		}
		p.same("/a/")
		p.tells("/a/f00001")
		if c := p.s.asked(); c.dirs != 1 {
			t.Errorf("%+v", c)
		}
	})
}

func TestForgottenIsToldWhenItIsFetched(t *testing.T) {
	watching(t, filled(40), func(p *place) {
		p.ready("/a/")
		p.tr.Forget("/a/")
		p.s.put("/a/f00001", 0)
		p.polls(1)
		if _, known := p.tr.Listed("/a/"); known {
			t.Error("it is known again")
		}
		p.tells("/a/f00001")
		p.list("/a/")
		p.same("/a/")
		p.s.rm("/a/f00002", 0)
		p.tr.Forget("/a/")
		p.polls(1)
		p.same("/a/")
		if got := p.told(); !strings.Contains(got, "/a/f00002") {
			t.Errorf("told of %q", got)
		}
	})
}

// A listing shows what came after one poll and went before the next.
func TestCameWasFetchedAndWentBetweenTwoPolls(t *testing.T) {
	for _, down := range []bool{false, true} {
		watching(t, filled(40), func(p *place) {
			p.ready("/")
			p.s.put("/a/new", 0)
			p.list("/a/")
			p.s.rm("/a/new", 0)
			if down { // the next poll fails
				p.s.set(func() { p.s.down = &remote.Error{Kind: remote.Unreachable, Op: "list"} })
				<-p.w.Look()
				p.s.set(func() { p.s.down = nil })
			}
			p.polls(1)
			p.same("/a/")
			p.tells("/a/new")
		})
	}
}

// What was made elsewhere after one poll is moved here, and deleted elsewhere, before
// the next.
func TestOwnMoveOfWhatNoPollSaw(t *testing.T) {
	watching(t, filled(40), func(p *place) {
		p.ready("/", "/a/")
		p.s.put("/f", 0)
		p.s.set(func() {
			f, _ := p.s.at("/f")
			time.Sleep(time.Millisecond)
			n, _ := p.s.move(f, "/a/h", 0)
			p.w.Made(n.ID)
			p.removed(f)
			p.tr.Put(n)
		})
		p.s.rm("/a/h", 0)
		p.polls(2)
		p.same("/", "/a/")
	})
}

// A listing ends while a poll runs that is answered after something in it went.
func TestCameWasFetchedDuringAPollAndWent(t *testing.T) {
	watching(t, filled(40), func(p *place) {
		p.ready("/")
		p.s.put("/a/new", 0)
		p.s.set(func() { p.s.latency = 4 * time.Second })
		asked := p.w.Look()
		time.Sleep(time.Second) // the answer is not computed
		p.s.set(func() { p.s.latency = 0 })
		p.list("/a/")
		p.s.rm("/a/new", 0)
		p.s.put("/a/f00001", 0)
		<-asked
		p.polls(1)
		p.same("/a/")
	})
}

// What is removed here while a poll runs that tells of it has not come from elsewhere.
func TestOwnDeletionOfWhatAPollTellsOf(t *testing.T) {
	watching(t, filled(40), func(p *place) {
		p.ready("/a/")
		p.s.set(func() { p.s.latency = 4 * time.Second })
		p.s.put("/a/f00001", 0)
		asked := p.w.Look()
		time.Sleep(3 * time.Second) // the answer is computed
		p.s.set(func() { p.s.latency = 0 })
		p.delete("/a/f00001", 0)
		<-asked
		p.polls(3)
		if c := p.s.asked(); c.alls+c.dirs > 0 {
			t.Errorf("an own deletion took %+v", c)
		}
		p.same("/a/")
	})
}
