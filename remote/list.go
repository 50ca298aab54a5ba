package remote

import (
	"context"
	"net/http"
	"net/url"
	"strconv"
)

// MaxPerPage is how many entries one page of a listing is asked to hold, as the
// vendor's own CLI does; the service may answer with less.
const MaxPerPage = 1000

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
	q := url.Values{"perPage": {strconv.Itoa(MaxPerPage)}, "page": {strconv.Itoa(o.Page)}, "_links": {"false"}}
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
	Items        []Entry
	TotalCount   int
	PerPage      int
	ParentExists *bool // nil when the service did not say
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
