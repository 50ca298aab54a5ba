package outbox

import (
	"cmp"
	"errors"
	"io/fs"
	"maps"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"losantfs/cache/draft"
	"losantfs/cache/inode"
	"losantfs/remote"
)

// restore reads the journal and builds everything anew. What is damaged is set
// aside and does not keep the rest from being used.
func (b *Outbox) restore() error {
	path := Journal(b.o.Dir)
	err := errors.Join(makeWay(path, fs.FileMode.IsRegular), makeWay(filepath.Join(b.o.Dir, "drafts"), fs.FileMode.IsDir),
		makeWay(filepath.Join(b.o.Dir, asideFolder), fs.FileMode.IsDir))
	if err == nil {
		err = os.MkdirAll(filepath.Join(b.o.Dir, "drafts"), 0o700)
	}
	if err != nil {
		return err
	}
	j, h, err := openJournal(path)
	if err != nil {
		return err
	}
	b.journal = j
	for id, a := range h.attrs {
		b.attrs[id] = *a
		if a.Conflict != nil {
			b.clashed.entries[id] = true
		}
	}
	b.restoreNodes(h)
	b.restoreNotes(h)
	lost := b.restoreDrafts(h)
	if h.damaged {
		b.replaceDamaged(h)
	}
	if err := b.commit(); err != nil {
		b.log.Error("recording what was restored; it is tried again with the next change", "error", err)
	}
	b.sortDrafts(h, lost)
	return nil
}

// restoreNotes takes over what is no node. After a damage, what may be out of date
// is left out where it could end in a deletion.
func (b *Outbox) restoreNotes(h *history) {
	now := time.Now()
	for id, g := range h.gone {
		needed, certain := b.owner[id] != nil, h.isCertain(goneThing(id))
		if needed || !certain {
			b.marks.gone[id] = true
			if !needed {
				b.log.Warn("the journal is damaged where it may say that this is not to be removed: it is not", "path", g.Base.place())
			}
			continue
		}
		g.changed = now
		b.gone[id], b.gonePlaces[g.Base.place()] = g, g
	}
	for at, d := range h.begun {
		// What arrives for nobody is removed.
		if n := b.nodeFor(at); h.damaged && (!h.isCertain(begunThing(at)) || n == nil || n.Dir != d.Dir) {
			continue
		}
		d.at, d.changed = at, now
		b.begun[at] = d
	}
	for id, m := range h.moves {
		m.changed = now
		b.moves[id] = m
	}
}

// restoreNodes builds the tree. Of two nodes that cannot both be, the one that was
// recorded last is right; the other, and what has lost its folder, are left out.
func (b *Outbox) restoreNodes(h *history) {
	now := time.Now()
	ids := slices.SortedFunc(maps.Keys(h.nodes), func(x, y uint64) int {
		return cmp.Or(cmp.Compare(h.lines[nodeThing(y)], h.lines[nodeThing(x)]), cmp.Compare(x, y))
	})
	type name struct {
		parent uint64
		name   string
	}
	names, owned, all := map[name]bool{}, map[string]bool{}, map[uint64]*Node{0: b.root}
	for _, id := range ids {
		b.last = max(b.last, id) // ids are not used twice
		s := h.nodes[id]
		if s == nil || names[name{s.Parent, s.Name}] || s.Entry != nil && (owned[s.Entry.ID] || h.removedSince(id, s.Entry.ID)) {
			continue
		}
		names[name{s.Parent, s.Name}] = true
		if s.Entry != nil {
			owned[s.Entry.ID] = true
		}
		n := &Node{id: id, state: *s}
		n.changed = now
		if n.Dir {
			n.children = map[string]*Node{}
		}
		all[id] = n
	}
	for id, n := range all {
		if parent := all[n.Parent]; id != 0 && parent != nil && parent.Dir {
			n.parent = parent
			parent.children[n.Name] = n
		}
	}
	// What cannot be reached from the root is not part of the tree.
	b.root.walk(func(n *Node) { b.nodes[n.id] = n })
	for id, s := range h.nodes {
		if s != nil && b.nodes[id] == nil && !h.damaged {
			h.damage(math.MaxInt)
		}
	}
	for _, n := range b.nodes {
		if n == b.root {
			continue
		}
		entry, from := n.Entry, n.From
		n.Entry, n.From = nil, nil
		b.setFrom(n, from)
		b.setEntry(n, entry)
	}
	for _, n := range b.nodes {
		if n == b.root {
			continue
		}
		n.ino = b.localID(n.id)
		if n.Entry != nil && n.inPlace() {
			e := n.Entry.Entry()
			n.ino = inode.Of(b.o.Space, &e)
		}
	}
}

// removedSince reports whether the entry of a node was recorded to be gone after the
// node was.
func (h *history) removedSince(id uint64, entry string) bool {
	return h.gone[entry] != nil && h.lines[goneThing(entry)] > h.lines[nodeThing(id)]
}

func (b *Outbox) localID(id uint64) inode.ID {
	return inode.Local(b.o.Space, b.o.Dir+strconv.FormatUint(id, 10))
}

// replaceDamaged writes the journal anew with what is still known, and keeps the
// damaged one beside it.
func (b *Outbox) replaceDamaged(h *history) {
	aside := damagedName(b.journal.path)
	b.log.Error("the journal of what is owed is damaged and was set aside; what can be read of it counts", "file", aside)
	lines, err := b.everyLine()
	w := &rewrite{}
	if err == nil {
		err = w.begin(b.journal.path)
	}
	if err == nil {
		err = w.add(lines)
	}
	if err == nil && os.Link(b.journal.path, aside) != nil { // not on all file systems
		err = os.Rename(b.journal.path, aside)
	}
	if err == nil {
		err = w.replace(b.journal)
	}
	if err != nil {
		b.log.Error("nothing can be recorded before the next mount", "error", errors.Join(err, w.giveUp()))
		b.journal.broken = err
		return
	}
	b.marks.recorded()
	if err := syncDir(b.o.Dir); err != nil {
		b.log.Warn("syncing the folder of what is owed", "error", err)
	}
}

// restoreDrafts opens the drafts of all nodes, and returns the nodes that are left
// out because theirs cannot be.
func (b *Outbox) restoreDrafts(h *history) (lost map[uint64]*Node) {
	lost = map[uint64]*Node{}
	for _, n := range b.nodes {
		if n.Draft && !b.restoreDraft(n, h.damaged) {
			lost[n.id] = n
		}
	}
	for _, n := range lost {
		b.setEntry(n, nil) // it stays as the service has it
		b.detach(n)
	}
	return lost
}

// restoreDraft opens the draft of a node. One that was made and never written to
// is not needed. It reports false when the node cannot be without it.
func (b *Outbox) restoreDraft(n *Node, damaged bool) bool {
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
		return true
	case err == nil:
		// It may hold more than was recorded.
		n.Written = n.Written || !n.Local && n.From != nil
		n.draft, n.recorded = d, d.Generation()
		b.byIno[n.ino] = n
		b.mark(n)
		return true
	}
	if base != nil {
		base.Close()
	}
	b.log.Error("a changed file cannot be read again", "path", n.path(), "error", err)
	switch {
	case !n.Written && n.From != nil:
		n.Draft = false
		b.mark(n)
	case !damaged && !exists(b.draftPath(n.id)):
		n.lost = &remote.Error{Kind: remote.Invalid, Op: "upload", Message: "what was written cannot be read again", Err: err}
		n.err, n.refused = n.lost, true
	default:
		return false
	}
	return true
}

// sortDrafts removes the drafts that nothing needs. Those of which the journal does
// not say that, and that hold something, are set aside.
func (b *Outbox) sortDrafts(h *history, lost map[uint64]*Node) {
	dir := filepath.Join(b.o.Dir, "drafts")
	files, err := os.ReadDir(dir)
	if err != nil {
		b.log.Error("reading the drafts", "error", err)
	}
	for _, f := range files {
		stem, ext, _ := strings.Cut(f.Name(), ".")
		id, err := strconv.ParseUint(stem, 10, 64)
		if err != nil || id == 0 {
			continue
		}
		b.last = max(b.last, id)
		n, file := b.nodes[id], filepath.Join(dir, f.Name())
		s, recorded := h.nodes[id]
		switch {
		case ext != "" && "."+ext != draft.BlocksExt: // a step that was killed
			err = os.Remove(file)
		case n != nil && n.Draft:
		case lost[id] != nil:
			err = b.setAside(id, unreadable, lost[id].Name)
		case n == nil && s != nil:
			err = b.setAside(id, contradictory, s.Name)
		case recorded && (s == nil || !s.Draft && !h.damaged), !draft.Holds(b.draftPath(id)):
			err = os.Remove(file)
		case recorded:
			err = b.setAside(id, unreadable, s.Name)
		default:
			err = b.setAside(id, unnamed, "")
		}
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			b.log.Error("a draft that nothing needs stays", "error", err)
		}
	}
}
