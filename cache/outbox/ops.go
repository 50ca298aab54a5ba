package outbox

import (
	"io/fs"
	"strings"
	"syscall"
	"time"

	"losantfs/cache/draft"
)

// Create makes a new file and counts a handle of it that may write.
func (b *Outbox) Create(p Place, a Attrs) (*Node, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	parents, err := b.begin(p)
	if err != nil {
		return nil, err
	}
	if b.exists(parents[0], p) {
		return nil, b.finish(fs.ErrExist, parents...)
	}
	d, err := draft.Create(b.draftPath(b.last+1), nil, 0)
	if err != nil {
		return nil, b.finish(err, parents...)
	}
	n := b.add(parents[0], p.Name, false, nil)
	n.Draft, n.Written, n.draft = true, true, d
	n.recorded = d.Generation()
	a.ModTime = n.Since
	n.Attrs = a
	b.byIno[n.ino] = n
	n.handles, n.writers = 1, 1
	b.inherit(n, p)
	if err := b.finish(nil, parents...); err != nil {
		n.handles, n.writers = 0, 0
		b.drop(n)
		return nil, err
	}
	return n, nil
}

// Mkdir makes a new directory. One that was removed a moment ago comes back as
// what it was.
func (b *Outbox) Mkdir(p Place, a Attrs) (*Node, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	parents, err := b.begin(p)
	if err != nil {
		return nil, err
	}
	if b.exists(parents[0], p) {
		return nil, b.finish(fs.ErrExist, parents...)
	}
	n := b.add(parents[0], p.Name, true, nil)
	a.ModTime = n.Since
	n.Attrs = a
	b.inherit(n, p)
	if err := b.finish(nil, parents...); err != nil {
		b.drop(n)
		return nil, err
	}
	return n, nil
}

// Remove removes a file, or a directory that shows nothing.
func (b *Outbox) Remove(p Place) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	parents, err := b.begin(p)
	if err != nil {
		return err
	}
	n := b.seen(parents[0], p)
	switch {
	case b.replacedHere(parents[0], p):
		err = errReplacedHere
	case n == nil:
		err = fs.ErrNotExist
	case len(n.children) > 0:
		err = syscall.ENOTEMPTY
	default:
		b.drop(n)
	}
	return b.finish(err, parents...)
}

// Rename moves what is seen at from to to, over what is seen there; with exchange
// both change places.
func (b *Outbox) Rename(from, to Place, exchange bool) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	parents, err := b.begin(from, to)
	if err != nil {
		return err
	}
	return b.finish(b.rename(parents, from, to, exchange), parents...)
}

func (b *Outbox) rename(parents []*Node, from, to Place, exchange bool) error {
	n := b.seen(parents[0], from)
	if n == nil {
		return fs.ErrNotExist
	}
	over := b.seen(parents[1], to)
	switch {
	case b.replacedHere(parents[0], from), exchange && b.replacedHere(parents[1], to):
		return errReplacedHere
	case over == n:
		return nil
	case exchange && over == nil:
		return fs.ErrNotExist
	case exchange && (n.Dir || over.Dir):
		return syscall.EINVAL // directories cannot be exchanged
	case over != nil && len(over.children) > 0:
		return syscall.ENOTEMPTY
	}
	for up := parents[1]; up != nil; up = up.parent {
		if up == n {
			return fs.ErrInvalid // into itself
		}
	}
	if exchange {
		delete(parents[0].children, from.Name)
		delete(parents[1].children, to.Name)
		b.attach(n, parents[1], to.Name)
		b.attach(over, parents[0], from.Name)
		b.exchangeEntries(n, over)
		return nil
	}
	b.leave(n)
	if over != nil {
		n.standsFor(over)
		b.drop(over)
	}
	before := n.path()
	delete(parents[0].children, from.Name)
	b.attach(n, parents[1], to.Name)
	b.inherit(n, to)
	b.renameConflicts(before, n.path())
	return nil
}

// exchangeEntries lets two files that changed places have the entries of these.
func (b *Outbox) exchangeEntries(n, m *Node) {
	if n.Local || m.Local {
		return
	}
	e1, e2 := n.Entry, m.Entry
	b.setEntry(n, nil)
	b.setEntry(m, nil)
	b.setEntry(n, e2)
	b.setEntry(m, e1)
}

// attach puts a node under a name.
func (b *Outbox) attach(n *Node, parent *Node, name string) {
	n.parent, n.Name = parent, name
	parent.children[name] = n
	n.walk(func(c *Node) {
		if local := c.parent.Local || b.o.Local(c.Name) && (c == n || c.Entry == nil || c.Local); local != c.Local {
			c.Local = local
			b.mark(c)
		}
	})
	n.Attrs.Conflict = nil
	n.touch()
	b.mark(n)
}

// leave is called before a file gets another name. Where it had taken an entry
// with its last name, it gives it up for the one that it came from.
func (b *Outbox) leave(n *Node) {
	if n.Dir || n.Entry == nil || n.From == nil || n.From.ID == n.Entry.ID || !n.inPlace() {
		return
	}
	if g := b.gone[n.From.ID]; g != nil && !g.busy {
		b.replaceEntry(n, g.Base)
	}
}

// inherit gives a node the entry that the service has at its place, where nothing
// else needs it there any more. A directory that has an entry keeps it.
func (b *Outbox) inherit(n *Node, p Place) {
	at, ok := n.place()
	if !ok || n.Local || n.Entry != nil && (n.Dir || n.inPlace()) {
		return
	}
	if g := b.gonePlaces[at]; g != nil {
		if !g.busy && g.Base.Dir == n.Dir {
			b.replaceEntry(n, g.Base)
		}
		return
	}
	if p.Entry == nil || n.Dir {
		return
	}
	if o := b.owner[p.Entry.ID]; o != nil && o != n && !o.Dir && !o.Local && !o.inPlace() && b.moves[o.Entry.ID] == nil {
		n.standsFor(o)
		b.replaceEntry(n, o.Entry)
		o.touch()
	}
}

// drop takes what is not seen any more out of the tree. Who has it open keeps its
// content.
func (b *Outbox) drop(n *Node) {
	e := n.Entry
	b.setEntry(n, nil)
	b.detach(n)
	if e != nil {
		b.disown(e)
	}
	b.lastGone = time.Now()
	if n.abort != nil {
		n.abort()
	}
	if n.draft != nil && n.handles == 0 {
		b.discardDraft(n)
	}
}

// discardDraft removes the content of a file that needs it no more, once the
// journal says so.
func (b *Outbox) discardDraft(n *Node) {
	b.forgetDraft(n)
	b.marks.files = append(b.marks.files, b.draftPath(n.id))
}

// forgetDraft closes a draft, whose files stay.
func (b *Outbox) forgetDraft(n *Node) {
	n.draft.Close()
	n.draft, n.Draft, n.Written = nil, false, false
	for _, id := range append(n.former, n.ino) {
		if b.byIno[id] == n {
			delete(b.byIno, id)
		}
	}
	if n.detached {
		b.setFrom(n, nil)
	}
	b.mark(n)
}

// below reports whether a path is at another or below it; everything is below "".
func below(path, under string) bool {
	under = strings.TrimSuffix(under, "/")
	return under == "" || path == under || strings.HasPrefix(path, under+"/")
}
