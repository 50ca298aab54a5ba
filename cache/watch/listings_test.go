package watch

import (
	"strings"
	"testing"
	"time"

	"losantfs/remote"
)

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
