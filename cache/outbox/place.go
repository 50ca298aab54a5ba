package outbox

import (
	"errors"
	iofs "io/fs"
	"math"
	"strings"
	"syscall"
	"time"

	"losantfs/cache/inode"
	"losantfs/remote"
)

// Place is a name in a directory as it is seen, together with what the service
// has there.
type Place struct {
	Dir   string  // "/" or "/a/b/"
	Bases []*Base // of the directories on the way, as far as the service has them
	Name  string
	Entry *remote.Entry // what the service has at the name, nil for nothing
	Seq   uint64        // of the outbox, from before the service was asked
}

// Nowhere is a place that only what is open can do without.
var Nowhere = Place{Seq: math.MaxUint64}

// ErrStale says that something changed since a place was looked at: look again.
var ErrStale = errors.New("changed meanwhile")

// Seq returns a number that changes with everything that is seen of the outbox.
func (b *Outbox) Seq() uint64 {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.seq
}

// split returns the names on a directory path.
func split(dir string) []string {
	return strings.FieldsFunc(dir, func(r rune) bool { return r == '/' })
}

// resolve follows a directory path, "/" or "/a/b/". It returns the node, nil
// where nothing below it differs from the service, and the directory of the
// service, "" where there is none.
func (b *Outbox) resolve(dir string) (n *Node, remoteDir string, ok bool) {
	n, remoteDir = b.root, "/"
	for _, name := range split(dir) {
		if n != nil {
			if c := n.children[name]; c != nil {
				if !c.Dir {
					return nil, "", false
				}
				n = c
				remoteDir, _ = c.remotePath()
				continue
			}
		}
		at := remoteDir + name
		if g := b.gonePlaces[at]; remoteDir == "" || g != nil && g.Base.Dir || b.dirs[at] != nil {
			return nil, "", false // what the service has there is not seen there
		}
		n, remoteDir = nil, at+"/"
	}
	return n, remoteDir, true
}

// begin makes sure that a change can be recorded and finds the directories of the
// places it is about, making the nodes on the way that only stand for what the
// service has. end has to be called once the change is made or refused.
func (b *Outbox) begin(places ...Place) (parents []*Node, err error) {
	if b.closed {
		return nil, ErrClosed
	}
	if err := b.journal.reserve(); err != nil {
		return nil, err
	}
	for _, p := range places {
		if p.Seq != b.seq {
			return nil, ErrStale
		}
	}
	for _, p := range places {
		n, err := b.reach(p)
		if err != nil {
			_ = b.finish(nil, parents...)
			return nil, err
		}
		parents = append(parents, n)
	}
	return parents, nil
}

// finish drops the nodes that begin made and nothing needs, and records what has
// changed, unless the change was refused.
func (b *Outbox) finish(err error, parents ...*Node) error {
	for _, p := range parents {
		b.prune(p)
	}
	recorded := b.commit()
	if errors.Is(recorded, syscall.ENOSPC) {
		b.o.Known.MakeRoom()
		recorded = b.commit()
	}
	if recorded != nil {
		recorded = errors.Join(ErrUnrecorded, recorded)
	}
	return errors.Join(err, recorded)
}

// ErrUnrecorded says that a change was made but could not be recorded yet: it must
// not be made again.
var ErrUnrecorded = errors.New("the change could not be recorded")

func (b *Outbox) reach(p Place) (*Node, error) {
	n := b.root
	for i, name := range split(p.Dir) {
		c := n.children[name]
		var base *Base
		if i < len(p.Bases) {
			base = p.Bases[i]
		}
		switch {
		case c == nil && (base == nil || !base.Dir):
			b.prune(n)
			return nil, iofs.ErrNotExist
		case c == nil:
			c = b.add(n, name, true, base)
		case !c.Dir:
			b.prune(n)
			return nil, iofs.ErrNotExist
		case base != nil && base.Dir && c.Entry != nil && c.Entry.ID != base.ID && c.inPlace() && base.place() == c.Entry.place() && !c.busy && b.owner[base.ID] == nil:
			b.setEntry(c, base) // made anew elsewhere
		}
		n = c
	}
	return n, nil
}

// seen returns the node at a place, making one for an entry of the service; nil
// when nothing is seen there.
func (b *Outbox) seen(parent *Node, p Place) *Node {
	if c := parent.children[p.Name]; c != nil {
		return c
	}
	if p.Entry == nil || b.hides(p.Entry) {
		return nil
	}
	return b.add(parent, p.Name, p.Entry.Dir, BaseOf(*p.Entry))
}

// exists reports whether something is seen at a place.
func (b *Outbox) exists(parent *Node, p Place) bool {
	return parent.children[p.Name] != nil || p.Entry != nil && !b.hides(p.Entry)
}

// hides reports whether an entry is not to be seen where the service has it.
func (b *Outbox) hides(e *remote.Entry) bool {
	if b.owner[e.ID] != nil || b.gone[e.ID] != nil {
		return true
	}
	at := e.Parent + e.Name
	if d := b.begun[at]; d.isOurs(e.Dir, e.ETag) {
		return true
	}
	for _, m := range b.moves {
		if m.To == at {
			return true
		}
	}
	return false
}

// add puts a new node into the tree.
func (b *Outbox) add(parent *Node, name string, dir bool, base *Base) *Node {
	now := time.Now()
	b.last++
	n := &Node{id: b.last, parent: parent, state: state{Name: name, Dir: dir, Since: now}}
	n.changed = now
	// What the service has under such a name stays there.
	n.Local = parent.Local || base == nil && b.o.Local(name)
	n.Attrs.ModTime = now
	n.ino = b.localID(n.id)
	if dir {
		n.children = map[string]*Node{}
	}
	b.nodes[n.id] = n
	parent.children[name] = n
	if base != nil {
		e := base.Entry()
		n.ino, n.Attrs = b.identity(&e), b.attrsOf(&e)
		b.setEntry(n, base)
		if !dir {
			b.setFrom(n, base)
		}
	}
	b.mark(n)
	return n
}

// identity returns what the kernel knows an entry by.
func (b *Outbox) identity(e *remote.Entry) inode.ID {
	if p, ok := b.pins.Get(e.ID); ok && (e.Dir || p.version == e.Version()) {
		return p.ID
	}
	id := inode.Of(b.o.Space, e)
	for {
		base, ok := b.became.Get(id)
		if !ok || base.ID == e.ID && base.same(BaseOf(*e)) {
			return id
		}
		id.Gen++ // the kernel knows it as what was made of it here
	}
}

// attrsOf returns what is kept of an entry here.
func (b *Outbox) attrsOf(e *remote.Entry) Attrs {
	a := b.attrs[e.ID]
	if a.Version != e.Version() && !e.Dir || a.ModTime.IsZero() {
		a.ModTime, a.Version = e.Updated, e.Version()
	}
	return a
}

// detach takes a node out of the tree.
func (b *Outbox) detach(n *Node) {
	if n.parent.children[n.Name] == n {
		delete(n.parent.children, n.Name)
	}
	delete(b.nodes, n.id)
	b.mark(n)
	b.dropOwner(n)
	n.detached = true
	if n.draft == nil {
		b.setFrom(n, nil)
	}
}

// prune removes directories that stand for nothing any more, from n upwards.
func (b *Outbox) prune(n *Node) {
	for n.parent != nil && !n.detached && n.Dir && len(n.children) == 0 && n.Entry != nil && n.inPlace() && !n.Local && !n.busy && !b.inDoubt(n) {
		up := n.parent
		b.remember(n)
		b.detach(n)
		n = up
	}
}

// inDoubt reports whether the entry of a node may be about to be elsewhere.
func (b *Outbox) inDoubt(n *Node) bool { return n.Entry != nil && b.moves[n.Entry.ID] != nil }

// remember keeps what the service has no place for of a node that is now just an
// entry.
func (b *Outbox) remember(n *Node) {
	e := n.Entry.Entry()
	b.pins.Add(e.ID, pin{n.ino, e.Version()})
	a := n.Attrs
	a.Version = e.Version()
	if plain := (Attrs{ModTime: e.Updated, Version: e.Version()}); a == plain {
		b.dropAttrs(e.ID)
		return
	}
	b.setAttrs(e.ID, a)
}
