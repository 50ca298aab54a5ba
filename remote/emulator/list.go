package emulator

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"path"
	"slices"
	"strconv"
	"strings"
	"sync"
)

// listing is what a listing was asked for.
type listing struct {
	field         field
	fieldName     string
	descending    bool
	direction     string
	page, perPage int
	filterField   string
	filter        string
	kind          string // file, directory or ""
	status        string // completed, pending or ""
	directory     string // folder key; "": the whole application
}

// parseListing reads and checks the query. perPage is cut to most without a
// word, as the answered value tells.
func parseListing(q url.Values, most int64) (*listing, error) {
	l := &listing{
		fieldName: q.Get("sortField"), direction: q.Get("sortDirection"),
		filterField: q.Get("filterField"), filter: q.Get("filter"),
		kind: q.Get("type"), status: q.Get("status"), perPage: 100,
	}
	if l.fieldName == "" {
		l.fieldName = "lastUpdated"
	}
	var ok bool
	if l.field, ok = sortFields[l.fieldName]; !ok {
		return nil, invalid("sortField", "must be one of lastUpdated, type, name, creationDate")
	}
	if l.direction == "" {
		l.direction = "asc"
	}
	l.descending = strings.EqualFold(l.direction, "desc")
	if !l.descending && !strings.EqualFold(l.direction, "asc") {
		return nil, invalid("sortDirection", "must be one of asc, desc")
	}
	if l.filterField != "" && l.filterField != "name" {
		return nil, invalid("filterField", "must be name")
	}
	if !slices.Contains([]string{"", "file", "directory"}, l.kind) {
		return nil, invalid("type", "must be one of file, directory")
	}
	if !slices.Contains([]string{"", "completed", "pending"}, l.status) {
		return nil, invalid("status", "must be one of completed, pending")
	}
	if d := q.Get("directory"); d != "" {
		l.directory = folderKey(d)
	}
	var err error
	if v := q.Get("page"); v != "" {
		if l.page, err = strconv.Atoi(v); err != nil || l.page < 0 {
			return nil, invalid("page", "must be a whole number of at least 0")
		}
	}
	if v := q.Get("perPage"); v != "" {
		if l.perPage, err = strconv.Atoi(v); err != nil || l.perPage < 1 {
			return nil, invalid("perPage", "must be a whole number of at least 1")
		}
	}
	l.perPage = int(min(int64(l.perPage), most))
	return l, nil
}

// filtered says whether the listing is less than a whole folder or space.
func (l *listing) filtered(recursive bool) bool {
	return l.kind != "" || l.status != "" || l.filtersNames() || l.directory != "" && recursive
}

func (l *listing) filtersNames() bool { return l.filterField == "name" && l.filter != "" }

// matches says whether a listing holds e, apart from its directory.
func (l *listing) matches(e *entry) bool {
	if l.kind != "" && l.kind != e.typeName() || l.status != "" && l.status != e.status.String() {
		return false
	}
	if !l.filtersNames() {
		return true
	}
	// The dialect of the globs is not known; the usual *, ? and [] are understood.
	ok, err := path.Match(l.filter, e.name)
	return ok || err != nil && l.filter == e.name
}

// list answers GET on a collection.
func (c *call) list() (int, []byte, error) {
	l, err := parseListing(c.query, c.s.sw.number("per-page-max"))
	if err != nil {
		return 0, nil, err
	}
	if fail := c.s.sw.number("list-fail-page"); fail >= 0 && int64(l.page) == fail {
		return 0, nil, injected(http.StatusInternalServerError)
	}
	f := c.form()
	f.url = f.url && c.s.sw.on("list-private-url")
	st := c.s.st
	for {
		st.mu.RLock()
		if all, ok := c.s.selectLocked(c.space, l); ok {
			body := c.pageLocked(all, l, f)
			st.mu.RUnlock()
			return http.StatusOK, body, nil
		}
		st.mu.RUnlock()
		st.mu.Lock()
		c.s.sortLocked(c.space, l)
		st.mu.Unlock()
	}
}

// selectLocked returns the whole listing in ascending order; false: the order it
// needs does not exist yet.
func (s *Server) selectLocked(sp *space, l *listing) ([]*entry, bool) {
	recursive := s.sw.is("list-depth", "recursive")
	key := sp.canonical(l.directory, l.directory != "" && s.fold())
	all := sp.orders[l.field]
	if l.directory != "" && !recursive {
		f := sp.folders[key]
		if f == nil {
			return nil, true
		}
		all = f.orders[l.field]
	}
	if all == nil {
		return nil, false
	}
	if !l.filtered(recursive) {
		return all, true
	}
	want := fmt.Sprintf("%d %q %q %q %q %q %v", l.field, l.filterField, l.filter, l.kind, l.status, key, recursive)
	if kept, ok := sp.selections.get(want, sp.gen); ok {
		return kept, true
	}
	picked := []*entry{}
	for _, e := range all {
		if recursive && l.directory != "" && !strings.HasPrefix(e.parent, key) {
			continue
		}
		if l.matches(e) {
			picked = append(picked, e)
		}
	}
	sp.selections.put(want, sp.gen, picked)
	return picked, true
}

// sortLocked makes the order a listing needs. The caller holds the lock for writing.
func (s *Server) sortLocked(sp *space, l *listing) {
	if l.directory == "" || s.sw.is("list-depth", "recursive") {
		if sp.orders[l.field] == nil {
			sp.orders.build(l.field, sp.all())
		}
		return
	}
	key := sp.canonical(l.directory, s.fold())
	if f := sp.folders[key]; f != nil && f.orders[l.field] == nil {
		f.orders.build(l.field, sp.children(key))
	}
}

// pageLocked writes one page of a listing.
func (c *call) pageLocked(all []*entry, l *listing, f form) []byte {
	from := len(all)
	if l.page <= len(all)/l.perPage {
		from = l.page * l.perPage
	}
	to := min(from+l.perPage, len(all))
	total := len(all)
	if c.s.sw.is("total-count", "wrong") {
		total++
	}
	b := make([]byte, 0, 1024+700*(to-from))
	b = append(b, `{"items":[`...)
	for i := from; i < to; i++ {
		if i > from {
			b = append(b, ',')
		}
		e := all[i]
		if l.descending {
			e = all[len(all)-1-i]
		}
		b = c.s.appendEntry(b, e, f)
	}
	b = append(b, ']')
	app := c.app.id.String()
	collection := "files"
	if c.space.kind == private {
		collection = "privateFiles"
	}
	tail := map[string]any{
		"applicationId": app, "count": to - from, "totalCount": total, "page": l.page, "perPage": l.perPage,
		"sortField": l.fieldName, "sortDirection": l.direction, "_type": collection,
	}
	if l.filtersNames() {
		tail["filterField"], tail["filter"] = l.filterField, l.filter
	}
	if l.directory != "" {
		fold := c.s.fold()
		tail["parentExists"] = c.space.hasDirectory(c.space.canonical(l.directory, fold), fold)
	}
	if f.links {
		tail["_links"] = map[string]any{"self": map[string]string{"href": "/applications/" + app + "/" + collection}}
	}
	rest, _ := json.Marshal(tail)
	b = append(b, ',')
	return append(b, rest[1:]...)
}

// selections keeps the last filtered listings, which would otherwise be made
// anew for each of their pages.
type selections struct {
	mu   sync.Mutex
	kept []selection // oldest first
}

type selection struct {
	want    string
	gen     uint64
	entries []*entry
}

func (s *selections) get(want string, gen uint64) ([]*entry, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, kept := range s.kept {
		if kept.want == want && kept.gen == gen {
			return kept.entries, true
		}
	}
	return nil, false
}

func (s *selections) put(want string, gen uint64, entries []*entry) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.kept = slices.DeleteFunc(s.kept, func(k selection) bool { return k.want == want || k.gen != gen })
	if len(s.kept) >= 8 {
		s.kept = slices.Delete(s.kept, 0, 1)
	}
	s.kept = append(s.kept, selection{want, gen, entries})
}
