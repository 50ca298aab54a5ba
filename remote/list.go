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
	for range listPasses {
		entries, whole, err := f.listPass(ctx, dir)
		if err != nil {
			return nil, err
		}
		if whole {
			return slices.DeleteFunc(entries, func(e Entry) bool { return e.Parent != dir }), nil
		}
	}
	return nil, &Error{Kind: Busy, Op: opList.String(), Message: fmt.Sprintf("%s changes faster than it can be listed", dir)}
}

const listPasses = 4

// listPass reads every page of a directory once: the first alone, as it tells
// the size of the pages and of the whole, the others in parallel. The listing is
// whole when all pages agree on the total, and the entries are as many or an
// empty page follows them: the service's own count may be off.
func (f *Files) listPass(ctx context.Context, dir string) (entries []Entry, whole bool, err error) {
	// New entries come last in this order, so they do not shift the pages.
	o := ListOptions{Directory: dir, SortField: "creationDate"}
	first, err := f.List(ctx, o)
	if err != nil {
		return nil, false, err
	}
	if first.ParentExists != nil && !*first.ParentExists && dir != "/" && len(first.Items) == 0 {
		return nil, false, &Error{Kind: NotFound, Op: opList.String(), Message: "no such directory"}
	}
	if len(first.Items) >= first.TotalCount {
		return unique(first.Items), true, nil
	}
	if len(first.Items) == 0 {
		// The count is off, or the page is. An empty directory is still empty
		// at a second look.
		again, err := f.List(ctx, o)
		return nil, err == nil && len(again.Items) == 0, err
	}
	// A page that is not the last is full, whatever size was asked for.
	pages := make([]Page, (first.TotalCount+len(first.Items)-1)/len(first.Items))
	pages[0] = first
	g, gctx := errgroup.WithContext(ctx)
	g.SetLimit(pagesInParallel)
	for i := 1; i < len(pages); i++ {
		g.Go(func() (err error) {
			pages[i], err = f.listPage(gctx, o, i)
			return err
		})
	}
	if err := g.Wait(); err != nil {
		return nil, false, err
	}
	for _, p := range pages {
		if p.TotalCount != first.TotalCount {
			return nil, false, nil // it changed between two pages
		}
		entries = append(entries, p.Items...)
	}
	entries = unique(entries)
	for n := len(pages); len(entries) < first.TotalCount; n++ {
		p, err := f.listPage(ctx, o, n)
		if err != nil || p.TotalCount != first.TotalCount {
			return nil, false, err
		}
		if len(p.Items) == 0 {
			break
		}
		entries = unique(append(entries, p.Items...))
	}
	return entries, true, nil
}

func (f *Files) listPage(ctx context.Context, o ListOptions, n int) (Page, error) {
	o.Page = n
	return f.List(ctx, o)
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
