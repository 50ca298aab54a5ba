package watch

import (
	"fmt"
	"testing"
	"time"
)

// What is as old as what changes is seen where it was.
func TestAsOldAsWhatChanges(t *testing.T) {
	watching(t, func(s *fakeService) {
		s.fill("/a/", 3)
		s.put("/a/one", 0)
		s.put("/b/two", 0) // at the same time
		time.Sleep(time.Millisecond)
		s.put("/later", 0)
	}, func(p *place) {
		p.ready("/", "/a/")
		p.s.put("/b/two", 0)
		p.list("/b/")
		p.polls(2)
		p.same("/a/", "/b/")
		p.calls(calls{polls: 2, dirs: 1})
	})
}

// More than a poll asks for were updated at once, so it tells of some twice.
func TestManyOnTheirWayOut(t *testing.T) {
	watching(t, filled(60), func(p *place) {
		p.ready("/", "/a/")
		for i := range 40 { // at the same time
			p.s.rm(fmt.Sprintf("/a/f%05d", i), 15*time.Second)
		}
		p.polls(2)
		p.calls(calls{polls: 2, pages: 2})
		p.same("/", "/a/")
	})
}

// Where it would take many calls to ask for what was on its way out, all is read.
func TestFewAreAskedFor(t *testing.T) {
	for _, c := range []struct {
		n    int
		want calls
	}{{readers, calls{polls: 1, gets: readers}}, {readers + 1, calls{polls: 1, dirs: 1}}} {
		watching(t, filled(10), func(p *place) {
			p.ready("/a/")
			for i := range c.n {
				p.s.rm(fmt.Sprintf("/a/f%05d", i), 4*time.Second)
			}
			p.polls(1)
			time.Sleep(4 * time.Second)
			p.s.asked()
			p.polls(1)
			p.calls(c.want)
			p.same("/a/")
		})
	}
}

// Entries as old as the last one of a page come into the page when another leaves it.
func TestTiesWithTheLastOfAPage(t *testing.T) {
	watching(t, func(s *fakeService) {
		for i := range 40 { // at the same time
			s.put(fmt.Sprintf("/b/f%05d", i), 0)
		}
		s.fill("/a/", 10)
	}, func(p *place) {
		p.ready("/a/")
		p.delete("/a/f00001", 0)
		p.polls(2)
		p.tells("")
		p.calls(calls{polls: 2})
	})
}

// Where the service's total is too small, a full page is not taken for the last.
func TestTotalOfAFullPage(t *testing.T) {
	watching(t, func(s *fakeService) { s.fill("/a/", 10); s.perPage, s.offset = 10, -1 }, func(p *place) {
		p.ready("/a/")
		p.delete("/a/f00009", 0)
		p.polls(2)
		p.tells("")
		p.same("/a/")
		p.calls(calls{polls: 2})
	})
}
