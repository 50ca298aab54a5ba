package outbox

import (
	"time"

	"losantfs/cache/draft"
)

// marks is what has changed since the journal was written.
type marks struct {
	nodes map[uint64]*Node
	gone  map[string]bool // by id of entry
	begun map[string]bool // by place
	moves map[string]bool // by id of entry
	attrs map[string]bool // by id of entry
	files []string        // drafts to be removed once the journal says so
}

func newMarks() marks {
	return marks{nodes: map[uint64]*Node{}, gone: map[string]bool{}, begun: map[string]bool{}, moves: map[string]bool{}, attrs: map[string]bool{}}
}

// recorded forgets what has changed, but for the drafts to be removed.
func (m *marks) recorded() {
	files := m.files
	*m = newMarks()
	m.files = files
}

func (b *Outbox) mark(n *Node) {
	if n != b.root {
		b.marks.nodes[n.id] = n
	}
}

// commit records everything that has changed. What cannot be written now is
// written with the next change.
func (b *Outbox) commit() error {
	if b.closed {
		return ErrClosed
	}
	var records []record
	m := &b.marks
	for id, n := range m.nodes {
		if n.Attrs.Conflict != nil {
			b.clashed.nodes[n] = true
		}
		records = append(records, b.nodeRecord(id, n))
	}
	for id := range m.gone {
		records = append(records, record{Gone: id, GoneState: b.gone[id]})
	}
	for at := range m.begun {
		records = append(records, record{Begun: at, BegunState: b.begun[at]})
	}
	for id := range m.moves {
		records = append(records, record{Move: id, MoveState: b.moves[id]})
	}
	for id := range m.attrs {
		r := record{Entry: id}
		if a, ok := b.attrs[id]; ok {
			r.Attrs = &a
		}
		records = append(records, r)
	}
	if len(records) == 0 {
		return nil
	}
	if err := b.journal.append(records); err != nil {
		return err
	}
	for _, path := range m.files {
		draft.Remove(path)
	}
	b.marks = newMarks()
	b.seq++
	b.compactIfLong()
	b.notify()
	return nil
}

func (b *Outbox) nodeRecord(id uint64, n *Node) record {
	if n.detached || b.nodes[id] != n {
		return record{Node: id}
	}
	s := n.state
	s.Parent = n.parent.id
	return record{Node: id, State: &s}
}

// everything returns records of all that the journal has to hold.
func (b *Outbox) everything() (all []record) {
	for id, n := range b.nodes {
		if n != b.root {
			all = append(all, b.nodeRecord(id, n))
		}
	}
	for id, g := range b.gone {
		all = append(all, record{Gone: id, GoneState: g})
	}
	for at, d := range b.begun {
		all = append(all, record{Begun: at, BegunState: d})
	}
	for id, m := range b.moves {
		all = append(all, record{Move: id, MoveState: m})
	}
	for id, a := range b.attrs {
		all = append(all, record{Entry: id, Attrs: &a})
	}
	return all
}

// setEntry gives a node an entry, which no other node has then and which is not
// gone.
func (b *Outbox) setEntry(n *Node, e *Base) {
	b.dropOwner(n)
	n.Entry = e
	b.mark(n)
	if e == nil || n.detached {
		return
	}
	if o := b.owner[e.ID]; o != nil && o != n {
		b.dropOwner(o)
		o.Entry = nil
		b.mark(o)
	}
	b.owner[e.ID] = n
	if e.Dir {
		b.dirs[e.place()] = n
	}
	b.dropGone(e.ID)
}

func (b *Outbox) dropOwner(n *Node) {
	e := n.Entry
	if e == nil || b.owner[e.ID] != n {
		return
	}
	delete(b.owner, e.ID)
	if e.Dir && b.dirs[e.place()] == n {
		delete(b.dirs, e.place())
	}
}

// setFrom says whose bytes show through the draft of a node.
func (b *Outbox) setFrom(n *Node, from *Base) {
	if n.From != nil {
		delete(b.users[n.From.ID], n)
		if len(b.users[n.From.ID]) == 0 {
			delete(b.users, n.From.ID)
		}
	}
	n.From = from
	b.mark(n)
	if from == nil {
		return
	}
	if b.users[from.ID] == nil {
		b.users[from.ID] = map[*Node]bool{}
	}
	b.users[from.ID][n] = true
}

// replaceEntry makes e the entry of a node, and decides about the one it had.
func (b *Outbox) replaceEntry(n *Node, e *Base) {
	old := n.Entry
	b.setEntry(n, e)
	if old != nil && (e == nil || old.ID != e.ID) {
		b.disown(old)
	}
}

// disown decides about an entry that its node needs no more: a file that has its
// content but no entry takes it, or it is gone.
func (b *Outbox) disown(e *Base) {
	if b.owner[e.ID] != nil {
		return
	}
	for u := range b.users[e.ID] {
		if !u.detached && !u.busy && !u.Local && u.Entry == nil {
			b.setEntry(u, e)
			u.touch()
			return
		}
	}
	b.addGone(e)
}

func (b *Outbox) addGone(e *Base) {
	now := time.Now()
	g := b.gone[e.ID]
	if g == nil {
		g = &gone{Since: now}
		b.gone[e.ID] = g
	}
	g.Base, g.changed = e, now
	b.gonePlaces[e.place()] = g
	b.lastGone = now
	b.marks.gone[e.ID] = true
}

func (b *Outbox) dropGone(id string) {
	g := b.gone[id]
	if g == nil {
		return
	}
	delete(b.gone, id)
	if b.gonePlaces[g.Base.place()] == g {
		delete(b.gonePlaces, g.Base.place())
	}
	b.marks.gone[id] = true
}

// setBegun notes that something is about to be sent to a place.
func (b *Outbox) setBegun(at string, n *Node, change func(*begun)) {
	d := b.begun[at]
	if d == nil {
		d = &begun{at: at}
		b.begun[at] = d
	}
	d.node, d.Since = n, time.Now()
	d.changed = d.Since
	change(d)
	b.marks.begun[at] = true
}

func (b *Outbox) dropBegun(at string) {
	if b.begun[at] != nil {
		delete(b.begun, at)
		b.marks.begun[at] = true
	}
}

func (b *Outbox) dropMove(id string) {
	if b.moves[id] != nil {
		delete(b.moves, id)
		b.marks.moves[id] = true
	}
}

func (b *Outbox) setAttrs(id string, a Attrs) {
	if b.attrs[id] != a {
		b.attrs[id] = a
		b.marks.attrs[id] = true
	}
	if a.Conflict != nil {
		b.clashed.entries[id] = true
	}
}

func (b *Outbox) dropAttrs(id string) {
	if _, ok := b.attrs[id]; ok {
		delete(b.attrs, id)
		b.marks.attrs[id] = true
	}
}

func (d *begun) clone() *begun {
	if d == nil {
		return nil
	}
	c := *d
	return &c
}

// isOurs reports whether what the service has at a place may be what was sent
// there from here.
func (d *begun) isOurs(dir bool, etag string) bool {
	if d == nil || d.Dir != dir {
		return false
	}
	return d.New && (dir || etag == "") || d.Sent.has(etag)
}
