package outbox

import (
	"strings"
	"time"
)

// Conflict is a file that was changed here and elsewhere: both versions are kept.
type Conflict struct {
	Path     string    `json:"path"`     // of the version of this machine
	Original string    `json:"original"` // of the version of the service
	Since    time.Time `json:"since"`
}

// clashed is where conflicts may be, so that they are found without looking at all
// that is known.
type clashed struct {
	nodes   map[*Node]bool
	entries map[string]bool // by id
}

func newClashed() clashed { return clashed{map[*Node]bool{}, map[string]bool{}} }

// Conflicts returns the conflicts whose files are still there under their names.
func (b *Outbox) Conflicts() (all []Conflict) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for n := range b.clashed.nodes {
		if n.detached || n.Attrs.Conflict == nil {
			delete(b.clashed.nodes, n)
		} else {
			all = append(all, *n.Attrs.Conflict)
		}
	}
	for id := range b.clashed.entries {
		switch c := b.attrs[id].Conflict; {
		case c == nil:
			delete(b.clashed.entries, id)
		case b.owner[id] == nil && b.gone[id] == nil:
			all = append(all, *c)
		}
	}
	return all
}

// OtherVersion returns where the other version is of what is seen at a path, ""
// when it is no part of a conflict. Of several conflicts the last counts.
func (b *Outbox) OtherVersion(path string) (other string) {
	var since time.Time
	for _, c := range b.Conflicts() {
		switch {
		case c.Path == path:
			return c.Original
		case c.Original == path && c.Since.After(since):
			other, since = c.Path, c.Since
		}
	}
	return other
}

// renameConflicts notes that something has another path, with all below it.
func (b *Outbox) renameConflicts(from, to string) {
	moved := func(c *Conflict) *Conflict {
		now := *c
		for _, p := range []*string{&now.Path, &now.Original} {
			if below(*p, from) {
				*p = to + strings.TrimPrefix(*p, from)
			}
		}
		return &now
	}
	for n := range b.clashed.nodes {
		if c := n.Attrs.Conflict; c != nil {
			n.Attrs.Conflict = moved(c)
			b.mark(n)
		}
	}
	for id := range b.clashed.entries {
		if a := b.attrs[id]; a.Conflict != nil {
			a.Conflict = moved(a.Conflict)
			b.setAttrs(id, a)
		}
	}
}
