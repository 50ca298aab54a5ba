package outbox

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"losantfs/cache/draft"
	"losantfs/cache/inode"
	"losantfs/remote"
)

// restore reads the journal and builds everything anew.
func (b *Outbox) restore() error {
	var aside string
	_, err := os.Stat(filepath.Join(b.o.Dir, "journal"))
	lostAll := errors.Is(err, os.ErrNotExist)
	states := map[uint64]*state{}
	b.journal, aside, err = openJournal(filepath.Join(b.o.Dir, "journal"), func(r record) {
		switch {
		case r.Node != 0:
			setOrDelete(states, r.Node, r.State)
		case r.Gone != "":
			setOrDelete(b.gone, r.Gone, r.GoneState)
		case r.Begun != "":
			setOrDelete(b.begun, r.Begun, r.BegunState)
		case r.Move != "":
			setOrDelete(b.moves, r.Move, r.MoveState)
		case r.Attrs != nil:
			b.attrs[r.Entry] = *r.Attrs
		default:
			delete(b.attrs, r.Entry)
		}
	})
	if err != nil {
		return err
	}
	if aside != "" {
		b.log.Error("a part of the journal is damaged and was set aside, with the contents it may be about", "file", aside)
	}
	now := time.Now()
	for _, g := range b.gone {
		g.changed = now
		b.gonePlaces[g.Base.place()] = g
	}
	for at, d := range b.begun {
		d.at, d.changed = at, now
	}
	for _, m := range b.moves {
		m.changed = now
	}
	b.restoreNodes(states)
	b.restoreDrafts(aside != "" || lostAll)
	return b.commit()
}

func setOrDelete[K comparable, V any](m map[K]*V, k K, v *V) {
	if v == nil {
		delete(m, k)
	} else {
		m[k] = v
	}
}

func (b *Outbox) restoreNodes(states map[uint64]*state) {
	now := time.Now()
	for id, s := range states {
		n := &Node{id: id, state: *s}
		n.changed = now
		if n.Dir {
			n.children = map[string]*Node{}
		}
		b.nodes[id] = n
		b.last = max(b.last, id)
	}
	for id, n := range b.nodes {
		if id == 0 {
			continue
		}
		parent := b.nodes[n.Parent]
		if parent == nil || !parent.Dir {
			b.log.Error("a change has lost its folder; it is put into the root", "name", n.Name)
			parent = b.root
		}
		for i := 1; parent.children[n.Name] != nil; i++ {
			n.Name = conflictName(states[id].Name, now, i)
			b.mark(n)
		}
		n.parent = parent
		parent.children[n.Name] = n
	}
	for id, n := range b.nodes {
		if id == 0 {
			continue
		}
		entry, from := n.Entry, n.From
		n.Entry, n.From = nil, nil
		b.setFrom(n, from)
		if entry != nil && b.owner[entry.ID] == nil {
			b.setEntry(n, entry)
		}
	}
	for id, n := range b.nodes {
		if id == 0 {
			continue
		}
		n.ino = b.localID(n.id)
		if n.Entry != nil && n.inPlace() {
			e := n.Entry.Entry()
			n.ino = inode.Of(b.o.Space, &e)
		}
	}
}

func (b *Outbox) localID(id uint64) inode.ID {
	return inode.Local(b.o.Space, b.o.Dir+strconv.FormatUint(id, 10))
}

// restoreDrafts opens the drafts of all nodes and removes those of none. Where the
// journal was damaged they are set aside for people to look at.
func (b *Outbox) restoreDrafts(damaged bool) {
	for _, n := range b.nodes {
		if n.Draft {
			b.restoreDraft(n)
		}
	}
	dir := filepath.Join(b.o.Dir, "drafts")
	files, err := os.ReadDir(dir)
	if err != nil {
		b.log.Error("reading the drafts", "error", err)
	}
	aside := fmt.Sprintf("%s.damaged-%d", dir, time.Now().Unix())
	for _, f := range files {
		stem, _, _ := strings.Cut(f.Name(), ".")
		id, err := strconv.ParseUint(stem, 10, 64)
		if err != nil {
			continue
		}
		b.last = max(b.last, id) // ids are not used twice
		path := filepath.Join(dir, f.Name())
		switch n := b.nodes[id]; {
		case n != nil && n.Draft && (f.Name() == stem || f.Name() == stem+draft.BlocksExt):
		case damaged:
			err = os.MkdirAll(aside, 0o700)
			if err == nil {
				err = os.Rename(path, filepath.Join(aside, f.Name()))
			}
		default:
			err = os.Remove(path)
		}
		if err != nil {
			b.log.Warn("a draft that nothing needs stays", "error", err)
		}
	}
}

// restoreDraft opens the draft of a node. One that was made and never written to
// is not needed.
func (b *Outbox) restoreDraft(n *Node) {
	var base draft.Base
	var size int64
	if n.From != nil {
		base, size = b.o.Known.Base(n.From.Entry()), n.From.Size
	}
	d, err := draft.Open(b.draftPath(n.id), base, size)
	switch {
	case err == nil && !n.Written && !n.Local && n.From != nil && !d.Written():
		d.Close() // with its base
		n.Draft = false
		b.marks.files = append(b.marks.files, b.draftPath(n.id))
		b.mark(n)
	case err == nil:
		// It may hold more than was recorded.
		n.Written = n.Written || !n.Local && n.From != nil
		n.draft, n.recorded = d, d.Generation()
		b.byIno[n.ino] = n
		b.mark(n)
	case !n.Written && n.From != nil:
		base.Close()
		n.Draft = false
		b.mark(n)
	default:
		if base != nil {
			base.Close()
		}
		n.lost = &remote.Error{Kind: remote.Invalid, Op: "upload", Message: "what was written cannot be read again", Err: err}
		n.err, n.refused = n.lost, true
		b.log.Error("a changed file cannot be read again", "path", n.path(), "error", err)
	}
}
