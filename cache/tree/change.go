package tree

import (
	"strings"
	"time"

	"losantfs/remote"
)

// Put says that an entry is now as given: it is in its directory under its name
// and no other, in place of what had the name. An entry that is being deleted or
// moved away leaves the listing, and does not take another of its name with it.
// A directory that is not known stays so.
func (t *Tree) Put(e remote.Entry) { t.edit(e.Parent, edit{entry: e}) }

// Made says that a directory was made a moment ago, and holds nothing.
func (t *Tree) Made(e remote.Entry) {
	t.Put(e)
	t.mu.Lock()
	defer t.mu.Unlock()
	dir := e.Parent + e.Name + "/"
	if _, ok := t.listings.Get(dir); !ok {
		t.store(dir, newListing(nil, time.Now()))
	}
}

// Delete says that nothing has a name any more. What is known below it is dropped.
func (t *Tree) Delete(dir, name string) {
	t.edit(dir, edit{entry: remote.Entry{Name: name}, gone: true})
}

// edit changes what is known of a directory and what fetches under way will bring.
func (t *Tree) edit(dir string, c edit) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for look := range t.looks {
		look.edits = append(look.edits, placed{dir, c})
	}
	t.editFlights(dir, c)
	l, ok := t.listings.Get(dir)
	if !ok {
		if c.gone || fateOf(&c.entry) == deleting {
			t.forgetBelowLocked(dir + c.entry.Name + "/") // it may have been a directory
		}
		return
	}
	_, shown := l.Get(c.entry.Name)
	n, gone := l.with(c)
	t.store(dir, n)
	if c.gone && !shown {
		gone = append(gone, c.entry) // which it was before is not known
	}
	for _, o := range gone {
		t.forgetBelowLocked(dir + o.Name + "/")
	}
}

func (t *Tree) editFlights(dir string, c edit) {
	for fl := range t.flights {
		if fl.dir == dir {
			fl.edits = append(fl.edits, c)
		}
	}
}

// Forget drops what is known of a directory, because it is known to be wrong. Of
// a frozen one it is dropped at the thaw.
func (t *Tree) Forget(dir string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.detach(func(d string) bool { return d == dir })
	l, ok := t.listings.Get(dir)
	if ok && t.frozen(dir) {
		n := *l
		n.doubtful = true
		t.store(dir, &n)
		return
	}
	t.doubt(dir)
}

// ForgetBelow drops what is known of a directory and of all below it, frozen or
// not.
func (t *Tree) ForgetBelow(dir string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.forgetBelowLocked(dir)
}

func (t *Tree) forgetBelowLocked(dir string) {
	below := func(d string) bool { return strings.HasPrefix(d, dir) }
	t.detach(below)
	for _, d := range t.dirs() {
		if below(d) {
			t.drop(d)
			delete(t.doubted, d)
		}
	}
}
