package outbox

import (
	"io/fs"

	"losantfs/cache/draft"
	"losantfs/cache/inode"
	"losantfs/remote"
)

// State says how a name stands to the service, for people.
type State string

const (
	Clean     State = "clean"
	Owed      State = "owed"
	Uploading State = "uploading"
	Failed    State = "failed"
	LocalOnly State = "local-only"
)

// View is what is seen of a node.
type View struct {
	Dir   bool
	Base  *Base // nil when the service has nothing of it
	From  *Base // what its content is, or began from, nil for what is new
	ID    inode.ID
	Size  int64
	Attrs Attrs
	State State
	Lost  error // why its content cannot be had any more
	// Opened is set for a file that is only open: the service has what it shows.
	Opened bool
}

// Replaced reports whether a view stands for a version that an entry of the service
// at its name shows to be an old one.
func (v *View) Replaced(e *remote.Entry) bool {
	return v.Opened && e.ID == v.Base.ID && !e.Dir && !v.Base.holds(e) && e.HasContent()
}

// errReplacedHere says that what is seen at a name cannot be changed before a program
// of this machine closes the version before it.
var errReplacedHere = &remote.Error{Kind: remote.Busy, Op: "change",
	Message: "it was replaced elsewhere while a program here has it open for writing"}

// replacedHere reports whether what is seen at a place is not its node, but what has
// replaced that elsewhere.
func (b *Outbox) replacedHere(parent *Node, p Place) bool {
	c := parent.children[p.Name]
	if c == nil || p.Entry == nil {
		return false
	}
	v := b.view(c)
	return v.Replaced(p.Entry)
}

func (b *Outbox) view(n *Node) View {
	v := View{Dir: n.Dir, Base: n.Entry, From: n.From, ID: n.ino, Attrs: n.Attrs, State: n.standing(), Lost: n.lost, Opened: n.draft != nil && !n.Local && !n.dirty() && !n.unrecorded() && !b.inDoubt(n)}
	switch {
	case n.draft != nil:
		v.Size, v.Attrs.ModTime = n.draft.Size()
	case n.From != nil:
		v.Size = n.From.Size
	}
	return v
}

func (n *Node) standing() State {
	switch {
	case n.Local:
		return LocalOnly
	case n.refused:
		return Failed
	case n.busy:
		return Uploading
	case n.detached || n.dirty() || n.unrecorded():
		return Owed
	}
	return Clean
}

// Look returns what a node says of a name, nil when it says nothing, and the
// directory of the service to ask then, "" for none.
func (b *Outbox) Look(dir, name string) (*View, string, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	n, remoteDir, ok := b.resolve(dir)
	if !ok {
		return nil, "", fs.ErrNotExist
	}
	if n != nil {
		if c := n.children[name]; c != nil {
			v := b.view(c)
			return &v, remoteDir, nil
		}
	}
	return nil, remoteDir, nil
}

// RemoteDir returns where a directory is on the service, "" when it is not there
// yet.
func (b *Outbox) RemoteDir(dir string) (string, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	_, remoteDir, ok := b.resolve(dir)
	if !ok {
		return "", fs.ErrNotExist
	}
	return remoteDir, nil
}

// Described is an entry of the service as it is seen.
type Described struct {
	Hidden bool // its name is not seen there
	ID     inode.ID
	Attrs  Attrs
}

func (b *Outbox) describe(e *remote.Entry) Described {
	if b.hides(e) {
		return Described{Hidden: true}
	}
	return Described{ID: b.identity(e), Attrs: b.attrsOf(e)}
}

// Describe says how an entry is seen.
func (b *Outbox) Describe(e *remote.Entry) Described {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.describe(e)
}

// Overlay returns what nodes say of the names in a directory, and how the entries
// are seen that the service has there.
func (b *Outbox) Overlay(dir string, entries []remote.Entry) (map[string]View, []Described, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	n, _, ok := b.resolve(dir)
	if !ok {
		return nil, nil, fs.ErrNotExist
	}
	var views map[string]View
	if n != nil {
		views = make(map[string]View, len(n.children))
		for name, c := range n.children {
			views[name] = b.view(c)
		}
	}
	described := make([]Described, len(entries))
	for i := range entries {
		described[i] = b.describe(&entries[i])
	}
	return views, described, nil
}

// ViewOf describes a node that is in the tree or open.
func (b *Outbox) ViewOf(n *Node) View {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.view(n)
}

// OpenView describes the file that the kernel knows by id, if it has a draft.
func (b *Outbox) OpenView(id inode.ID) (View, bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if n := b.byIno[id]; n != nil {
		return b.view(n), true
	}
	return View{}, false
}

// Content returns what the file that the kernel knows by id shows: a draft, or
// the version it became; neither for one that was never changed here.
func (b *Outbox) Content(id inode.ID) (*draft.Draft, *Base) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if n := b.byIno[id]; n != nil && n.draft != nil {
		return n.draft, nil
	}
	base, _ := b.became.Get(id)
	return nil, base
}

// Draft returns the draft of a node that is open for writing.
func (b *Outbox) Draft(n *Node) *draft.Draft {
	b.mu.Lock()
	defer b.mu.Unlock()
	return n.draft
}

// SetAttrs keeps attributes of the file or directory that the kernel knows by id.
func (b *Outbox) SetAttrs(p Place, id inode.ID, change func(*Attrs)) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.closed {
		return ErrClosed
	}
	if err := b.journal.reserve(); err != nil {
		return err
	}
	n := b.byIno[id]
	if n == nil {
		if p.Seq != b.seq {
			return ErrStale
		}
		parent, _, ok := b.resolve(p.Dir)
		if ok && parent != nil {
			n = parent.children[p.Name]
		}
	}
	if n != nil {
		if n.ino != id && b.byIno[id] != n && p.Entry != nil && b.replacedHere(n.parent, p) {
			return errReplacedHere
		}
		if n.ino != id && b.byIno[id] != n {
			return fs.ErrNotExist
		}
		b.setNodeAttrs(n, change)
		return b.commit()
	}
	if p.Entry == nil || b.hides(p.Entry) {
		return fs.ErrNotExist
	}
	a := b.attrsOf(p.Entry)
	a.Version = p.Entry.Version()
	change(&a)
	b.setAttrs(p.Entry.ID, a)
	return b.commit()
}

func (b *Outbox) setNodeAttrs(n *Node, change func(*Attrs)) {
	if n.draft != nil {
		_, n.Attrs.ModTime = n.draft.Size()
	}
	before := n.Attrs.ModTime
	change(&n.Attrs)
	if n.draft != nil && !n.Attrs.ModTime.Equal(before) {
		n.draft.SetModTime(n.Attrs.ModTime)
	}
	b.mark(n)
}
