package emulator

import (
	"slices"
	"strings"
)

// The two spaces of an application.
const (
	public  = "public"
	private = "private"
)

// application is one application with its two spaces.
type application struct {
	id      objectID
	name    string
	created int64
	public  *space
	private *space
}

func (a *application) space(kind string) *space {
	switch kind {
	case public:
		return a.public
	case private:
		return a.private
	}
	return nil
}

// space is the files of one kind of one application. The service keeps a flat
// list in which every entry names its directory; folders index that list.
type space struct {
	app     *application
	kind    string
	folders map[string]*folder
	count   int    // all entries
	files   int    // those of type file
	gen     uint64 // grows whenever an entry comes, goes or is touched
	orders  orders

	selections selections
}

// folder is what one directory holds, whether or not an entry describes the
// directory itself.
type folder struct {
	key    string
	first  map[string]*entry // by exact name; further ones hang on entry.next
	count  int
	orders orders
}

func newSpace(app *application, kind string) *space {
	return &space{app: app, kind: kind, folders: map[string]*folder{}}
}

// add makes e visible.
func (sp *space) add(e *entry) {
	key := folderKey(e.parent)
	f := sp.folders[key]
	if f == nil {
		f = &folder{key: key, first: map[string]*entry{}}
		sp.folders[key] = f
	}
	if e.parent == f.key {
		e.parent = f.key // one string for all of them
	}
	e.space = sp
	e.next = f.first[e.name]
	f.first[e.name] = e
	f.count++
	f.orders.insert(e)
	sp.orders.insert(e)
	sp.count++
	if !e.dir {
		sp.files++
	}
	sp.gen++
}

// drop makes e invisible.
func (sp *space) drop(e *entry) {
	f := sp.folders[folderKey(e.parent)]
	for at := f.first[e.name]; at != nil; at = at.next {
		if at.next == e {
			at.next = e.next
			break
		}
	}
	if f.first[e.name] == e {
		if e.next != nil {
			f.first[e.name] = e.next
		} else {
			delete(f.first, e.name)
		}
	}
	e.next = nil
	f.count--
	if f.count == 0 {
		delete(sp.folders, f.key)
	}
	f.orders.remove(e)
	sp.orders.remove(e)
	sp.count--
	if !e.dir {
		sp.files--
	}
	sp.gen++
}

// touch sets the time e was last updated.
func (sp *space) touch(e *entry, updated int64) {
	f := sp.folders[folderKey(e.parent)]
	f.orders.removeFrom(byUpdated, e)
	sp.orders.removeFrom(byUpdated, e)
	e.updated = updated
	f.orders.insertInto(byUpdated, e)
	sp.orders.insertInto(byUpdated, e)
	sp.gen++
}

// forgetOrders drops the sorted orders before a change so large that sorting
// again is cheaper than keeping up.
func (sp *space) forgetOrders() {
	sp.orders = orders{}
	for _, f := range sp.folders {
		f.orders = orders{}
	}
}

// find returns the entry a path means: of several with one name the most alive.
func (sp *space) find(key, name string, fold bool) *entry {
	f := sp.folders[sp.canonical(key, fold)]
	if f == nil {
		return nil
	}
	best := liveliest(f.first[name], nil)
	if best == nil && fold {
		for other, e := range f.first {
			if strings.EqualFold(other, name) {
				best = liveliest(e, best)
			}
		}
	}
	return best
}

// liveliest returns the best of a chain and of the one given: completed before
// pending before moving before deleting.
func liveliest(chain, best *entry) *entry {
	for ; chain != nil; chain = chain.next {
		if best == nil || chain.status < best.status {
			best = chain
		}
	}
	return best
}

// canonical returns the spelling of a folder under which its entries are kept.
// It differs from what was given only where case does not matter.
func (sp *space) canonical(key string, fold bool) string {
	if !fold || sp.folders[key] != nil || key == "/" {
		return key
	}
	parent, name := splitKey(key)
	parent = sp.canonical(parent, fold)
	if e := sp.find(parent, name, fold); e != nil && e.dir {
		name = e.name
	}
	return parent + name + "/"
}

// hasDirectory says whether a directory exists as an entry. The root always does.
func (sp *space) hasDirectory(key string, fold bool) bool {
	if key == "/" {
		return true
	}
	parent, name := splitKey(key)
	e := sp.find(parent, name, fold)
	return e != nil && e.dir && e.status != deleting
}

// directoryOf returns the entry of the directory e is in; nil: the root, or none.
func (sp *space) directoryOf(e *entry) *entry {
	key := folderKey(e.parent)
	if key == "/" {
		return nil
	}
	parent, name := splitKey(key)
	return sp.find(parent, name, false)
}

// children returns what a folder holds, oldest first.
func (sp *space) children(key string) []*entry {
	f := sp.folders[key]
	if f == nil {
		return nil
	}
	all := make([]*entry, 0, f.count)
	for _, e := range f.first {
		for ; e != nil; e = e.next {
			all = append(all, e)
		}
	}
	slices.SortFunc(all, func(a, b *entry) int { return compare(byCreated, a, b) })
	return all
}

// tree returns e and, for a directory, everything below it, parents first.
func (sp *space) tree(e *entry) []*entry {
	all := []*entry{e}
	seen := map[string]bool{}
	for i := 0; i < len(all); i++ {
		if key := all[i].key(); all[i].dir && !seen[key] {
			seen[key] = true
			for _, child := range sp.children(key) {
				if child != e { // a hostile name can make a directory its own parent
					all = append(all, child)
				}
			}
		}
	}
	return all
}

// all returns every entry, in no order.
func (sp *space) all() []*entry {
	all := make([]*entry, 0, sp.count)
	for _, f := range sp.folders {
		for _, e := range f.first {
			for ; e != nil; e = e.next {
				all = append(all, e)
			}
		}
	}
	return all
}
