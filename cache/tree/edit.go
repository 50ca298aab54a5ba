package tree

import (
	"slices"
	"time"

	"losantfs/remote"
)

// edit is one change of a directory that this machine knows of.
type edit struct {
	entry remote.Entry // as it is now; only its name counts when gone is set
	gone  bool         // nothing has the name any more
}

// with returns l after edits, and the directories whose paths it no longer shows
// as they were.
func (l *Listing) with(edits ...edit) (n *Listing, gone []remote.Entry) {
	c := *l
	c.shown = l.shown.clone(len(edits))
	c.moving = slices.Clone(l.moving)
	for _, e := range edits {
		for _, o := range c.apply(e) {
			if o.Dir {
				gone = append(gone, o)
			}
		}
	}
	c.Moving = len(c.moving)
	c.shown.clip()
	return &c, gone
}

// apply makes an edit in l, which nobody else has yet, and returns the entries
// that made way.
func (l *Listing) apply(c edit) (out []remote.Entry) {
	e := c.entry
	if at := l.find(e); !c.gone && at >= 0 && e.Status != remote.Deleting && l.updated(at).After(e.Updated) {
		return nil // something newer was heard before
	}
	l.moving = slices.DeleteFunc(l.moving, func(m remote.Entry) bool {
		return c.gone && m.Name == e.Name || !c.gone && m.ID == e.ID
	})
	if i, ok := l.shown.search(e.Name); c.gone && ok {
		return []remote.Entry{l.remove(i)}
	}
	if c.gone {
		return nil
	}
	fate, at := fateOf(&e), l.find(e)
	if at >= 0 && (fate != shown || string(l.shown.name(at)) != e.Name) {
		out = append(out, l.remove(at))
	}
	switch fate {
	case hidden:
		if at >= 0 {
			l.Hidden++
		}
		l.Hidden = max(1, l.Hidden) // it may have been counted before
	case moving:
		l.moving = append(l.moving, e)
	case shown:
		i, taken := l.shown.search(e.Name)
		if !taken {
			l.shown.put(i, i, &e)
		} else {
			before := l.shown.entry(i)
			if before.ID != e.ID || before.Dir != e.Dir {
				out = append(out, before)
			}
			l.count(&before, -1)
			l.shown.put(i, i+1, &e)
		}
		l.count(&e, 1)
	}
	return out
}

// find returns where the entry with the id of e is, -1 when it is not shown. It
// looks at the name of e first: most entries keep theirs.
func (l *Listing) find(e remote.Entry) int {
	if i, ok := l.shown.search(e.Name); ok && l.shown.hasID(i, e.ID) {
		return i
	}
	return l.shown.findID(0, l.Len(), e.ID)
}

func (l *Listing) updated(i int) time.Time {
	r := l.shown.at(i)
	return r.updated
}

func (l *Listing) remove(i int) remote.Entry {
	e := l.shown.entry(i)
	l.count(&e, -1)
	l.shown.put(i, i+1)
	return e
}
