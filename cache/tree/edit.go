package tree

import (
	"slices"

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
	c.Entries = append(make([]remote.Entry, 0, len(l.Entries)+len(edits)), l.Entries...)
	c.moving = slices.Clone(l.moving)
	for _, e := range edits {
		for _, o := range c.apply(e) {
			if o.Dir {
				gone = append(gone, o)
			}
		}
	}
	c.Moving = len(c.moving)
	return &c, gone
}

// apply makes an edit in l, which nobody else has yet, and returns the entries
// that made way.
func (l *Listing) apply(c edit) (out []remote.Entry) {
	e := c.entry
	if at := l.find(e); !c.gone && at >= 0 && e.Status != remote.Deleting && l.Entries[at].Updated.After(e.Updated) {
		return nil // something newer was heard before
	}
	l.moving = slices.DeleteFunc(l.moving, func(m remote.Entry) bool {
		return c.gone && m.Name == e.Name || !c.gone && m.ID == e.ID
	})
	if i, ok := l.search(e.Name); c.gone && ok {
		return []remote.Entry{l.remove(i)}
	}
	if c.gone {
		return nil
	}
	fate, at := fateOf(&e), l.find(e)
	if at >= 0 && (fate != shown || l.Entries[at].Name != e.Name) {
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
		i, taken := l.search(e.Name)
		if taken && (l.Entries[i].ID != e.ID || l.Entries[i].Dir != e.Dir) {
			out = append(out, l.Entries[i])
		}
		if taken {
			l.count(&l.Entries[i], -1)
			l.Entries[i] = e
		} else {
			l.Entries = slices.Insert(l.Entries, i, e)
		}
		l.count(&e, 1)
	}
	return out
}

// find returns where the entry with the id of e is, -1 when it is not shown. It
// looks at the name of e first: most entries keep theirs.
func (l *Listing) find(e remote.Entry) int {
	if i, ok := l.search(e.Name); ok && l.Entries[i].ID == e.ID {
		return i
	}
	return slices.IndexFunc(l.Entries, func(o remote.Entry) bool { return o.ID == e.ID })
}

func (l *Listing) remove(i int) remote.Entry {
	e := l.Entries[i]
	l.count(&e, -1)
	l.Entries = slices.Delete(l.Entries, i, i+1)
	return e
}
