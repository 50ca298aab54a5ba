package watch

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"losantfs/remote"
)

// kernel is what the kernel believes: what it was told, until it is told to forget it
// or the time for which it may believe it is over.
type kernel struct {
	names map[string]belief // by path
}

type belief struct {
	seen  string // "" for nothing
	id    string
	dir   bool
	until time.Time
}

// model is a watched space with a kernel before it.
type model struct {
	*place
	kernel kernel
	ctx    context.Context
	began  time.Time
	fails  []string
	busy   int // own changes under way
}

func (m *model) fail(format string, args ...any) {
	m.fails = append(m.fails, fmt.Sprintf(format, args...))
}

// lookup is what the kernel asks for, for what is above first, where it does not
// believe that it is there. It reports whether there is a directory.
func (m *model) lookup(p string) (isDir bool) {
	dir, name := split(p)
	if above := strings.TrimSuffix(dir, "/"); above != "" {
		m.mu.Lock()
		b := m.kernel.names[above]
		m.mu.Unlock()
		if !(b.dir && time.Now().Before(b.until)) && !m.lookup(above) {
			return false
		}
	}
	e, ttl, err := m.tr.Lookup(m.ctx, dir, name)
	m.mu.Lock()
	defer m.mu.Unlock()
	switch {
	case err == nil:
		m.kernel.names[p] = belief{version(&e), e.ID, e.Dir, time.Now().Add(ttl)}
	case remote.KindOf(err) == remote.NotFound:
		m.kernel.names[p] = belief{until: time.Now().Add(ttl)}
	}
	return err == nil && e.Dir
}

// forget is what the kernel does when it is told of names, now and once more.
func (m *model) forget(dir string, names []string) {
	forget := func() {
		l, ok := m.tr.Listed(dir)
		m.mu.Lock()
		defer m.mu.Unlock()
		for _, name := range names {
			was := m.kernel.names[dir+name]
			delete(m.kernel.names, dir+name)
			if ok {
				if e, ok := l.Get(name); ok && e.ID == was.id {
					continue // what is below stays where it is
				}
			}
			for p := range m.kernel.names {
				if strings.HasPrefix(p, dir+name+"/") {
					delete(m.kernel.names, p)
				}
			}
		}
	}
	go func() { // the lock of the tree is held
		forget()
		time.Sleep(time.Second)
		forget()
	}()
}

// check compares what is believed with what is there.
func (m *model) check(when string) {
	m.mu.Lock()
	believed := maps.Clone(m.kernel.names)
	m.mu.Unlock()
	m.s.mu.Lock()
	defer m.s.mu.Unlock()
	for p, b := range believed {
		now := ""
		if e, ok := m.s.at(p); ok {
			now = version(&e)
		}
		dir, _ := split(p)
		if dir != "/" {
			if e, ok := m.s.at(strings.TrimSuffix(dir, "/")); !ok || !e.Dir {
				continue // what is above is looked at first
			}
		}
		if time.Now().Before(b.until) && b.seen != now {
			m.fail("%s: the kernel believes for another %v that %s is %q, it is %q", when, time.Until(b.until), p, b.seen, now)
		}
	}
	for _, dir := range []string{"/", "/a/", "/b/", "/a/s/", "/b/s/"} {
		l, ok := m.tr.Listed(dir)
		if !ok || m.tr.Fresh(l) < time.Hour {
			continue
		}
		in := slices.DeleteFunc(m.s.in(dir), func(e remote.Entry) bool { return e.Status == remote.Deleting || e.Status == remote.Moving })
		slices.SortFunc(in, func(a, b remote.Entry) int { return strings.Compare(a.Name, b.Name) })
		if now, has := listing(l.Entries()), listing(in); now != has {
			m.fail("%s: %s is known to hold %s, it holds %s", when, dir, now, has)
		}
	}
}

// noNews checks that changes of files here were not told of once they were over, and
// took no calls but polls.
func (m *model) noNews(plan []step) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, p := range m.changed {
		changed := func(st step) bool { return st.kind >= 9 && st.p == p }
		// What ties with the last entry of a page may be told of for no reason.
		if slices.Contains(files, p) && !slices.ContainsFunc(plan, changed) {
			m.fail("told of %s, which nobody changed", p)
		}
	}
	m.s.mu.Lock()
	defer m.s.mu.Unlock()
	// Where calls take long they overlap with polls, which may blur the count.
	if c := m.s.calls; m.s.latency < time.Second && (c.gets > 0 || m.w.lastRead.After(m.began)) {
		m.fail("all was read again for own changes: %+v", c)
	}
}

// step is one thing that happens.
type step struct {
	kind, how int
	p, to     string
	wait      time.Duration
}

var lags = []time.Duration{0, 0, 300 * time.Millisecond, 12 * time.Second}

func (m *model) do(st step) {
	lag := lags[st.how]
	switch st.kind {
	case 0, 1:
		m.s.put(st.p, lag)
	case 2, 3:
		m.s.rm(st.p, lag)
	case 4:
		m.s.mv(st.p, st.to, lag)
	case 5:
		m.s.mkdir(st.p)
	case 6, 7, 8:
		go m.lookup(st.p)
	case 9:
		go m.ownWrite(st.p, lag, st.how == 1)
	case 10:
		go m.ownRemove(st.p, lag)
	case 11:
		go m.ownMove(st.p, st.to, lag)
	case 12:
		dir, _ := split(st.p)
		m.tr.Forget(dir)
	case 13:
		m.s.set(func() { m.s.down = &remote.Error{Kind: remote.Unreachable, Op: "list"} })
		time.AfterFunc(time.Duration(st.how)*8*time.Second, func() { m.s.set(func() { m.s.down = nil }) })
	}
	time.Sleep(st.wait + m.s.scatter("step") + 1) // what was begun goes as far as it can
}

// works is around each own change.
func (m *model) works() (end func()) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.busy++
	return func() { m.mu.Lock(); defer m.mu.Unlock(); m.busy-- }
}

func (m *model) idle() bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.busy == 0
}

// done says that the kernel sees an own change at once.
func (m *model) done(p string) {
	dir, name := split(p)
	m.forget(dir, []string{name})
}

// look finds what has a name, as the outbox does before it changes it.
func (m *model) look(p string) (remote.Entry, bool) {
	dir, name := split(p)
	l, err := m.tr.ListSince(m.ctx, dir, time.Now())
	if err != nil {
		return remote.Entry{}, false
	}
	return l.Get(name)
}

// ownWrite creates a file or writes to it; the answer may be lost.
func (m *model) ownWrite(p string, lag time.Duration, lost bool) {
	defer m.works()()
	defer m.done(p)
	if at, ok := m.look(p); ok && at.Dir {
		return
	}
	var e remote.Entry
	var ok bool
	m.own(func() (remote.Entry, bool) {
		_, had := m.s.at(p)
		e, ok = m.s.begin(p)
		return e, ok && !had && !lost
	}, func(e remote.Entry) { m.w.Made(e.ID) })
	if !ok {
		return
	}
	time.Sleep(lag)
	m.s.set(func() { m.s.complete(e.ID) })
	if e, ok := m.look(p); ok {
		m.tr.Put(e)
	}
}

func (m *model) ownRemove(p string, lag time.Duration) {
	defer m.works()()
	defer m.done(p)
	e, ok := m.look(p)
	if !ok {
		return
	}
	if e.Dir {
		m.everything(p + "/")
	}
	m.own(func() (remote.Entry, bool) {
		if _, ok = m.s.entries[e.ID]; ok {
			m.s.remove(e, lag)
		}
		return e, ok
	}, func(e remote.Entry) { m.w.Moves(e.ID); m.removed(e) })
}

func (m *model) everything(dir string) {
	l, err := m.tr.ListSince(m.ctx, dir, time.Now())
	if err != nil {
		return
	}
	for _, e := range l.Entries() {
		if e.Dir {
			m.everything(dir + e.Name + "/")
		}
	}
}

func (m *model) ownMove(p, to string, lag time.Duration) {
	defer m.works()()
	defer m.done(p)
	defer m.done(to)
	e, ok := m.look(p)
	if _, taken := m.look(to); !ok || taken {
		return
	}
	thaw := func() {}
	if e.Dir {
		m.everything(p + "/")
		thaw = m.tr.Freeze(p + "/")
	}
	defer func() { thaw() }()
	var n remote.Entry
	m.own(func() (remote.Entry, bool) {
		now, still := m.s.entries[e.ID]
		n, ok = remote.Entry{}, false
		if still {
			n, ok = m.s.move(now, to, lag)
		}
		return n, ok
	}, func(n remote.Entry) { m.w.Made(n.ID); m.w.Moves(e.ID) })
	if !ok {
		return
	}
	time.Sleep(lag)
	if e.Dir {
		m.everything(to + "/")
	}
	m.removed(e)
	if e, ok := m.look(to); ok && e.ID == n.ID {
		m.tr.Put(e)
	}
}

var paths = []string{"/f", "/a", "/a/f", "/a/g", "/a/h", "/a/s", "/a/s/f", "/b", "/b/f", "/b/s", "/b/s/f", "/b/s/g"}

// files are in directories that stay.
var files = []string{"/f", "/a/f", "/a/g", "/a/h", "/b/f"}

// TestWhatIsKnownIsWhatIsThere changes a space here and elsewhere, and compares what
// is known, and what the kernel believes, with what is there.
func TestWhatIsKnownIsWhatIsThere(t *testing.T) {
	for name, c := range map[string]struct {
		kinds []int
		polls int // how soon all is known
		paths []string
	}{
		"elsewhere":                  {[]int{0, 1, 2, 3, 4, 5, 6, 7, 8}, 1, paths},
		"here":                       {[]int{6, 7, 8, 9, 10, 11}, patience + 3, paths},
		"files here":                 {[]int{6, 7, 8, 9, 10}, 1, files},
		"here and elsewhere":         {[]int{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11}, patience + 3, paths},
		"with forgetting and outage": {[]int{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13}, patience + 6, paths},
	} {
		t.Run(name, func(t *testing.T) {
			rapid.Check(t, func(rt *rapid.T) {
				many := rapid.SampledFrom([]int{0, 20, 60}).Draw(rt, "more files")
				offset := rapid.SampledFrom([]int{0, 0, 1, -1}).Draw(rt, "offset")
				perPage := rapid.SampledFrom([]int{0, 0, 10}).Draw(rt, "entries in a page")
				latency := rapid.SampledFrom([]time.Duration{0, 100 * time.Millisecond, 3 * time.Second}).Draw(rt, "latency")
				// What is moved elsewhere and removed here, both before the next poll, is not
				// found where the service keeps dates.
				keep := rapid.Bool().Draw(rt, "keep dates") && c.polls == 1
				whole := rapid.Bool().Draw(rt, "list the whole space")
				learn := rapid.Bool().Draw(rt, "learn all with the first poll")
				seed := 1 + rapid.Uint64Max(1000).Draw(rt, "seed")
				plan := rapid.SliceOfN(rapid.Custom(func(rt *rapid.T) step {
					return step{rapid.SampledFrom(c.kinds).Draw(rt, "kind"), rapid.IntRange(0, len(lags)-1).Draw(rt, "how"),
						rapid.SampledFrom(c.paths).Draw(rt, "path"), rapid.SampledFrom(c.paths).Draw(rt, "to"),
						rapid.SampledFrom([]time.Duration{0, time.Millisecond, 100 * time.Millisecond, time.Second, 4 * time.Second, 9 * time.Second}).Draw(rt, "wait")}
				}), 1, 30).Draw(rt, "plan")
				var fails []string
				watching(t, func(s *fakeService) {
					s.fill("/more/", many)
					s.fill("/a/s/", 3)
					s.fill("/b/", 3)
					s.offset, s.perPage, s.latency, s.keepDates, s.whole, s.learn, s.seed = offset, perPage, latency, keep, whole, learn, seed
				}, func(p *place) {
					ctx, cancel := context.WithCancel(p.t.Context())
					defer cancel()
					m := &model{place: p, kernel: kernel{names: map[string]belief{}}, ctx: ctx}
					m.mu.Lock()
					m.heard = m.forget
					m.mu.Unlock()
					<-m.w.Look()
					m.began = time.Now()
					for _, st := range plan {
						m.do(st)
					}
					for !m.idle() {
						time.Sleep(time.Second)
					}
					m.s.set(func() { m.s.down = nil })
					time.Sleep(lags[len(lags)-1] + time.Second) // what was begun elsewhere ends
					// One interval and the calls of a poll: glance, pages, what is read.
					time.Sleep(time.Duration(c.polls) * (interval + 4*latency))
					time.Sleep(2 * time.Second)
					synctest.Wait()
					m.check("at the end")
					if !slices.ContainsFunc(c.kinds, func(kind int) bool { return kind < 6 || kind > 10 }) {
						m.noNews(plan)
					}
					// With nothing to find there is one call for each poll.
					for range 4 {
						m.polls(1)
					}
					m.s.asked()
					m.polls(5)
					if got := m.s.asked(); got.polls > 8 || got.pages+got.alls+got.dirs+got.gets > 0 {
						m.fail("calls when nothing changes: %+v", got)
					}
					m.check("long after")
					fails = m.fails
				})
				for _, f := range fails {
					rt.Errorf("%s", f)
				}
			})
		})
	}
}
