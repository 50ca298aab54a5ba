package outbox

import (
	"strings"
	"time"
)

// maxSettles is how many settle times a file that is saved again and again waits
// at most before it is sent all the same.
const maxSettles = 5

// tidy drops nodes that stand for nothing.
func (b *Outbox) tidy() {
	for _, n := range b.nodes {
		switch {
		case n == b.root || n.busy || n.detached || n.Local || b.inDoubt(n):
		case n.writers == 0 && n.unrecorded(): // the disk was full
			_ = b.flushed(n)
		case n.draft == nil && !n.Draft && len(n.children) == 0 && !n.dirty():
			b.settled(n)
		}
	}
	if err := b.commit(); err != nil && !b.closed {
		b.log.Warn("recording what was sent", "error", err)
	}
}

// settled takes a node that owes nothing any more out of the tree.
func (b *Outbox) settled(n *Node) {
	up := n.parent
	b.remember(n)
	if !n.Dir {
		b.became.Add(n.ino, n.Entry)
		for _, id := range n.former {
			b.became.Add(id, n.Entry)
		}
	}
	b.detach(n)
	b.prune(up)
}

// readyAt returns when the next step of something may begin, the zero time when
// there is none or it waits for something else.
func (b *Outbox) readyAt(w work) time.Time {
	t := w.task()
	if t.busy || t.refused {
		return time.Time{}
	}
	var at time.Time
	switch {
	case w.node != nil:
		at = b.nodeReadyAt(w.node)
	case w.gone != nil:
		at = b.goneReadyAt(w.gone)
	case w.begun != nil:
		if n := w.begun.node; n != nil && !n.detached {
			if p, ok := n.place(); ok && p == w.begun.at && (n.dirty() || n.busy) {
				return time.Time{} // its own step sees to it
			}
		}
		at = w.begun.changed
	default:
		at = w.move.changed
	}
	if at.IsZero() {
		return at
	}
	if t.hurry {
		at = t.changed
	}
	if t.wait.After(at) {
		at = t.wait
	}
	return at
}

func (b *Outbox) nodeReadyAt(n *Node) time.Time {
	idle := n.idle()
	if n == b.root || !n.dirty() && !idle {
		return time.Time{}
	}
	if b.inDoubt(n) {
		return time.Time{}
	}
	for up := n.parent; up != b.root; up = up.parent {
		if up.busy || up.Entry == nil && !n.Local {
			return time.Time{}
		}
	}
	if n.unrecorded() {
		return time.Time{} // closing or syncing it wakes the loop
	}
	if idle {
		return n.changed
	}
	if n.Dir && n.Entry != nil { // it moves: first what is below it, but for what waits for it
		blocked := false
		n.walk(func(c *Node) {
			blocked = blocked || c != n && (c.busy || !c.refused && !c.Local && c.waits == 0 && c.tries == 0 && c.dirty())
		})
		if blocked {
			return time.Time{}
		}
	}
	at := n.changed.Add(b.o.Settle)
	if limit := n.Since.Add(maxSettles * b.o.Settle); !n.Dir && limit.Before(at) {
		at = limit
	}
	return at
}

func (b *Outbox) goneReadyAt(g *gone) time.Time {
	if b.moves[g.Base.ID] != nil || b.goneAbove(g.Base) {
		return time.Time{}
	}
	if g.Base.Dir && b.leaving(g.Base) != nil {
		return time.Time{}
	}
	if n := b.nodeFor(g.Base.place()); n != nil && n.Dir == g.Base.Dir && n.Entry == nil && !n.Local {
		return time.Time{} // which takes it over
	}
	// What shows its content is sent first.
	for u := range b.users[g.Base.ID] {
		if !u.detached && !u.refused && (u.draft == nil || !u.draft.IsComplete()) {
			return time.Time{}
		}
	}
	// What is removed together is removed by one call.
	at := g.changed.Add(b.o.Settle)
	if t := b.lastGone.Add(b.o.Settle); t.After(at) {
		at = t
	}
	if limit := g.changed.Add(maxSettles * b.o.Settle); limit.Before(at) {
		at = limit
	}
	return at
}

// goneAbove reports whether a directory above an entry is gone too, which takes
// the entry with it.
func (b *Outbox) goneAbove(e *Base) bool {
	dir := e.Parent
	for dir != "/" {
		dir = strings.TrimSuffix(dir, "/")
		if g := b.gonePlaces[dir]; g != nil && g.Base.Dir {
			return true
		}
		dir = dir[:strings.LastIndexByte(dir, '/')+1]
	}
	return false
}

// leaving returns a node whose entry is still below a directory that is gone.
func (b *Outbox) leaving(dir *Base) *Node {
	for _, n := range b.owner {
		if strings.HasPrefix(n.Entry.Parent, dir.path()) {
			return n
		}
	}
	return nil
}

// claim marks something busy, if it is still due and no other step works on a
// place it needs.
func (b *Outbox) claim(w work) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if !b.current(w) {
		return false
	}
	if at := b.readyAt(w); at.IsZero() || at.After(time.Now()) {
		return false
	}
	places := w.places()
	for _, p := range places {
		for c := range b.claimed {
			if below(p, c) || below(c, p) {
				return false
			}
		}
		for _, m := range b.moves {
			if m != w.move && (below(p, m.Of.place()) || below(m.Of.place(), p) || below(p, m.To) || below(m.To, p)) {
				return false
			}
		}
	}
	for _, p := range places {
		b.claimed[p] = true
	}
	t := w.task()
	t.busy, t.claims = true, places
	return true
}

// current reports whether something is still what it was when it was found due.
func (b *Outbox) current(w work) bool {
	switch {
	case w.node != nil:
		return !w.node.detached
	case w.gone != nil:
		return b.gone[w.gone.Base.ID] == w.gone
	case w.begun != nil:
		return b.begun[w.begun.at] == w.begun
	}
	return b.moves[w.move.Of.ID] == w.move
}

// places are those of the service that a step works on.
func (w work) places() (all []string) {
	switch {
	case w.node != nil:
		if p, ok := w.node.place(); ok {
			all = append(all, p)
		}
		if e := w.node.Entry; e != nil && (len(all) == 0 || all[0] != e.place()) {
			all = append(all, e.place())
		}
		return all
	case w.gone != nil:
		return []string{w.gone.Base.place()}
	case w.begun != nil:
		return []string{w.begun.at}
	}
	return []string{w.move.Of.place(), w.move.To}
}
