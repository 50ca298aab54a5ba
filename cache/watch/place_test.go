package watch

import (
	"fmt"
	"log/slog"
	"math/rand/v2"
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
		p.w.jitter = func(time.Duration) time.Duration { return 0 }
		if p.s.seed != 0 {
			seeded := rand.New(rand.NewPCG(p.s.seed, 0))
			p.w.jitter = func(d time.Duration) time.Duration { return time.Duration(seeded.Int64N(int64(d))) }
		}
		attend := tree.Watch{Look: p.w.Look, Changed: p.tell}
		if p.s.whole {
			attend.Total = p.w.Total
		}
		p.tr.Attend(attend)
		if p.s.learn {
			p.w.Learn()
		}
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
		if now, has := listing(l.Entries()), p.s.holds(dir); now != has {
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
