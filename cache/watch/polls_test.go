package watch

import (
	"errors"
	"fmt"
	"log/slog"
	"testing"
	"testing/synctest"
	"time"

	"losantfs/cache/tree"
	"losantfs/remote"
)

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
