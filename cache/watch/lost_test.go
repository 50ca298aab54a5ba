package watch

import (
	"fmt"
	"testing"
	"time"

	"losantfs/remote"
)

// As many are deleted elsewhere as are on their way out here: the count is what it
// will be.
func TestDeletionElsewhereWhileAnOwnOneTakesLong(t *testing.T) {
	watching(t, filled(10), func(p *place) {
		p.ready("/a/")
		p.delete("/a/f00001", 15*time.Second)
		p.s.rm("/a/f00002", 0)
		p.polls(1)
		p.same("/a/")
		time.Sleep(15 * time.Second)
		p.s.asked()
		p.polls(3)
		p.calls(calls{polls: 3})
		p.same("/a/")
	})
}

// As many are deleted elsewhere as were seen on their way out and are still there, but
// go before they are asked for.
func TestDeletionElsewhereWhileOthersAreOnTheirWayOut(t *testing.T) {
	watching(t, filled(10), func(p *place) {
		p.ready("/", "/a/")
		p.s.rm("/a/f00001", 6*time.Second)
		p.polls(1)
		p.s.rm("/a/f00002", 0)
		p.s.set(func() { p.s.latency = 4 * time.Second }) // of the poll's count, then of Get
		<-p.w.Look()
		p.s.set(func() { p.s.latency = 0 })
		p.polls(2)
		p.same("/", "/a/")
	})
}

// That something is on its way out is in an answer that does not count, because of what
// was done here since.
func TestOnItsWayOutInAnAnswerThatDoesNotCount(t *testing.T) {
	watching(t, filled(10), func(p *place) {
		p.ready("/a/")
		e, _ := p.s.find("/a/f00001")
		p.s.rm("/a/f00001", 8*time.Second)
		p.s.set(func() { p.s.latency = 4 * time.Second })
		asked := p.w.Look()
		time.Sleep(3 * time.Second) // the answer is computed
		p.s.set(func() { p.s.latency = 0 })
		p.tr.Put(e)
		<-asked
		time.Sleep(5 * time.Second)
		p.polls(1)
		p.same("/a/")
	})
}

// What was on its way out in the first answer of a poll is gone before the second, which
// has as many others.
func TestGoneBetweenTheAnswersOfAPoll(t *testing.T) {
	watching(t, func(s *fakeService) { s.fill("/a/", 30); s.perPage = 3 }, func(p *place) {
		p.ready("/a/")
		for i := range 3 {
			p.s.rm(fmt.Sprintf("/a/f%05d", i), 4*time.Second)
		}
		p.s.set(func() { p.s.latency = 6 * time.Second })
		asked := p.w.Look()
		time.Sleep(5 * time.Second)
		for i := range 3 {
			p.s.put(fmt.Sprint("/a/new", i), 0)
		}
		<-asked
		p.s.set(func() { p.s.latency = 0 })
		p.polls(1)
		p.same("/a/")
	})
}

// What is deleted here between two pages of a poll moves others to a page that was read.
func TestPagesThatShrink(t *testing.T) {
	watching(t, func(s *fakeService) { s.fill("/a/", 60); s.perPage = 10 }, func(p *place) {
		p.ready("/a/")
		for i := range 30 {
			time.Sleep(time.Millisecond)
			p.s.put(fmt.Sprintf("/a/f%05d", i), 0)
		}
		p.s.set(func() { p.s.latency = 4 * time.Second })
		asked := p.w.Look()
		time.Sleep(7 * time.Second) // the first two answers are computed
		p.s.set(func() { p.s.latency = 0 })
		p.delete("/a/f00029", 0)
		<-asked
		p.polls(1)
		p.same("/a/")
	})
}

// The whole space is read after one poll, and shows what goes before the next.
func TestCameWasReadAndWentBetweenTwoPolls(t *testing.T) {
	watching(t, filled(10), func(p *place) {
		p.ready("/", "/a/")
		p.s.rm("/a/f00001", 0)
		p.s.set(func() { p.s.latency = 4 * time.Second })
		asked := p.w.Look()
		time.Sleep(3 * time.Second) // the answer is computed
		p.s.put("/a/new", 0)
		<-asked
		time.Sleep(3 * time.Second) // all is read
		p.s.rm("/a/new", 0)
		p.s.set(func() { p.s.latency = 0 })
		p.polls(2)
		p.same("/", "/a/")
	})
}

// A directory that was forgotten is read with the whole space. The kernel still believes
// what it saw of it, so it is told when that changes.
func TestForgottenAndReadWithAll(t *testing.T) {
	watching(t, filled(10), func(p *place) {
		p.ready("/", "/a/")
		p.tr.Forget("/a/")
		p.s.rm("/a/f00000", 0)
		p.polls(1) // all is read
		p.same("/", "/a/")
		p.told()
		p.s.rm("/a/f00001", 0)
		p.polls(1)
		p.tells("/a/f00001")
	})
}

// A file keeps its dates when it is moved, and is not complete when it is first seen.
func TestMovedAndIncompleteKeepingItsDates(t *testing.T) {
	watching(t, func(s *fakeService) { s.fill("/a/", 10); s.keepDates = true }, func(p *place) {
		p.ready("/", "/a/")
		p.s.mv("/a/f00001", "/to", 0)
		p.s.put("/to", 15*time.Second)
		p.polls(1)
		p.same("/", "/a/")
		time.Sleep(15 * time.Second)
		p.polls(1)
		p.same("/", "/a/")
	})
}

// A file keeps its dates when it is moved to a directory that is listed before the next
// poll.
func TestMovedAndListedKeepingItsDates(t *testing.T) {
	watching(t, func(s *fakeService) { s.fill("/a/", 10); s.fill("/b/", 1); s.keepDates = true }, func(p *place) {
		p.ready("/a/")
		p.s.mv("/a/f00001", "/b/to", 0)
		p.list("/b/")
		p.polls(1)
		p.same("/a/", "/b/")
	})
}

// A file is moved under the id it had to a directory that is not known.
func TestMovedUnderItsID(t *testing.T) {
	watching(t, func(s *fakeService) { s.fill("/a/", 10); s.fill("/b/", 1) }, func(p *place) {
		p.ready("/a/")
		e, _ := p.s.find("/a/f00001")
		p.s.set(func() { p.s.change(e.ID, func(e *remote.Entry) { e.Parent = "/b/" }) })
		p.polls(1)
		p.same("/a/")
	})
}

// A poll tells of something while the whole space is listed, which is answered later
// but as of before.
func TestWholeSpaceIsListedDuringAPoll(t *testing.T) {
	watching(t, func(s *fakeService) { s.fill("/a/", 3); s.whole = true }, func(p *place) {
		p.polls(2)
		p.s.set(func() { p.s.latency = 10 * time.Second })
		listed := make(chan error)
		go func() {
			_, err := p.tr.List(p.t.Context(), "/a/")
			listed <- err
		}()
		time.Sleep(6 * time.Second) // the answer is computed
		p.s.set(func() { p.s.latency = 0 })
		p.s.put("/a/new", 0)
		p.s.rm("/a/f00001", 3*time.Second)
		p.polls(1)
		if err := <-listed; err != nil {
			t.Fatal(err)
		}
		p.polls(1)
		p.same("/", "/a/")
	})
}

// The whole space is listed after one poll, and shows what goes before the next.
func TestCameWasListedWithAllAndWentBetweenTwoPolls(t *testing.T) {
	watching(t, func(s *fakeService) { s.fill("/a/", 3); s.whole = true }, func(p *place) {
		p.polls(2)
		p.s.put("/a/new", 0)
		p.list("/a/")
		p.s.rm("/a/new", 0)
		p.polls(1)
		p.same("/", "/a/")
	})
}
