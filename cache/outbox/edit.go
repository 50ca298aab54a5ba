package outbox

import (
	"io/fs"
	"time"

	"losantfs/cache/draft"
	"losantfs/cache/inode"
	"losantfs/remote"
)

var errReplaced = &remote.Error{Kind: remote.Changed, Op: "open", Message: "another file has the name now"}

// Edit returns the node of the file that the kernel knows by id, with a draft to
// write to, and counts a handle of it that may write.
func (b *Outbox) Edit(p Place, id inode.ID) (*Node, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if n := b.byIno[id]; n != nil && n.draft != nil {
		if err := b.journal.reserve(); err != nil {
			return nil, err
		}
		n.handles++
		n.writers++
		return n, nil
	}
	parents, err := b.begin(p)
	if err != nil {
		return nil, err
	}
	n, err := b.edit(parents[0], p, id)
	if err = b.finish(err, parents...); err != nil {
		return nil, err
	}
	n.handles++
	n.writers++
	return n, nil
}

func (b *Outbox) edit(parent *Node, p Place, id inode.ID) (*Node, error) {
	if parent.children[p.Name] == nil && p.Entry != nil && !p.Entry.HasContent() {
		return nil, &remote.Error{Kind: remote.Busy, Op: "open", Message: "the file has no content yet"}
	}
	n := b.seen(parent, p)
	switch {
	case n == nil || n.Dir:
		return nil, fs.ErrNotExist
	case n.ino != id && b.replacedHere(parent, p):
		return nil, errReplacedHere
	case n.ino != id:
		return nil, errReplaced
	}
	return n, b.openDraft(n)
}

// openDraft gives a node a draft over the version it is from.
func (b *Outbox) openDraft(n *Node) error {
	if n.draft != nil {
		return nil
	}
	if n.lost != nil {
		return n.lost
	}
	var base draft.Base
	var size int64
	if n.From != nil {
		base, size = b.o.Known.Base(n.From.Entry()), n.From.Size
	}
	d, err := draft.Create(b.draftPath(n.id), base, size)
	if err != nil {
		if base != nil {
			base.Close()
		}
		return err
	}
	d.SetModTime(n.Attrs.ModTime)
	n.draft, n.Draft = d, true
	n.recorded = d.Generation()
	b.byIno[n.ino] = n
	b.mark(n)
	return nil
}

// Reads counts a handle that reads the file that the kernel knows by id. It
// returns nil for one without a draft.
func (b *Outbox) Reads(id inode.ID) *Node {
	b.mu.Lock()
	defer b.mu.Unlock()
	n := b.byIno[id]
	if n == nil || n.draft == nil {
		return nil
	}
	n.handles++
	return n
}

// Flushed records the content of a node that was written to: after it returned,
// the bytes survive the process. The file is sent once it is quiet, although it
// may still be open.
func (b *Outbox) Flushed(n *Node) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.flushed(n)
}

func (b *Outbox) flushed(n *Node) error {
	if !n.unrecorded() || n.detached {
		return nil
	}
	if !n.dirty() {
		n.Since = time.Now()
	}
	n.recorded = n.draft.Generation()
	_, n.Attrs.ModTime = n.draft.Size()
	n.Written = true
	n.touch()
	b.mark(n)
	return b.commit()
}

// Release gives back a handle.
func (b *Outbox) Release(n *Node, writer bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	n.handles--
	if writer {
		n.writers--
		if err := b.flushed(n); err != nil {
			b.log.Error("recording a change", "path", n.path(), "error", err)
		}
	}
	if n.handles == 0 && n.draft != nil && !n.busy && (n.detached || n.pristine()) {
		b.discardDraft(n)
		if err := b.commit(); err != nil {
			b.log.Debug("removing a draft", "error", err)
		}
	}
	b.poke()
}
