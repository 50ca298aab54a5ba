package outbox

import (
	"strings"
	"time"

	"losantfs/cache/draft"
	"losantfs/remote"
)

// fresh is how old a look at the service may be on which a step relies.
const fresh = time.Second

// job is what a step needs to know of its node, taken under mu.
type job struct {
	n      *Node
	parent *Node
	dir    string // where the node belongs on the service
	name   string
	entry  *Base
	from   *Base
	draft  *draft.Draft
	since  time.Time // a look at the service must not be older
	looked time.Time // when it was looked at
	first  bool      // nothing was tried so far
	waits  int
	// release ends the turn of the step: from now on it only waits.
	release func()
}

func (j *job) place() string { return j.dir + j.name }

// step does the next thing that brings the service nearer to what should be. It
// looks at the service first, so that doing it again after a crash or a lost
// answer does no harm.
func (b *Outbox) step(w work, release func()) error {
	switch {
	case w.gone != nil && w.gone.Base.Dir:
		return b.deleteDir(w.gone)
	case w.gone != nil:
		return b.deleteFile(w.gone)
	case w.begun != nil:
		return b.settleBegun(w.begun)
	case w.move != nil:
		return b.settleMove(w.move)
	}
	j := b.jobOf(w.node)
	j.release = release
	b.mu.Lock()
	local, idle := w.node.Local, w.node.idle()
	b.mu.Unlock()
	switch {
	case local:
		return b.bringHome(j)
	case idle:
		return b.retire(j.n)
	case w.node.Dir:
		return b.sendDir(j)
	}
	return b.sendFile(j)
}

func (b *Outbox) jobOf(n *Node) *job {
	b.mu.Lock()
	defer b.mu.Unlock()
	j := &job{n: n, parent: n.parent, name: n.Name, entry: n.Entry, from: n.From, draft: n.draft, waits: n.waits}
	j.dir, _ = n.parent.remotePath()
	j.since = b.notBefore(&n.task)
	j.first = n.tries == 0 && b.begun[j.place()] == nil
	if b.begun[j.place()] != nil {
		j.since = time.Now()
	}
	return j
}

// notBefore returns how old a look at the service may be for a task.
func (b *Outbox) notBefore(t *task) time.Time {
	now := time.Now()
	switch limit := now.Add(-fresh); {
	case t.tries > 0: // the world may have changed since
		return now
	case t.changed.After(limit):
		return t.changed
	default:
		return limit
	}
}

// look returns what the service has at a name, nil for nothing.
func (b *Outbox) look(dir, name string, since time.Time) (*remote.Entry, error) {
	at, err := b.lookIn(dir, name, since)
	if remote.KindOf(err) == remote.NotFound {
		return nil, nil
	}
	return at, err
}

// lookIn is look that fails when there is no such directory.
func (b *Outbox) lookIn(dir, name string, since time.Time) (*remote.Entry, error) {
	l, err := b.o.Known.Listing(b.ctx, dir, since)
	if err != nil {
		return nil, err
	}
	for i := range l.Entries {
		if l.Entries[i].Name == name {
			return &l.Entries[i], nil
		}
	}
	return nil, nil
}

// lookForNew is look for the step of a node. What is new is looked for in whatever
// is known, as the service refuses a name that is taken.
func (b *Outbox) lookForNew(j *job) (*remote.Entry, error) {
	j.looked = time.Now()
	if j.entry == nil && j.first {
		at, err := b.lookIn(j.dir, j.name, time.Time{})
		if at == nil && remote.KindOf(err) != remote.NotFound {
			return nil, err
		}
	}
	at, err := b.lookIn(j.dir, j.name, j.since)
	if remote.KindOf(err) == remote.NotFound {
		return nil, b.makeParent(j)
	}
	return at, err
}

// still makes sure that the service has an entry as it was seen, which is about to
// be replaced or deleted for good. Who begins to replace it now shows as an upload
// under way. If not, the next step decides anew.
func (b *Outbox) still(seen *remote.Entry) error {
	now, err := b.o.Service.Get(b.ctx, seen.ID)
	switch {
	case err != nil && remote.KindOf(err) != remote.NotFound:
		return err
	case err == nil && now.Version() == seen.Version() && now.Status == seen.Status && now.Parent == seen.Parent && now.Name == seen.Name:
		return nil
	}
	if _, err := b.look(seen.Parent, seen.Name, time.Now()); err != nil {
		return err
	}
	return errWait // decide anew
}

// makeParent has the directory made anew that a node belongs in: it was deleted
// elsewhere.
func (b *Outbox) makeParent(j *job) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	p := j.parent
	if p == b.root || p.detached || p.busy || p.Entry == nil || p.Entry.path() != j.dir {
		return errWait
	}
	b.setEntry(p, nil)
	p.touch()
	p.hurry = true
	return waitAfter(b.commit())
}

// standing is how what the service has at a place stands to the node that belongs
// there.
type standing int

const (
	vacant  standing = iota
	own              // the node has the entry now
	foreign          // it was made or changed elsewhere
	blocked          // it has to go first
)

// settleOwner finds out whose an entry is that the service has where a node
// belongs, and gives it to the node if nothing else needs it there.
func (b *Outbox) settleOwner(j *job, at *remote.Entry) (standing, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	n := j.n
	if n.detached || n.parent != j.parent || n.Name != j.name {
		return 0, errAborted
	}
	if at == nil {
		return vacant, nil
	}
	d := b.begun[j.place()]
	ours := d.isOurs(at.Dir, at.ETag)
	g, o := b.gone[at.ID], b.owner[at.ID]
	switch {
	case b.othersUpload(at, n.task.tries):
		return 0, errUploading
	case o == n:
		if !ours && !n.Entry.holds(at) {
			return foreign, nil
		}
		return own, nil
	case g != nil && (g.busy || at.Dir != n.Dir || n.Dir && n.Entry != nil):
		return blocked, nil
	case g != nil && !ours && !g.Base.holds(at):
		b.log.Warn("deleted here and changed elsewhere: it is kept", "path", g.Base.place())
		b.dropGone(at.ID)
		return foreign, b.commit()
	case o != nil && (o.busy || o.Dir || n.Dir):
		return blocked, nil
	case o != nil && !ours && !o.Entry.holds(at):
		return foreign, nil
	case g != nil, o != nil, ours, at.Dir && n.Dir && n.Entry == nil:
		b.replaceEntry(n, BaseOf(*at))
		return own, b.commit()
	}
	return foreign, nil
}

var errUploading = &remote.Error{Kind: remote.Busy, Op: "upload", Message: "its content is being uploaded elsewhere"}

// othersUpload reports whether somebody else seems to be uploading a file, which
// is to be waited for. An upload that was given up looks the same, so not for ever.
func (b *Outbox) othersUpload(at *remote.Entry, tries int) bool {
	return !at.Dir && at.Status == remote.Pending && at.ETag != "" && b.begun[at.Parent+at.Name] == nil && tries < triesForOthers
}

// triesForOthers is about half a minute.
const triesForOthers = 6

// patience is how often a node waits for what has its place before that is moved
// out of the way: they may wait for each other.
const patience = 4

// wait is what a step does that cannot go on before what has its place is gone.
func (b *Outbox) waitFor(j *job, at *remote.Entry) error {
	if j.waits < patience {
		return errWait
	}
	if err := b.moveAside(at); err != nil {
		return err
	}
	b.mu.Lock()
	j.n.waits = 0 // the way is free, or soon will be
	b.mu.Unlock()
	return errWait
}

// hand notes that the service has e at the place of a job, made or changed from
// here. The node may be elsewhere by now, or gone: then e belongs to what has its
// place, or is to be deleted. It reports whether e is the node's.
func (b *Outbox) hand(j *job, e *Base) bool {
	n := j.n
	if o := b.owner[e.ID]; o != nil {
		b.setEntry(o, e)
		return o == n
	}
	if g := b.gone[e.ID]; g != nil {
		b.addGone(e)
		return false
	}
	there := j.parent.children[j.name]
	if j.parent.detached || there == nil || there.Dir != e.Dir || there.Local || there != n && there.Entry != nil {
		there = n // wherever it is
		if n.detached || n.Local || n.Entry != nil {
			b.addGone(e)
			return false
		}
	}
	b.replaceEntry(there, e)
	return there == n
}

// settleBegun finds out whether what was sent to a place has arrived, when the
// node that it was for has left it.
func (b *Outbox) settleBegun(d *begun) error {
	dir, name := splitPlace(d.at)
	at, err := b.look(dir, name, time.Now())
	if err != nil {
		return err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if at != nil && d.isOurs(at.Dir, at.ETag) {
		e := BaseOf(*at)
		switch o := b.owner[e.ID]; {
		case o != nil:
			b.setEntry(o, e)
		case b.gone[e.ID] != nil:
			b.addGone(e)
		default:
			if n := b.nodeFor(d.at); n != nil && n.Dir == e.Dir && !n.Local && n.Entry == nil {
				b.setEntry(n, e)
			} else {
				b.addGone(e)
			}
		}
	}
	if at == nil && d.New && time.Since(d.Since) < fresh {
		return errWait // the service may be slow
	}
	if at != nil && at.Status == remote.Pending && len(d.Sent) > 0 && time.Since(d.Since) < giveUp {
		// The content may still arrive.
		if d.New {
			d.New = false
			b.marks.begun[d.at] = true
		}
		return waitAfter(b.commit())
	}
	b.dropBegun(d.at)
	return b.commit()
}

// nodeFor returns the node that belongs at a place of the service.
func (b *Outbox) nodeFor(place string) *Node {
	dir, name := splitPlace(place)
	parent := b.root
	if dir != "/" {
		parent = b.dirs[strings.TrimSuffix(dir, "/")]
	}
	if parent == nil {
		return nil
	}
	return parent.children[name]
}
