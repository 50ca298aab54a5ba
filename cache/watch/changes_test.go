package watch

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"losantfs/remote"
)

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
