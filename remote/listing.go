package remote

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"
)

const (
	listPasses = 4
	// pagesInParallel bounds how many pages of one listing are fetched side by side.
	pagesInParallel = 16
	// pagesInTime is how many pages a listing may have for each timeout it takes.
	pagesInTime = 64
	// maxPages bounds what a service that counts wrongly can make of a listing.
	maxPages = 1 << 17
)

// ListDirectory returns all direct children of a directory. It fails rather
// than return a part: when entries come and go while the pages are read, they
// are read again, and a directory that does not hold still is [Busy]. A
// directory the service says does not exist is [NotFound].
//
// The whole has one deadline: [Config].Timeout for each 64 pages.
func (f *Files) ListDirectory(ctx context.Context, dir string) ([]Entry, error) {
	dir = DirPath(dir)
	entries, err := f.listWhole(ctx, dir)
	return slices.DeleteFunc(entries, func(e Entry) bool { return e.Parent != dir }), err
}

// ListAll returns all entries of the space, of every directory, as whole as
// [Files.ListDirectory] does and within the same deadline.
func (f *Files) ListAll(ctx context.Context) ([]Entry, error) { return f.listWhole(ctx, "") }

// ListRest returns all entries of the space, of which the first page of 1,000 has just
// come, those that were updated last first; false when they changed meanwhile. What it
// returns is as it was when that page was made.
func (f *Files) ListRest(ctx context.Context, first Page) (all []Entry, whole bool, err error) {
	l := &listing{f: f, o: ListOptions{SortField: "lastUpdated", Desc: true}, began: time.Now(), pages: 1,
		at: func(e *Entry) time.Time { return e.Updated }}
	return l.complete(ctx, first)
}

// listing is the reading of all pages of one directory, or of the space.
type listing struct {
	f     *Files
	o     ListOptions
	at    func(*Entry) time.Time // by which it is sorted, descending
	began time.Time
	pages int // asked for so far, by all passes
}

func (f *Files) listWhole(ctx context.Context, dir string) ([]Entry, error) {
	l := &listing{f: f, o: ListOptions{Directory: dir, SortField: "creationDate", Desc: true}, began: time.Now(),
		at: func(e *Entry) time.Time { return e.Created }}
	for range listPasses {
		entries, whole, err := l.pass(ctx)
		if err != nil {
			return nil, err
		}
		if whole {
			return entries, nil
		}
	}
	what := dir
	if dir == "" {
		what = "the space"
	}
	return nil, &Error{Kind: Busy, Op: opList.String(), Message: what + " changes faster than it can be listed"}
}

// pass reads every page once: the first alone, as it tells the size of the pages
// and of the whole, the others in parallel.
func (l *listing) pass(ctx context.Context) (entries []Entry, whole bool, err error) {
	first, err := l.page(ctx, 0)
	if err != nil {
		return nil, false, err
	}
	return l.complete(ctx, first)
}

// complete reads the pages that follow the first. The listing is whole when all pages
// agree on the total, and the entries are as many or an empty page follows them, and
// the last page is not full: the service's own count may be off.
//
// The newest entries come first. So what is made meanwhile pushes what is not read
// yet towards the end, where it is met once more, and does not pull it to a page that
// was read: with as many removed as made, which the total does not show, nothing can
// be missed without something else coming twice. Only a whole page of new entries
// could hide that, and then a later page has one that is newer than all of the first.
// In the order of the last change, an entry that is changed is removed and made anew.
func (l *listing) complete(ctx context.Context, first Page) (entries []Entry, whole bool, err error) {
	dir := l.o.Directory
	if first.ParentExists != nil && !*first.ParentExists && dir != "" && dir != "/" && len(first.Items) == 0 {
		return nil, false, &Error{Kind: NotFound, Op: opList.String(), Message: "no such directory"}
	}
	if len(first.Items) >= first.TotalCount && !isFull(first) {
		return unique(first.Items), true, nil
	}
	if len(first.Items) == 0 {
		// The count is off, or the page is. An empty directory is still empty
		// at a second look.
		again, err := l.page(ctx, 0)
		return nil, err == nil && len(again.Items) == 0, err
	}
	// A page that is not the last is full, whatever size was asked for.
	n := max(1, (first.TotalCount-1)/len(first.Items)+1)
	if n > maxPages {
		return nil, false, &Error{Kind: Unreachable, Op: opList.String(), Message: fmt.Sprintf("the service counts %d entries", first.TotalCount)}
	}
	pages, err := l.rest(ctx, first, n)
	if err != nil {
		return nil, false, err
	}
	sent := 0
	for _, p := range pages {
		if p.TotalCount != first.TotalCount {
			return nil, false, nil // it changed between two pages
		}
		entries, sent = append(entries, p.Items...), sent+len(p.Items)
	}
	entries = unique(entries)
	for last := pages[n-1]; len(entries) < first.TotalCount || isFull(last); n++ {
		p, err := l.page(ctx, n)
		if err != nil || p.TotalCount != first.TotalCount {
			return nil, false, err
		}
		if len(p.Items) == 0 {
			break
		}
		last = p
		had := len(entries)
		entries, sent = unique(append(entries, p.Items...)), sent+len(p.Items)
		if len(entries) == had || n > maxPages {
			return nil, false, nil
		}
	}
	if len(entries) < first.TotalCount && sent > len(entries) {
		return nil, false, nil // what came twice may have come in the place of another
	}
	// A service that orders otherwise tells nothing by its dates.
	newer := func(e Entry) bool { return l.at(&e).After(l.at(&first.Items[0])) }
	newestFirst := func(a, b Entry) int { return l.at(&b).Compare(l.at(&a)) }
	return entries, !slices.IsSortedFunc(first.Items, newestFirst) || !slices.ContainsFunc(entries, newer), nil
}

// isFull reports whether more may follow a page, whatever the service counts.
func isFull(p Page) bool {
	return len(p.Items) >= cmp.Or(p.PerPage, MaxPerPage)
}

// rest fetches the pages from the second to the nth, side by side.
func (l *listing) rest(ctx context.Context, first Page, n int) ([]Page, error) {
	pages := make([]Page, n)
	pages[0] = first
	l.pages += n - 1
	ctx, cancel := l.bound(ctx)
	defer cancel()
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(pagesInParallel)
	for i := 1; i < n; i++ {
		g.Go(func() (err error) {
			pages[i], err = l.fetch(ctx, i)
			return err
		})
	}
	return pages, g.Wait()
}

// page fetches one page.
func (l *listing) page(ctx context.Context, n int) (Page, error) {
	l.pages++
	ctx, cancel := l.bound(ctx)
	defer cancel()
	return l.fetch(ctx, n)
}

func (l *listing) fetch(ctx context.Context, n int) (Page, error) {
	o := l.o
	o.Page = n
	return l.f.List(ctx, o)
}

// bound gives the listing the time that all pages asked for so far may take.
func (l *listing) bound(ctx context.Context) (context.Context, context.CancelFunc) {
	times := (l.pages-1)/pagesInTime + 1
	return context.WithDeadline(ctx, l.began.Add(time.Duration(times)*l.f.c.timeout))
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
