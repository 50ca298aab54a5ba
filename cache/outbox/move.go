package outbox

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"losantfs/cache/inode"
	"losantfs/remote"
)

// moveFile gives the entry of a file the place of its node.
func (b *Outbox) moveFile(j *job) error {
	old, err := b.o.Service.Get(b.ctx, j.entry.ID)
	gone := remote.KindOf(err) == remote.NotFound || err == nil && old.Status == remote.Deleting
	if err != nil && !gone {
		return err
	}
	b.mu.Lock()
	differs := j.n.differs() || j.n.draft != nil
	d := b.begun[j.entry.place()]
	ours, others := d.isOurs(false, old.ETag), b.othersUpload(&old, j.n.tries)
	patient := j.n.tries < triesForOthers
	b.mu.Unlock()
	switch {
	case gone:
		// Deleted elsewhere: what is kept here stays.
		err = b.updateStill(j, func() { b.setEntry(j.n, nil) })
	case old.Status == remote.Moving:
		return &remote.Error{Kind: remote.Busy, Op: "move", Message: "it is being moved"}
	case others:
		return errUploading
	case differs && old.Status == remote.Pending && (d != nil || j.entry.ETag == ""):
		// An upload to it was given up: what counts is here.
		err = b.updateStill(j, func() { b.replaceEntry(j.n, nil) })
	case old.Status != remote.Completed && !differs && patient: // what was given up is moved as it is
		return errUploading
	case differs && !ours && !j.entry.holds(&old):
		// Changed elsewhere: theirs stays where it is.
		err = b.updateStill(j, func() { b.setEntry(j.n, nil) })
	default:
		return b.moveEntry(j, BaseOf(old), j.dir, j.name)
	}
	if err != nil {
		return err
	}
	j.entry = nil
	return b.createFile(j)
}

// sendDir makes the service have a directory where the node is.
func (b *Outbox) sendDir(j *job) error {
	at, err := b.lookForNew(j)
	if err != nil {
		return err
	}
	s, err := b.settleOwner(j, at)
	if err != nil {
		return err
	}
	switch {
	case s == foreign && at.Dir && j.entry != nil:
		return b.mergeDir(j, at)
	case s == foreign:
		return b.conflict(j, at)
	case s == blocked:
		return b.waitFor(j, at)
	case s == own:
		return b.update(func() { b.dropBegun(j.place()) })
	case j.entry == nil:
		return b.createDir(j)
	}
	return b.moveDir(j)
}

// mergeDir handles a directory that is moved to where somebody else has made one.
// Two directories stay two, unless the one that was to move is gone.
func (b *Outbox) mergeDir(j *job, at *remote.Entry) error {
	old, err := b.o.Service.Get(b.ctx, j.entry.ID)
	if err == nil && old.Status != remote.Deleting {
		return b.conflict(j, at)
	}
	if err != nil && remote.KindOf(err) != remote.NotFound {
		return err
	}
	return b.updateStill(j, func() { b.setEntry(j.n, nil) })
}

func (b *Outbox) createDir(j *job) error {
	err := b.updateStill(j, func() { b.setBegun(j.place(), j.n, func(d *begun) { d.New, d.Dir = true, true }) })
	if err != nil {
		return err
	}
	e, _, err := b.o.Service.Create(b.ctx, remote.NewEntry{Name: j.name, Parent: j.dir, Dir: true})
	if err != nil {
		return b.notMade(j, nil, err)
	}
	if e.Name != j.name {
		return b.renamed(j, e)
	}
	return b.update(func() {
		b.o.Known.Made(e)
		b.hand(j, BaseOf(e))
		b.dropBegun(j.place())
	})
}

// moveDir gives the entry of a directory the place of its node.
func (b *Outbox) moveDir(j *job) error {
	if strings.HasPrefix(j.dir, j.entry.path()) {
		return errWait // it goes into what was in it, which leaves first
	}
	old, err := b.o.Service.Get(b.ctx, j.entry.ID)
	switch {
	case err == nil && old.Status == remote.Moving:
		return &remote.Error{Kind: remote.Busy, Op: "move", Message: "it is being moved"}
	case err == nil && old.Status != remote.Deleting:
		return b.moveEntry(j, BaseOf(old), j.dir, j.name)
	case err != nil && remote.KindOf(err) != remote.NotFound:
		return err
	}
	// Deleted elsewhere; perhaps made anew there.
	at, err := b.look(j.entry.Parent, j.entry.Name, time.Now())
	if err != nil {
		return err
	}
	return b.updateStill(j, func() {
		switch {
		case at != nil && at.Dir && b.owner[at.ID] == nil && b.gone[at.ID] == nil:
			b.setEntry(j.n, BaseOf(*at))
		case len(j.n.children) > 0: // what is kept of it here stays
			b.setEntry(j.n, nil)
		default:
			b.log.Warn("renamed here and deleted or moved elsewhere: it is not renamed", "path", j.n.path())
			b.setEntry(j.n, nil)
			b.drop(j.n)
		}
	})
}

// moveAside gives an entry another name where it is: what belongs to its place
// waits for it, and it perhaps for that.
func (b *Outbox) moveAside(at *remote.Entry) error {
	return b.moveEntry(nil, BaseOf(*at), at.Parent, asideName(at.Name))
}

// moveEntry moves an entry of the service; the move of a directory goes on there
// when this returns.
func (b *Outbox) moveEntry(j *job, of *Base, dir, name string) error {
	m := &move{Of: of, To: dir + name, thaw: func() {}}
	ids := []string{of.ID}
	if of.Dir {
		found, err := b.everythingBelow(of.path(), time.Now().Add(-fresh))
		if err != nil {
			return err
		}
		m.before, m.thaw = found.entries, b.o.Known.Freeze(of.path())
		for _, e := range m.before {
			ids = append(ids, e.ID)
		}
	}
	if j != nil && time.Since(j.looked) > fresh {
		at, err := b.look(dir, name, time.Now().Add(-fresh))
		if err == nil && at != nil {
			err = errAborted // somebody has taken the name meanwhile
		}
		if err != nil {
			m.thaw()
			return err
		}
	}
	begin := b.update
	if j != nil {
		begin = func(change func()) error { return b.updateStill(j, change) }
	}
	err := begin(func() {
		m.Kept = map[string]Attrs{}
		for _, e := range m.before {
			if a, ok := b.attrs[e.ID]; ok {
				m.Kept[strings.TrimPrefix(e.Parent, of.path())+e.Name] = a
			}
		}
		m.changed = time.Now()
		b.depart(ids)
		b.moves[of.ID] = m
		b.marks.moves[of.ID] = true
	})
	if err != nil {
		m.thaw()
		return err
	}
	e, err := b.o.Service.Move(b.ctx, of.ID, dir, name)
	if definite(err) {
		if dropped := b.update(func() { b.endMove(m, nil) }); dropped != nil {
			return dropped
		}
		if j == nil {
			return err
		}
		return b.taken(j, err)
	}
	if err != nil {
		return err // the move is looked at by itself
	}
	if err := b.update(func() { m.Answer, b.marks.moves[of.ID] = e.ID, true }); err != nil {
		return err
	}
	if !of.Dir {
		// Many files that are moved together share a listing.
		if j != nil {
			j.release()
		}
		if e, err = b.completed(e, func(now remote.Entry) bool { return now.Status == remote.Completed }); err != nil {
			return err
		}
		return b.finishMove(m, e)
	}
	if err := b.settleMove(m); !errors.Is(err, errWait) {
		return err
	}
	return nil
}

// settleMove finds out what became of a move.
func (b *Outbox) settleMove(m *move) error {
	b.mu.Lock()
	of, to, answer := m.Of, m.To, m.Answer
	waited := m.waits
	b.mu.Unlock()
	old, err := b.o.Service.Get(b.ctx, of.ID)
	switch {
	case err == nil && old.Status == remote.Moving:
		return errWait
	case err == nil && old.Status == remote.Completed && old.Parent+old.Name == to:
		return b.finishMove(m, old) // under the id it had
	case err == nil && old.Status != remote.Deleting && (answer == "" && waited >= 2 || waited > 20):
		return b.update(func() { b.endMove(m, nil) }) // it never left
	case err == nil:
		return errWait
	case remote.KindOf(err) != remote.NotFound:
		return err
	}
	var at *remote.Entry
	if answer != "" {
		e, err := b.o.Service.Get(b.ctx, answer)
		if err != nil && remote.KindOf(err) != remote.NotFound {
			return err
		}
		if err == nil {
			at = &e
		}
	} else {
		dir, name := splitPlace(to)
		if at, err = b.look(dir, name, time.Now()); err != nil {
			return err
		}
		if at != nil && (at.Dir != of.Dir || !at.Dir && at.ETag != "" && at.ETag != of.ETag) {
			at = nil // something else
		}
	}
	switch {
	case at == nil:
		// Deleted elsewhere on its way.
		return b.update(func() { b.endMove(m, nil) })
	case at.Status != remote.Completed:
		return errWait
	}
	return b.finishMove(m, *at)
}

// endMove forgets a move that is over; to is where the entry is, nil when it did
// not get there.
func (b *Outbox) endMove(m *move, to *Base) {
	b.dropMove(m.Of.ID)
	b.arrive(m.Of.ID, to)
	for _, e := range m.before {
		b.arrive(e.ID, nil) // who arrived was told already
	}
	if m.thaw != nil {
		m.thaw()
	}
}

// finishMove notes that an entry is now e. What was below a directory has other
// ids there, which are found again by name.
func (b *Outbox) finishMove(m *move, e remote.Entry) error {
	old, to := m.Of, BaseOf(e)
	now := map[string]remote.Entry{}
	if old.Dir {
		found, err := b.everythingBelow(to.path(), time.Now())
		if err != nil {
			return err
		}
		for _, a := range found.entries {
			now[strings.TrimPrefix(a.Parent, to.path())+a.Name] = a
		}
		for _, o := range m.before {
			a, ok := now[strings.TrimPrefix(o.Parent, old.path())+o.Name]
			if !ok || a.Status != remote.Completed {
				if late, err := b.mayFollow(m, &o, a); late || err != nil {
					return waitAfter(err)
				}
			}
			if ok && !o.Dir && !a.Dir && o.Version() == a.Version() {
				b.o.Known.Same(o, a)
			}
		}
	} else if was := old.Entry(); was.Version() == e.Version() {
		b.o.Known.Same(was, e)
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	was := old.Entry()
	b.o.Known.Removed(was)
	b.o.Known.Changed(e)
	b.movedTo(&was, to)
	for _, o := range m.before {
		rel := strings.TrimPrefix(o.Parent, old.path()) + o.Name
		if a, ok := now[rel]; ok && a.Dir == o.Dir {
			b.movedTo(&o, BaseOf(a))
		}
	}
	for rel, attrs := range m.Kept { // after a restart only these are known
		if a, ok := now[rel]; ok {
			b.setAttrs(a.ID, attrs)
		}
	}
	if old.Dir {
		b.rebase(old.path(), to.path(), now)
	}
	b.endMove(m, to)
	if err := b.commit(); err != nil || to.place() == m.To {
		return err
	}
	err := &remote.Error{Kind: remote.Invalid, Op: "move", Message: fmt.Sprintf("the service changed the name to %q", to.Name)}
	o := b.owner[to.ID]
	if o == nil || o.busy {
		return err // of the step that asked for it
	}
	o.err, o.refused = err, true
	return nil
}

// mayFollow reports whether something that was below a directory may still be on
// its way to where that has moved. What is seen of it there is the zero entry when it
// is not there.
func (b *Outbox) mayFollow(m *move, was *remote.Entry, there remote.Entry) (bool, error) {
	switch waited := b.waited(m); {
	case waited < briskMoves:
		return true, nil
	case waited >= patientMoves:
		return false, nil
	case there.ID != "": // pending: somebody began to replace it, or it has no content yet
		return there.ETag == "" && was.ETag != "", nil
	}
	_, err := b.o.Service.Get(b.ctx, was.ID)
	if remote.KindOf(err) != remote.NotFound {
		return true, err
	}
	// It may have arrived since it was looked for there. At the next look it is
	// neither here nor there: deleted, or moved elsewhere.
	b.mu.Lock()
	defer b.mu.Unlock()
	if m.left == nil {
		m.left = map[string]bool{}
	}
	before := m.left[was.ID]
	m.left[was.ID] = true
	return !before, nil
}

// briskMoves is how often a move is looked at before something that has not followed
// is looked for by itself: about 2 s. patientMoves is how often, with growing pauses,
// before it is taken to be gone: about half a minute.
const (
	briskMoves   = 6
	patientMoves = 30
)

func (b *Outbox) waited(m *move) int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return m.waits
}

// movedTo notes that an entry has another id.
func (b *Outbox) movedTo(old *remote.Entry, to *Base) {
	now := to.Entry()
	id, o := b.identity(old), b.owner[old.ID]
	known := *old
	if o != nil {
		known = o.Entry.Entry()
	}
	switch {
	case old.Dir:
		b.pins.Add(to.ID, pin{id, now.Version()})
	case known.Version() == now.Version():
		if o != nil {
			id = o.ino
		}
		b.became.Add(id, to)
		b.pins.Add(to.ID, pin{id, now.Version()})
	case o != nil && o.draft == nil:
		// Changed elsewhere: what the kernel holds of it is not its content.
		o.ino = inode.Of(b.o.Space, &now)
	}
	a, keep := b.attrs[old.ID]
	if old.Dir || old.Version() == now.Version() { // a move is no change, whatever time the service gives it
		a = b.attrsOf(old)
		a.Version, keep = now.Version(), keep || !a.ModTime.Equal(now.Updated)
	}
	b.dropAttrs(old.ID)
	if keep {
		b.setAttrs(to.ID, a)
	}
	b.arrive(old.ID, to)
	was := BaseOf(*old)
	for _, u := range slices.Collect(maps.Keys(b.users[old.ID])) {
		if u.From.ETag == to.ETag || !u.Written && u.draft == nil {
			b.setFrom(u, to)
		}
	}
	if o != nil {
		if !o.Dir && o.Written && was.ETag != to.ETag && !b.begun[was.place()].isOurs(false, to.ETag) {
			b.setEntry(o, nil) // changed elsewhere
		} else {
			b.setEntry(o, to)
		}
	}
	if b.gone[old.ID] != nil {
		b.dropGone(old.ID)
		b.addGone(to)
	}
}

// rebase corrects where things are on the service that were below a directory and
// did not have the id that was known before it moved.
func (b *Outbox) rebase(from, to string, now map[string]remote.Entry) {
	moved := func(e *Base) *Base {
		if e == nil || !strings.HasPrefix(e.Parent, from) {
			return nil
		}
		if a, ok := now[strings.TrimPrefix(e.Parent, from)+e.Name]; ok && a.Dir == e.Dir && (a.Dir || a.ETag == e.ETag) {
			return BaseOf(a)
		}
		c := *e
		c.Parent = to + strings.TrimPrefix(e.Parent, from)
		return &c
	}
	for _, n := range b.nodes {
		if e := moved(n.Entry); e != nil {
			b.setEntry(n, e)
		}
		if e := moved(n.From); e != nil {
			b.setFrom(n, e)
		}
	}
	for id, g := range b.gone {
		if e := moved(g.Base); e != nil {
			b.dropGone(id)
			b.addGone(e)
		}
	}
	for at, d := range b.begun {
		if rest, ok := strings.CutPrefix(at, from); ok {
			b.dropBegun(at)
			b.setBegun(to+rest, d.node, func(n *begun) { n.Dir, n.New, n.Sent = d.Dir, d.New, d.Sent })
		}
	}
}

// splitPlace returns the directory and the name of a place.
func splitPlace(place string) (dir, name string) {
	i := strings.LastIndexByte(place, '/')
	return place[:i+1], place[i+1:]
}
