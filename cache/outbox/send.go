package outbox

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"time"

	"losantfs/remote"
)

// sendFile makes the service have a file where the node is, with its content.
func (b *Outbox) sendFile(j *job) error {
	at, err := b.lookForNew(j)
	if err != nil {
		return err
	}
	s, err := b.settleOwner(j, at)
	if err != nil {
		return err
	}
	switch s {
	case foreign:
		return b.conflict(j, at)
	case blocked:
		return b.waitFor(j, at)
	case vacant:
		if j.entry != nil && j.entry.place() != j.place() {
			return b.moveFile(j)
		}
		return b.createFile(j)
	}
	b.mu.Lock()
	differs := j.n.differs()
	b.mu.Unlock()
	if !differs {
		return nil
	}
	return b.patchFile(j, at)
}

// materialise gives a node its whole content in a draft of its own.
func (b *Outbox) materialise(n *Node) error {
	b.mu.Lock()
	err := error(errAborted)
	if !n.detached || n.draft != nil {
		err = b.openDraft(n)
	}
	if err == nil {
		err = b.commit()
	}
	d := n.draft
	b.mu.Unlock()
	if err != nil {
		return err
	}
	if err := d.Complete(b.ctx); err != nil {
		if errors.Is(err, os.ErrClosed) {
			return errAborted // removed meanwhile
		}
		return err
	}
	return nil
}

// prepareWhole fetches what the draft lacks and readies it for sending.
func (b *Outbox) prepareWhole(j *job, contentType string) (*parcel, error) {
	if err := b.materialise(j.n); err != nil {
		return nil, err
	}
	return b.prepare(j.n, j.name, contentType)
}

func (b *Outbox) createFile(j *job) error {
	p, err := b.prepareWhole(j, "")
	if err != nil {
		return b.lost(j, err)
	}
	defer p.end()
	var before *begun
	err = b.updateStill(j, func() {
		before = b.begun[j.place()].clone()
		b.setEntry(j.n, nil) // it was deleted elsewhere, if there was one: the change stays
		b.setBegun(j.place(), j.n, func(d *begun) { d.New, d.Dir, d.Sent = true, false, d.Sent.add(p.md5) })
	})
	if err != nil {
		return err
	}
	e, ticket, err := b.o.Service.Create(b.ctx, remote.NewEntry{Name: j.name, Parent: j.dir, Size: p.size,
		ContentType: p.contentType, Dimensions: p.dimensions})
	if err != nil {
		return b.notMade(j, before, err)
	}
	if e.Name != j.name {
		return b.renamed(j, e)
	}
	e.ETag = "" // it has no content yet
	if err := b.update(func() { b.hand(j, BaseOf(e)) }); err != nil {
		return err
	}
	return b.upload(j, p, e, e, ticket)
}

// lost handles a file whose content cannot be had. One that was only moved here,
// and changed or deleted elsewhere, was not moved after all: what the service has
// is seen, also at the name that it was to have.
func (b *Outbox) lost(j *job, err error) error {
	switch remote.KindOf(err) {
	case remote.NotFound, remote.Changed:
	default:
		return err
	}
	b.mu.Lock()
	from := j.n.From
	b.mu.Unlock()
	if from == nil {
		return err
	}
	now, getErr := b.o.Service.Get(b.ctx, from.ID)
	if getErr != nil && remote.KindOf(getErr) != remote.NotFound {
		return getErr
	}
	if getErr == nil && from.holds(&now) && now.Status != remote.Deleting {
		return err // it is there all the same
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	n := j.n
	if n.Written || n.writers > 0 {
		return &remote.Error{Kind: remote.Invalid, Op: "upload", Message: "the rest of its content is gone from the service", Err: err}
	}
	if !n.detached {
		b.log.Warn("renamed here and changed or deleted elsewhere: it is not renamed", "path", n.path())
		b.setEntry(n, nil)
		b.drop(n)
	}
	return b.commit()
}

// update changes what is kept and records it.
func (b *Outbox) update(change func()) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	change()
	return b.commit()
}

// updateStill is update where the node still belongs where it was when its step
// began.
func (b *Outbox) updateStill(j *job, change func()) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if n := j.n; n.detached || n.parent != j.parent || n.Name != j.name || n.Entry != j.entry {
		return errAborted
	}
	change()
	return b.commit()
}

// notMade handles a refused creation: what appears at the place from now on is not
// from here, unless the answer was lost.
func (b *Outbox) notMade(j *job, before *begun, err error) error {
	if !definite(err) {
		return err
	}
	undone := b.update(func() {
		if before == nil {
			b.dropBegun(j.place())
		} else {
			b.setBegun(j.place(), j.n, func(d *begun) { d.New, d.Dir, d.Sent = before.New, before.Dir, before.Sent })
		}
	})
	if undone != nil {
		return undone
	}
	return b.taken(j, err)
}

// definite reports whether an error says that a call was not carried out.
func definite(err error) bool {
	var answer *remote.Error
	return errors.As(err, &answer) && !answer.Ambiguous
}

// taken tells a name that is taken from one that is refused: the service has no
// code of its own for it. A name can be taken by what is still being deleted.
func (b *Outbox) taken(j *job, err error) error {
	switch remote.KindOf(err) {
	case remote.Invalid, remote.Exists:
	default:
		return err
	}
	entries, listErr := b.o.Service.ListDirectory(b.ctx, j.dir)
	if listErr != nil && remote.KindOf(listErr) != remote.NotFound {
		return listErr
	}
	for _, e := range entries {
		if e.Name == j.name {
			return &remote.Error{Kind: remote.Busy, Op: "create", Message: "the name is still taken", Err: err}
		}
	}
	return err
}

// renamed handles a service that does not take a name as it is. What it made
// instead is removed if it is certain that it is new.
func (b *Outbox) renamed(j *job, e remote.Entry) error {
	now, err := b.o.Service.Get(b.ctx, e.ID)
	if err != nil && remote.KindOf(err) != remote.NotFound {
		return err
	}
	if err == nil && !e.Dir && now.ETag == "" && now.Status == remote.Pending && now.Name == e.Name {
		if err := b.o.Service.Delete(b.ctx, e.ID); err != nil && remote.KindOf(err) != remote.NotFound {
			return err
		}
	}
	if err := b.update(func() { b.dropBegun(j.place()) }); err != nil {
		return err
	}
	return &remote.Error{Kind: remote.Invalid, Op: "create", Message: fmt.Sprintf("the service would change the name to %q", e.Name)}
}

// patchFile gives an entry the content of a node.
func (b *Outbox) patchFile(j *job, at *remote.Entry) error {
	p, err := b.prepareWhole(j, at.ContentType)
	if err != nil {
		return b.lost(j, err)
	}
	defer p.end()
	b.mu.Lock()
	// Another content that was sent may still arrive.
	d := b.begun[j.place()]
	same := p.md5 == at.MD5() && at.Status == remote.Completed && (d == nil || !slices.ContainsFunc(d.Sent, func(sum string) bool { return sum != p.md5 }))
	b.mu.Unlock()
	if same {
		return b.adopt(j, *at, p)
	}
	if err := b.secure(*at, j.n); err != nil {
		return err
	}
	if err := b.still(at); err != nil {
		return err
	}
	p.looked = time.Now()
	b.mu.Lock()
	if j.n.detached || j.n.Entry == nil || j.n.Entry.ID != at.ID || j.n.parent != j.parent || j.n.Name != j.name {
		b.mu.Unlock()
		return errAborted
	}
	b.setBegun(j.place(), j.n, func(d *begun) { d.Dir, d.Sent = false, d.Sent.add(p.md5) })
	err = b.commit()
	b.mu.Unlock()
	if err != nil {
		return err
	}
	e, ticket, err := b.o.Service.Patch(b.ctx, at.ID, p.size, p.contentType, p.dimensions)
	if err != nil {
		return err
	}
	if e.ID != at.ID {
		return &remote.Error{Kind: remote.Unreachable, Op: "patch", Message: "the answer is about another file"}
	}
	return b.upload(j, p, *at, e, ticket)
}

// adopt notes that the service has the content p of a node.
func (b *Outbox) adopt(j *job, e remote.Entry, p *parcel) error {
	b.mu.Lock()
	b.o.Known.Changed(e)
	n := j.n
	b.dropBegun(j.place())
	mine := b.hand(j, BaseOf(e))
	if o := b.owner[e.ID]; o != nil { // also what has taken its place meanwhile
		o.Since = time.Now()
		b.mark(o)
	}
	if mine {
		b.setFrom(n, n.Entry)
		if n.recorded == p.gen || n.draft != nil && n.draft.Generation() == p.gen {
			n.recorded, n.Written = p.gen, false
			_, n.Attrs.ModTime = n.draft.Size()
		}
		n.Attrs.Version = e.Version()
	}
	err := b.commit()
	retire := mine && n.idle()
	b.mu.Unlock()
	if err != nil || !retire {
		return err
	}
	return b.retire(n)
}

// retire ends a draft that nobody writes to and that the service has: it becomes
// the cached content of the version.
func (b *Outbox) retire(n *Node) error {
	b.mu.Lock()
	if !n.idle() || n.unrecorded() || b.inDoubt(n) {
		b.mu.Unlock()
		return nil
	}
	e, gen, whole := n.Entry.Entry(), n.recorded, n.draft.IsComplete()
	path := b.draftPath(n.id)
	b.mu.Unlock()
	kept := path + ".kept"
	if whole = whole && os.Link(path, kept) == nil; whole {
		b.o.Known.Keep(e, kept)
	}
	b.mu.Lock()
	if !n.idle() || n.draft.Generation() != gen || n.detached {
		b.mu.Unlock()
		if whole { // it was opened again: the file may change
			b.o.Known.Discard(e)
		}
		return nil
	}
	defer b.mu.Unlock()
	b.discardDraft(n)
	b.settled(n)
	return b.commit()
}

// secure makes everything that shows the content of an entry independent of the
// service, where it is about to be replaced by a node, or deleted.
func (b *Outbox) secure(e remote.Entry, by *Node) error {
	b.mu.Lock()
	var users []*Node
	for u := range b.users[e.ID] {
		if u != by && (!u.detached || u.draft != nil) {
			users = append(users, u)
		}
	}
	b.mu.Unlock()
	for _, u := range users {
		if err := b.secureNode(u); err != nil {
			return err
		}
	}
	if len(users) > 0 {
		if err := b.Sync(); err != nil {
			return err
		}
	}
	return b.o.Known.Secure(b.ctx, e)
}

// secureNode gives a node a copy of its content that survives a power failure: it
// is about to be the only one.
func (b *Outbox) secureNode(n *Node) error {
	err := b.materialise(n)
	b.mu.Lock()
	d, gone := n.draft, n.detached && n.draft == nil
	b.mu.Unlock()
	if gone {
		return nil // nobody can see it any more
	}
	if err == nil && d == nil {
		err = errAborted
	}
	if err != nil {
		return err
	}
	return d.Sync()
}

// unchanged drops the draft of a file that turns out to have been written with the
// very bytes it had: what the service has now is seen. It reports whether it did.
func (b *Outbox) unchanged(j *job, p *parcel) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	n := j.n
	if n.detached || n.writers > 0 || !n.From.same(n.Entry) || n.From.ETag != p.md5 || n.draft == nil || n.draft.Generation() != p.gen || !n.inPlace() {
		return false
	}
	b.setEntry(n, nil)
	b.drop(n)
	return b.commit() == nil
}

// conflict gives a node another name: the service holds something at its own
// that this machine did not know of. Both stay.
func (b *Outbox) conflict(j *job, at *remote.Entry) error {
	b.mu.Lock()
	differs, ours := j.n.differs(), ""
	if from := j.n.From; from != nil {
		e := from.Entry()
		ours = e.MD5()
	}
	b.mu.Unlock()
	if differs {
		p, err := b.prepareWhole(j, at.ContentType)
		if err != nil {
			return b.lost(j, err)
		}
		p.end()
		if b.unchanged(j, p) {
			return nil
		}
		ours = p.md5
	}
	if !at.Dir && ours != "" && ours == at.MD5() { // the same bytes are no conflict
		return b.updateStill(j, func() { b.replaceEntry(j.n, BaseOf(*at)) })
	}
	l, err := b.o.Known.Listing(b.ctx, j.dir, j.since)
	if err != nil && remote.KindOf(err) != remote.NotFound {
		return err
	}
	taken := map[string]bool{}
	for _, e := range l.Entries {
		taken[e.Name] = true
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	n := j.n
	if n.detached || n.parent != j.parent || n.Name != j.name {
		return errAborted
	}
	now := time.Now()
	name := conflictName(j.name, now, 1)
	for i := 2; taken[name] || n.parent.children[name] != nil; i++ {
		name = conflictName(j.name, now, i)
	}
	original := n.path()
	if n.Entry != nil && n.Entry.ID == at.ID {
		b.setEntry(n, nil)
	}
	delete(n.parent.children, n.Name)
	b.attach(n, n.parent, name)
	b.dropBegun(j.place())
	n.Attrs.Conflict = &Conflict{Path: n.path(), Original: original, Since: now}
	b.log.Warn("changed here and elsewhere: both versions are kept", "path", original, "ours", n.path())
	// The kernel knows the old name by its number: under the new one it is another.
	n.former = append(n.former, n.ino)
	n.ino.Gen++
	if n.draft != nil {
		b.byIno[n.ino] = n
	}
	return b.commit()
}
