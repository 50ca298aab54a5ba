package outbox

import (
	"time"

	"losantfs/remote"
)

// bringHome makes what never leaves this machine independent of the service, from
// where it was moved: only then may it go there.
func (b *Outbox) bringHome(j *job) error {
	if j.n.Dir {
		return b.bringDirHome(j)
	}
	if err := b.materialise(j.n); err != nil {
		return b.lost(j, err)
	}
	b.mu.Lock()
	d := j.n.draft
	b.mu.Unlock()
	if d == nil {
		return errAborted
	}
	// From now on this is the only copy.
	if err := d.Sync(); err != nil {
		return err
	}
	if err := b.update(func() {
		if j.n.Local && !j.n.detached {
			b.setFrom(j.n, nil)
			j.n.Written = true
			b.replaceEntry(j.n, nil)
		}
	}); err != nil {
		return err
	}
	return b.Sync()
}

// bringDirHome lets everything in a directory come home by itself, and then the
// directory go.
func (b *Outbox) bringDirHome(j *job) error {
	l, err := b.o.Known.Listing(b.ctx, j.entry.path(), time.Now())
	if err != nil && remote.KindOf(err) != remote.NotFound {
		return err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	n := j.n
	if n.detached || !n.Local || n.Entry == nil {
		return errAborted
	}
	for i := range l.Entries {
		if e := &l.Entries[i]; !b.hides(e) && n.children[e.Name] == nil {
			b.add(n, e.Name, e.Dir, BaseOf(*e))
		}
	}
	for _, c := range n.children {
		if c.Entry != nil {
			return waitAfter(b.commit())
		}
	}
	if l.Moving > 0 {
		return waitAfter(b.commit())
	}
	b.replaceEntry(n, nil)
	return b.commit()
}

func waitAfter(err error) error {
	if err != nil {
		return err
	}
	return errWait
}
