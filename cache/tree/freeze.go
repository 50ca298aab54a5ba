package tree

import "strings"

// Freeze makes what is known at and below a directory believed until thaw is
// called, however old: the service is moving it, and would show a part. What is
// not known there is fetched all the same, and dropped at the thaw. Freezes may
// overlap; thaw may be called more than once.
func (t *Tree) Freeze(dir string) (thaw func()) {
	f := &freeze{dir: dir}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.freezes[f] = struct{}{}
	for fl := range t.flights {
		fl.partial = fl.partial || f.covers(fl.dir)
	}
	return func() { t.thaw(f) }
}

type freeze struct{ dir string }

func (f *freeze) covers(dir string) bool { return strings.HasPrefix(dir, f.dir) }

// frozen reports whether a directory is in a freeze. t.mu is held.
func (t *Tree) frozen(dir string) bool {
	for f := range t.freezes {
		if f.covers(dir) {
			return true
		}
	}
	return false
}

func (t *Tree) thaw(f *freeze) {
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.freezes, f)
	for _, dir := range t.listings.Keys() {
		if !f.covers(dir) || t.frozen(dir) {
			continue
		}
		if l, ok := t.listings.Get(dir); ok && l.doubtful {
			t.doubt(dir)
		}
	}
	t.detach(func(dir string) bool { return f.covers(dir) })
}
