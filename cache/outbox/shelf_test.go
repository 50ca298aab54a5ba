package outbox

import (
	"bytes"
	"cmp"
	"context"
	"crypto/md5"
	"encoding/hex"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"losantfs/cache/draft"
	"losantfs/remote"
)

// shelf is a service in memory, which does at once what it is told, in ways that
// the emulator does not have.
type shelf struct {
	Service
	mu       sync.Mutex
	last     int
	entries  map[string]*remote.Entry // by id
	content  map[string][]byte        // by id
	keepID   bool                     // a move does not change ids
	name     func(string) string      // what becomes of a name, nil for nothing
	calls    map[string]int
	believed map[string]remote.Entry // by id: what the rest of the cache was told
}

func newShelf() *shelf {
	return &shelf{entries: map[string]*remote.Entry{}, content: map[string][]byte{}, calls: map[string]int{}, believed: map[string]remote.Entry{}}
}

func (s *shelf) newID() string {
	s.last++
	return fmt.Sprintf("%024x", s.last)
}

// put gives the shelf a file, or a directory when the path ends with a slash.
func (s *shelf) put(p, data string) *remote.Entry {
	s.mu.Lock()
	defer s.mu.Unlock()
	dir, name := splitPlace(strings.TrimSuffix(p, "/"))
	e := &remote.Entry{ID: s.newID(), Name: name, Parent: dir, Dir: strings.HasSuffix(p, "/"), Status: remote.Completed, Updated: time.Now()}
	s.entries[e.ID] = e
	if !e.Dir {
		s.fill(e, []byte(data))
	}
	return e
}

func (s *shelf) fill(e *remote.Entry, data []byte) {
	sum := md5.Sum(data)
	e.ETag, e.Size, e.Status, e.Updated = hex.EncodeToString(sum[:]), int64(len(data)), remote.Completed, time.Now()
	s.content[e.ID] = data
}

// all returns what is on the shelf, by path; directories end with a slash.
func (s *shelf) all() map[string]string {
	s.mu.Lock()
	defer s.mu.Unlock()
	all := map[string]string{}
	for id, e := range s.entries {
		p := e.Parent + e.Name
		if e.Dir {
			p += "/"
		}
		all[p] = string(s.content[id])
	}
	return all
}

func (s *shelf) at(p string) *remote.Entry {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.find(p)
}

func (s *shelf) find(p string) *remote.Entry {
	for _, e := range s.entries {
		if e.Parent+e.Name == p {
			c := *e
			return &c
		}
	}
	return nil
}

func (s *shelf) count(op string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.calls[op]
}

var errAbsent = &remote.Error{Kind: remote.NotFound, Op: "get"}

func (s *shelf) List(_ context.Context, o remote.ListOptions) (remote.Page, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var page remote.Page
	for _, e := range s.entries {
		page.Items = append(page.Items, *e)
	}
	slices.SortFunc(page.Items, func(a, b remote.Entry) int { return cmp.Or(b.Updated.Compare(a.Updated), cmp.Compare(b.ID, a.ID)) })
	page.TotalCount = len(page.Items)
	if o.PerPage > 0 && o.PerPage < len(page.Items) {
		page.Items = page.Items[:o.PerPage]
	}
	return page, nil
}

func (s *shelf) ListDirectory(_ context.Context, dir string) (all []remote.Entry, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if dir != "/" && s.find(strings.TrimSuffix(dir, "/")) == nil {
		return nil, errAbsent
	}
	for _, e := range s.entries {
		if e.Parent == dir {
			all = append(all, *e)
		}
	}
	return all, nil
}

func (s *shelf) Get(_ context.Context, id string) (remote.Entry, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if e := s.entries[id]; e != nil {
		return *e, nil
	}
	return remote.Entry{}, errAbsent
}

func (s *shelf) Create(_ context.Context, n remote.NewEntry) (remote.Entry, remote.Ticket, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.calls["create"]++
	name := s.nameFor(n.Name)
	if s.find(n.Parent+name) != nil {
		return remote.Entry{}, remote.Ticket{}, &remote.Error{Kind: remote.Exists, Op: "create"}
	}
	e := &remote.Entry{ID: s.newID(), Name: name, Parent: n.Parent, Dir: n.Dir, Status: remote.Pending, Updated: time.Now()}
	if n.Dir {
		e.Status = remote.Completed
	}
	s.entries[e.ID] = e
	return *e, remote.Ticket{URL: e.ID}, nil
}

func (s *shelf) nameFor(name string) string {
	if s.name == nil {
		return name
	}
	return s.name(name)
}

func (s *shelf) Patch(_ context.Context, id string, _ int64, _ string, _ *remote.Dimensions) (remote.Entry, remote.Ticket, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.calls["patch"]++
	e := s.entries[id]
	if e == nil {
		return remote.Entry{}, remote.Ticket{}, errAbsent
	}
	e.Status, e.Updated = remote.Pending, time.Now()
	return *e, remote.Ticket{URL: id}, nil
}

func (s *shelf) Upload(_ context.Context, t remote.Ticket, _ string, r io.ReaderAt, size int64, _ string) error {
	data, err := io.ReadAll(io.NewSectionReader(r, 0, size))
	if err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.calls["upload"]++
	e := s.entries[t.URL]
	if e == nil {
		return errAbsent
	}
	s.fill(e, data)
	return nil
}

func (s *shelf) Move(_ context.Context, id, parent, name string) (remote.Entry, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.calls["move"]++
	e := s.entries[id]
	name = s.nameFor(name)
	switch {
	case e == nil:
		return remote.Entry{}, errAbsent
	case s.find(parent+name) != nil:
		return remote.Entry{}, &remote.Error{Kind: remote.Invalid, Op: "move", Message: "the name is taken"}
	}
	from := e.Parent + e.Name + "/"
	e.Name, e.Parent = name, parent
	s.renumber(e)
	for _, c := range slices.Collect(maps.Values(s.entries)) {
		if strings.HasPrefix(c.Parent, from) {
			c.Parent = parent + name + "/" + strings.TrimPrefix(c.Parent, from)
			s.renumber(c)
		}
	}
	return *e, nil
}

func (s *shelf) renumber(e *remote.Entry) {
	e.Updated = time.Now()
	if s.keepID {
		return
	}
	delete(s.entries, e.ID)
	data, ok := s.content[e.ID]
	delete(s.content, e.ID)
	e.ID = s.newID()
	s.entries[e.ID] = e
	if ok {
		s.content[e.ID] = data
	}
}

func (s *shelf) Delete(_ context.Context, id string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.calls["delete"]++
	e := s.entries[id]
	if e == nil {
		return errAbsent
	}
	for _, c := range slices.Collect(maps.Values(s.entries)) {
		if c == e || e.Dir && strings.HasPrefix(c.Parent, e.Parent+e.Name+"/") {
			delete(s.entries, c.ID)
			delete(s.content, c.ID)
		}
	}
	return nil
}

// known is the rest of a cache that keeps nothing.
type known struct {
	Known
	s *shelf
}

func (k known) Listing(ctx context.Context, dir string, _ time.Time) (l Listing, err error) {
	all, err := k.s.ListDirectory(ctx, dir)
	for _, e := range all {
		switch e.Status {
		case remote.Moving:
			l.Moving++
		case remote.Deleting:
		default:
			l.Entries = append(l.Entries, e)
		}
	}
	return l, err
}

func (k known) believe(e remote.Entry, there bool) {
	k.s.mu.Lock()
	defer k.s.mu.Unlock()
	delete(k.s.believed, e.ID)
	if there {
		k.s.believed[e.ID] = e
	}
}

func (k known) Changed(e remote.Entry)                   { k.believe(e, true) }
func (k known) Made(e remote.Entry)                      { k.believe(e, true) }
func (k known) Removed(e remote.Entry)                   { k.believe(e, false) }
func (known) Freeze(string) (thaw func())                { return func() {} }
func (known) Same(remote.Entry, remote.Entry)            {}
func (known) Secure(context.Context, remote.Entry) error { return nil }
func (known) Keep(_ remote.Entry, path string)           { _ = os.Remove(path) }
func (known) MakeRoom()                                  {}
func (known) Discard(remote.Entry)                       {}
func (k known) Base(e remote.Entry) draft.Base           { return base{k.s, e} }

// base is the content of an entry of a shelf.
type base struct {
	s *shelf
	e remote.Entry
}

func (b base) ReadAt(_ context.Context, p []byte, off int64) (int, error) {
	b.s.mu.Lock()
	defer b.s.mu.Unlock()
	data, ok := b.s.content[b.e.ID]
	if !ok {
		return 0, errAbsent
	}
	return bytes.NewReader(data).ReadAt(p, off)
}

func (base) Close() {}
