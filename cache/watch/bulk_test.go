package watch

import (
	"fmt"
	"io"
	"log/slog"
	"testing"
	"time"

	"losantfs/cache/tree"
	"losantfs/remote"
)

// bulk makes more files at once than a poll asks for.
func (s *fakeService) bulk(dir string, n int) {
	s.mkdir(dir[:len(dir)-1])
	time.Sleep(time.Millisecond)
	s.set(func() {
		for i := range n {
			s.add(remote.Entry{Parent: dir, Name: fmt.Sprintf("b%05d", i), Status: remote.Completed, ETag: fmt.Sprintf("%032x", i)})
		}
	})
}

// What came at once with more than a poll asks for is not read again for that: it takes
// a page until it is certain that nothing more came in that millisecond.
func TestManyAtOnceBeforeTheFirstPoll(t *testing.T) {
	for learn, first := range map[bool]calls{false: {polls: 1, pages: 1, dirs: 1}, true: {pages: 1, alls: 1}} {
		watching(t, func(s *fakeService) { s.fill("/a/", 5); s.bulk("/a/", 3*glance); s.learn = learn }, func(p *place) {
			<-p.w.Look()
			p.list("/a/")
			p.calls(first)
			p.polls(3)
			p.calls(calls{polls: 3, pages: 1})
			p.s.put("/a/b00070", 0) // one that was on no poll's first page
			p.polls(1)
			p.calls(calls{polls: 1})
			p.tells("/a/b00070")
			p.s.rm("/a/b00071", 0)
			p.polls(1)
			p.same("/a/")
		})
	}
}

func TestManyAtOnceBetweenPolls(t *testing.T) {
	watching(t, filled(5), func(p *place) {
		p.ready("/a/")
		p.s.bulk("/a/", 3*glance)
		p.polls(3)
		p.calls(calls{polls: 3, pages: 2})
		p.same("/a/")
		p.s.rm("/a/b00071", 0)
		p.polls(1)
		p.same("/a/")
	})
}

// A mount after another compares with what came at once, however short the first was.
func TestManyAtOnceBeforeARemount(t *testing.T) {
	for name, c := range map[string]struct {
		change func(s *fakeService)
		want   calls
	}{
		"nothing changed": {func(*fakeService) {}, calls{polls: 1, pages: 1}},
		"one more":        {func(s *fakeService) { s.put("/a/new", 0) }, calls{polls: 1, pages: 1}},
		"one is gone":     {func(s *fakeService) { s.rm("/a/b00060", 0) }, calls{polls: 1, pages: 1, alls: 1}},
	} {
		t.Run(name, func(t *testing.T) {
			watching(t, func(s *fakeService) { s.fill("/a/", 5); s.bulk("/a/", 3*glance); s.learn = true }, func(p *place) {
				<-p.w.Look()
				state := p.w.State()
				p.w.Close()
				known := p.tr.Snapshot()
				c.change(p.s)
				p.s.asked()
				tr := tree.New(p.s, 2*interval, slog.New(slog.NewTextHandler(io.Discard, nil)))
				defer tr.Close()
				w := New(p.s, tr, interval, p.answers, slog.New(slog.DiscardHandler))
				defer w.Close()
				tr.Attend(tree.Watch{Look: w.Look, Changed: p.tell})
				tr.Restore(known)
				w.Restore(state, false)
				w.Start()
				<-w.Look()
				time.Sleep(time.Second)
				p.tr, p.w = tr, w
				p.same("/a/")
				p.calls(c.want)
			})
		})
	}
}
