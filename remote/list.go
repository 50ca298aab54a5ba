package remote

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"

	"golang.org/x/sync/errgroup"
)

// maxPerPage is what the vendor's own CLI asks for; the service may answer with
// less.
const maxPerPage = 1000

// pagesInParallel bounds how many pages of one listing are fetched side by side.
const pagesInParallel = 8

// ListOptions narrow and order a listing. The zero value asks for the whole
// application.
type ListOptions struct {
	Directory string // only its direct children, when set
	Name      string // a glob
	Type      string // "file" or "directory"
	Status    Status
	SortField string // "lastUpdated", "type", "name" or "creationDate"
	Desc      bool
	Page      int // from 0
	PerPage   int // 1000 when 0
}

func (o ListOptions) query() url.Values {
	q := url.Values{"perPage": {strconv.Itoa(maxPerPage)}, "page": {strconv.Itoa(o.Page)}}
	if o.PerPage > 0 {
		q.Set("perPage", strconv.Itoa(o.PerPage))
	}
	if o.Directory != "" {
		q.Set("directory", DirPath(o.Directory))
	}
	if o.Name != "" {
		q.Set("filterField", "name")
		q.Set("filter", o.Name)
	}
	for key, value := range map[string]string{"type": o.Type, "status": string(o.Status), "sortField": o.SortField} {
		if value != "" {
			q.Set(key, value)
		}
	}
	if o.Desc {
		q.Set("sortDirection", "desc")
	}
	return q
}

// Page is one page of a listing. PerPage is what the service used, which may be
// less than what was asked for.
type Page struct {
	Items        []Entry `json:"items"`
	TotalCount   int     `json:"totalCount"`
	PerPage      int     `json:"perPage"`
	ParentExists *bool   `json:"parentExists"` // nil when the service did not say
}

// List fetches one page.
func (f *Files) List(ctx context.Context, o ListOptions) (Page, error) {
	var p Page
	err := f.c.do(ctx, call{op: opList, method: http.MethodGet, path: f.collectionPath(), query: o.query(), repeat: true}, &p)
	if err == nil && p.Items == nil {
		err = &Error{Kind: Unreachable, Op: opList.String(), Message: "the answer is not a listing"}
	}
	return p, err
}

// ListDirectory returns all direct children of a directory. It fails rather
// than return a part: when entries come and go while the pages are read, they
// are read again, and a directory that does not hold still is [Busy]. A
// directory the service says does not exist is [NotFound].
func (f *Files) ListDirectory(ctx context.Context, dir string) ([]Entry, error) {
	dir = DirPath(dir)
	var before []string
	for range listPasses {
		entries, total, err := f.listPass(ctx, dir)
		if err != nil {
			return nil, err
		}
		ids := sortedIDs(entries)
		// A total that never fits is the service's own count being off: the
		// same answer twice is then the truth.
		if len(ids) == total || slices.Equal(ids, before) {
			return slices.DeleteFunc(entries, func(e Entry) bool { return e.Parent != dir }), nil
		}
		before = ids
	}
	return nil, &Error{Kind: Busy, Op: opList.String(), Message: fmt.Sprintf("%s changes faster than it can be listed", dir)}
}

const listPasses = 4

// listPass reads every page of a directory once: the first alone, as it tells
// the size of the pages and of the whole, the others in parallel.
func (f *Files) listPass(ctx context.Context, dir string) (entries []Entry, total int, err error) {
	// New entries come last in this order, so they do not shift the pages.
	o := ListOptions{Directory: dir, SortField: "creationDate"}
	first, err := f.List(ctx, o)
	if err != nil {
		return nil, 0, err
	}
	if first.ParentExists != nil && !*first.ParentExists && dir != "/" && len(first.Items) == 0 {
		return nil, 0, &Error{Kind: NotFound, Op: opList.String(), Message: "no such directory"}
	}
	size := first.PerPage
	if size <= 0 || size > maxPerPage {
		size = max(1, len(first.Items))
	}
	if len(first.Items) >= first.TotalCount || len(first.Items) == 0 {
		return unique(first.Items), first.TotalCount, nil
	}
	pages := make([]Page, (first.TotalCount+size-1)/size)
	pages[0] = first
	g, gctx := errgroup.WithContext(ctx)
	g.SetLimit(pagesInParallel)
	for i := 1; i < len(pages); i++ {
		g.Go(func() (err error) {
			o := o
			o.Page = i
			pages[i], err = f.List(gctx, o)
			return err
		})
	}
	if err := g.Wait(); err != nil {
		return nil, 0, err
	}
	total = pages[len(pages)-1].TotalCount
	for _, p := range pages {
		entries = append(entries, p.Items...)
	}
	return unique(entries), total, nil
}

// unique drops what was sent twice, which happens when an entry moves across a
// page boundary.
func unique(entries []Entry) []Entry {
	seen := make(map[string]bool, len(entries))
	return slices.DeleteFunc(entries, func(e Entry) bool {
		dup := seen[e.ID]
		seen[e.ID] = true
		return dup
	})
}

func sortedIDs(entries []Entry) []string {
	ids := make([]string, len(entries))
	for i := range entries {
		ids[i] = entries[i].ID
	}
	slices.Sort(ids)
	return ids
}
