package watch

import (
	"context"
	"fmt"
	"hash/fnv"
	"path"
	"slices"
	"strings"
	"sync"
	"time"

	"losantfs/remote"
)

// fakeService is a space of the service in memory, as others change it. Its clock has
// the resolution of the service's, so ties are frequent where time is virtual.
type fakeService struct {
	latency   time.Duration // of each answer, which is as of its middle
	perPage   int           // the most it sends, 0 for no limit
	offset    int           // by how much its total is wrong
	keepDates bool          // what is moved stays as old as it was
	learn     bool          // the first poll lists the whole space
	whole     bool          // the whole space is listed when anything is asked for
	seed      uint64        // of what makes no two waits end at once, 0 where that is not wanted

	mu      sync.Mutex
	entries map[string]remote.Entry
	made    int
	down    error
	hang    chan struct{} // nil: it answers
	calls   calls
}

// calls counts what was asked for.
type calls struct{ polls, pages, alls, dirs, gets int }

func newService() *fakeService { return &fakeService{entries: map[string]remote.Entry{}} }

// answer takes the time of a call and computes its answer in the middle of it.
func (s *fakeService) answer(ctx context.Context, what string, compute func() error) error {
	s.mu.Lock()
	half := s.latency/2 + s.scatter(what)
	s.mu.Unlock()
	if err := sleep(ctx, half); err != nil {
		return err
	}
	s.mu.Lock()
	err, hang := s.down, s.hang
	if err == nil {
		err = compute()
	}
	s.mu.Unlock()
	if hang != nil {
		select {
		case <-hang:
		case <-ctx.Done():
		}
	}
	if e := sleep(ctx, half); e != nil {
		return e
	}
	return err
}

// scatter returns what to add to a wait that begins now, of less than a millisecond, so
// that it ends with no other: timers that are due at once go off in any order.
func (s *fakeService) scatter(what string) time.Duration {
	if s.seed == 0 {
		return 0
	}
	h := fnv.New64a()
	fmt.Fprint(h, s.seed, time.Now().UnixNano(), what)
	return time.Duration(h.Sum64() % uint64(time.Millisecond))
}

func sleep(ctx context.Context, d time.Duration) error {
	select {
	case <-time.After(d):
		return ctx.Err()
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (s *fakeService) List(ctx context.Context, o remote.ListOptions) (p remote.Page, err error) {
	s.count(func(c *calls) {
		if o.PerPage == glance {
			c.polls++
		} else {
			c.pages++
		}
	})
	err = s.answer(ctx, fmt.Sprint("list ", o.Page), func() error {
		all := s.below("/")
		slices.SortStableFunc(all, func(a, b remote.Entry) int { return b.Updated.Compare(a.Updated) })
		size := o.PerPage
		if s.perPage > 0 {
			size = min(size, s.perPage)
		}
		from := min(o.Page*size, len(all))
		p = remote.Page{Items: append([]remote.Entry{}, all[from:min(from+size, len(all))]...), TotalCount: max(0, len(all)+s.offset), PerPage: size}
		return nil
	})
	return p, err
}

func (s *fakeService) ListAll(ctx context.Context) (all []remote.Entry, err error) {
	s.count(func(c *calls) { c.alls++ })
	err = s.answer(ctx, "all", func() error { all = s.below("/"); return nil })
	return all, err
}

func (s *fakeService) ListRest(ctx context.Context, first remote.Page) (all []remote.Entry, whole bool, err error) {
	s.count(func(c *calls) { c.alls++ })
	err = s.answer(ctx, "rest", func() error {
		all = s.below("/")
		whole = max(0, len(all)+s.offset) == first.TotalCount && (len(all) == 0) == (len(first.Items) == 0)
		for _, e := range all { // as it was when the first page was made, or not at all
			whole = whole && !e.Updated.After(first.Items[0].Updated)
		}
		return nil
	})
	return all, whole, err
}

func (s *fakeService) ListDirectory(ctx context.Context, dir string) (in []remote.Entry, err error) {
	s.count(func(c *calls) { c.dirs++ })
	err = s.answer(ctx, dir, func() error {
		if in = s.in(dir); len(in) == 0 && dir != "/" {
			if _, ok := s.at(strings.TrimSuffix(dir, "/")); !ok {
				return &remote.Error{Kind: remote.NotFound, Op: "list"}
			}
		}
		return nil
	})
	return in, err
}

func (s *fakeService) Get(ctx context.Context, id string) (e remote.Entry, err error) {
	s.count(func(c *calls) { c.gets++ })
	err = s.answer(ctx, id, func() error {
		var ok bool
		if e, ok = s.entries[id]; !ok {
			return &remote.Error{Kind: remote.NotFound, Op: "get"}
		}
		return nil
	})
	return e, err
}

func (s *fakeService) count(f func(*calls)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	f(&s.calls)
}

// asked returns the calls since the last time.
func (s *fakeService) asked() calls {
	s.mu.Lock()
	defer s.mu.Unlock()
	c := s.calls
	s.calls = calls{}
	return c
}

func (s *fakeService) set(f func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	f()
}

func (s *fakeService) find(p string) (e remote.Entry, ok bool) {
	s.set(func() { e, ok = s.at(p) })
	return e, ok
}

// What follows is called with s.mu held.

func (s *fakeService) below(dir string) (all []remote.Entry) {
	for _, e := range s.entries {
		if strings.HasPrefix(e.Parent, dir) {
			all = append(all, e)
		}
	}
	slices.SortFunc(all, func(a, b remote.Entry) int { return strings.Compare(a.ID, b.ID) })
	return all
}

func (s *fakeService) in(dir string) []remote.Entry {
	return slices.DeleteFunc(s.below(dir), func(e remote.Entry) bool { return e.Parent != dir })
}

// at returns what has a name, other than what is on its way out.
func (s *fakeService) at(p string) (remote.Entry, bool) {
	dir, name := split(p)
	for _, e := range s.entries {
		if e.Parent == dir && e.Name == name && e.Status != remote.Deleting && e.Status != remote.Moving {
			return e, true
		}
	}
	return remote.Entry{}, false
}

func split(p string) (dir, name string) {
	dir, name = path.Split(p)
	return remote.DirPath(dir), name
}

func clock() time.Time { return time.Now().Truncate(time.Millisecond) }

func (s *fakeService) add(e remote.Entry) remote.Entry {
	s.made++
	e.ID, e.Updated = fmt.Sprintf("%024x", s.made), clock()
	if e.Created.IsZero() {
		e.Created = e.Updated
	}
	s.entries[e.ID] = e
	return e
}

func (s *fakeService) change(id string, f func(e *remote.Entry)) {
	if e, ok := s.entries[id]; ok {
		f(&e)
		e.Updated = clock()
		s.entries[id] = e
	}
}

// parents makes the directories above a path, and reports whether it can be there.
func (s *fakeService) parents(p string) bool {
	dir, _ := split(p)
	if dir == "/" {
		return true
	}
	dir = strings.TrimSuffix(dir, "/")
	if e, ok := s.at(dir); ok {
		return e.Dir
	}
	if !s.parents(dir) {
		return false
	}
	parent, name := split(dir)
	s.add(remote.Entry{Parent: parent, Name: name, Dir: true, Status: remote.Completed})
	return true
}

// begin makes a file wait for content, and reports whether that is possible.
func (s *fakeService) begin(p string) (remote.Entry, bool) {
	if e, ok := s.at(p); ok {
		if e.Dir {
			return e, false
		}
		s.change(e.ID, func(e *remote.Entry) { e.Status = remote.Pending })
		return s.entries[e.ID], true
	}
	if !s.parents(p) {
		return remote.Entry{}, false
	}
	dir, name := split(p)
	return s.add(remote.Entry{Parent: dir, Name: name, Status: remote.Pending}), true
}

func (s *fakeService) complete(id string) {
	s.made++
	version := fmt.Sprintf("%032x", s.made)
	s.change(id, func(e *remote.Entry) {
		if e.Status == remote.Pending {
			e.Status, e.ETag, e.Size = remote.Completed, version, int64(s.made)
		}
	})
}

// remove removes an entry with all below it, which is seen on its way out for a while.
func (s *fakeService) remove(e remote.Entry, lag time.Duration) {
	ids := []string{e.ID}
	if e.Dir {
		for _, b := range s.below(e.Parent + e.Name + "/") {
			ids = append(ids, b.ID)
		}
	}
	for _, id := range ids {
		s.change(id, func(e *remote.Entry) { e.Status = remote.Deleting })
	}
	s.later(lag, func() {
		for _, id := range ids {
			delete(s.entries, id)
		}
	})
}

// move moves an entry with all below it, and returns what it becomes.
func (s *fakeService) move(e remote.Entry, to string, lag time.Duration) (now remote.Entry, ok bool) {
	if _, taken := s.at(to); taken || strings.HasPrefix(to+"/", e.Parent+e.Name+"/") || e.Status != remote.Completed || !s.parents(to) {
		return remote.Entry{}, false
	}
	old := []remote.Entry{e}
	if e.Dir {
		old = append(old, s.below(e.Parent+e.Name+"/")...)
	}
	from := e.Parent + e.Name
	became := map[string]string{}
	for _, o := range old {
		if o.Status == remote.Moving || o.Status == remote.Deleting {
			became[o.ID] = ""
			continue
		}
		n := o
		n.Parent, n.Name = split(to + strings.TrimPrefix(o.Parent+o.Name, from))
		n.Status = remote.Pending
		if !s.keepDates {
			n.Created = time.Time{}
		}
		n = s.add(n)
		became[o.ID] = n.ID
		if o.ID == e.ID {
			now = n
		}
		s.change(o.ID, func(o *remote.Entry) { o.Status, o.MovedTo = remote.Moving, n.ID })
	}
	s.later(lag, func() {
		for o, n := range became {
			delete(s.entries, o)
			if s.entries[n].Status == remote.Pending {
				s.change(n, func(e *remote.Entry) { e.Status = remote.Completed })
			}
		}
	})
	return s.entries[now.ID], true
}

// later does something at once or after a while.
func (s *fakeService) later(lag time.Duration, f func()) {
	if lag == 0 {
		f()
		return
	}
	s.made++
	time.AfterFunc(lag+s.scatter(fmt.Sprint("later ", s.made)), func() { s.set(f) })
}

// What follows is what others do.

func (s *fakeService) put(p string, lag time.Duration) {
	s.set(func() {
		if e, ok := s.begin(p); ok {
			s.later(lag, func() { s.complete(e.ID) })
		}
	})
}

func (s *fakeService) mkdir(p string) { s.set(func() { s.parents(p + "/x") }) }

func (s *fakeService) rm(p string, lag time.Duration) {
	s.set(func() {
		if e, ok := s.at(p); ok {
			s.remove(e, lag)
		}
	})
}

func (s *fakeService) mv(from, to string, lag time.Duration) {
	s.set(func() {
		if e, ok := s.at(from); ok {
			s.move(e, to, lag)
		}
	})
}

// fill makes many files in a directory, one each millisecond.
func (s *fakeService) fill(dir string, n int) {
	s.mkdir(strings.TrimSuffix(dir, "/"))
	for i := range n {
		time.Sleep(time.Millisecond)
		s.set(func() {
			s.add(remote.Entry{Parent: dir, Name: fmt.Sprintf("f%05d", i), Status: remote.Completed, ETag: fmt.Sprintf("%032x", i)})
		})
	}
}
