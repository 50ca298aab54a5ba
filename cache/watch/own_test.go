package watch

import (
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"losantfs/remote"
)

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
		if l, _ := p.tr.Listed("/a/"); listing(l.Entries()) != want {
			t.Errorf("known after the poll: %s\nwant %s", listing(l.Entries()), want)
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
