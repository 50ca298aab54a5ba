package outbox

import (
	"strings"
	"time"

	"losantfs/remote"
)

// deleteFile removes a file from the service, if it is still what was removed
// here.
func (b *Outbox) deleteFile(g *gone) error {
	b.mu.Lock()
	base, since := g.Base, b.notBefore(&g.task)
	b.mu.Unlock()
	at, err := b.look(base.Parent, base.Name, since)
	if err != nil {
		return err
	}
	b.mu.Lock()
	ours := at != nil && b.begun[base.place()].isOurs(false, at.ETag)
	others := at != nil && b.othersUpload(at, g.tries)
	b.mu.Unlock()
	switch {
	case at == nil || at.ID != base.ID:
		return b.update(func() { b.forget(base) })
	case others:
		return errUploading
	case !ours && !base.holds(at):
		b.log.Warn("deleted here and changed elsewhere: it is kept", "path", base.place())
		return b.update(func() { b.dropGone(base.ID) })
	}
	if err := b.secure(base.Entry(), nil); err != nil && remote.KindOf(err) != remote.NotFound {
		return err
	}
	if err := b.still(at); err != nil {
		return err
	}
	if err := b.o.Service.Delete(b.ctx, base.ID); err != nil && remote.KindOf(err) != remote.NotFound {
		return err
	}
	return b.update(func() {
		b.o.Known.Removed(base.Entry())
		b.forget(base)
	})
}

// forget drops what is kept of an entry that the service has no more.
func (b *Outbox) forget(e *Base) {
	b.dropGone(e.ID)
	b.dropAttrs(e.ID)
	b.dropBegun(e.place())
}

// deleteDir removes a directory with everything in it by one call, when it holds
// nothing that was not removed here.
func (b *Outbox) deleteDir(g *gone) error {
	b.mu.Lock()
	base := g.Base
	b.mu.Unlock()
	// Its path is looked at below, but its id is what is deleted.
	now, err := b.o.Service.Get(b.ctx, base.ID)
	switch {
	case remote.KindOf(err) == remote.NotFound || err == nil && now.Status == remote.Deleting:
		return b.removedDir(base)
	case err != nil:
		return err
	case now.Status == remote.Moving:
		return errWait
	case now.Parent != base.Parent || now.Name != base.Name:
		b.log.Warn("a folder that was removed here was moved elsewhere: it stays", "folder", base.path())
		return b.update(func() { b.dropGone(base.ID) })
	}
	var latest time.Time // of the service's own clock, from before the folder was looked at
	for {
		looked := time.Now()
		found, err := b.everythingBelow(base.path(), looked)
		if remote.KindOf(err) == remote.NotFound {
			return b.removedDir(base)
		}
		if err != nil {
			return err
		}
		if safe, err := b.mayDelete(g, base, found); !safe || err != nil {
			return err
		}
		for _, e := range found.entries {
			if !e.Dir {
				if err := b.secure(e, nil); err != nil {
					return err
				}
			}
		}
		if time.Since(looked) < fresh {
			break
		}
		// That took so long that something may have come since.
		if !latest.IsZero() {
			quiet, err := b.quietSince(latest, base.path())
			if err != nil {
				return err
			}
			if quiet {
				break
			}
		}
		if latest, err = b.latestChange(); err != nil {
			return err
		}
	}
	if err := b.o.Service.Delete(b.ctx, base.ID); err != nil && remote.KindOf(err) != remote.NotFound {
		return err
	}
	return b.removedDir(base)
}

// removedDir notes that a directory is gone from the service, with all below it.
func (b *Outbox) removedDir(dir *Base) error {
	return b.update(func() {
		b.o.Known.Removed(dir.Entry())
		b.forgetBelow(dir)
	})
}

// latestChange returns when the service last changed anything in the space.
func (b *Outbox) latestChange() (time.Time, error) {
	page, err := b.o.Service.List(b.ctx, remote.ListOptions{SortField: "lastUpdated", Desc: true, PerPage: 1})
	if err != nil || len(page.Items) == 0 {
		return time.Unix(0, 0), err
	}
	return page.Items[0].Updated, nil
}

// quietSince reports whether nothing below a directory has been updated after a
// moment of the service's clock.
func (b *Outbox) quietSince(moment time.Time, dir string) (bool, error) {
	page, err := b.o.Service.List(b.ctx, remote.ListOptions{SortField: "lastUpdated", Desc: true})
	if err != nil {
		return false, err
	}
	for _, e := range page.Items {
		if !e.Updated.After(moment) {
			return true, nil
		}
		if strings.HasPrefix(e.Parent, dir) {
			return false, nil
		}
	}
	return len(page.Items) == page.TotalCount, nil
}

// mayDelete reports whether all that a directory holds was removed here. If not,
// the directory stays; what was removed in it goes one by one.
func (b *Outbox) mayDelete(dir *gone, base *Base, found contents) (bool, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if found.moving > 0 {
		return false, errWait
	}
	for place, d := range b.begun {
		if d.New && strings.HasPrefix(place, base.path()) {
			return false, errWait // it may still appear
		}
	}
	unknown := ""
	if found.unseen > 0 {
		unknown = "entries that cannot be shown"
	}
	for _, e := range found.entries {
		if b.othersUpload(&e, dir.tries) {
			return false, errUploading
		}
		switch g := b.gone[e.ID]; {
		case b.owner[e.ID] != nil:
			return false, errWait // it is about to leave
		case g == nil || !g.Base.holds(&e) && !b.begun[e.Parent+e.Name].isOurs(e.Dir, e.ETag):
			unknown = e.Parent + e.Name
		}
	}
	if unknown == "" {
		return true, nil
	}
	b.log.Warn("a folder that was removed here holds something new: it stays", "folder", base.path(), "new", unknown)
	b.dropGone(base.ID)
	return false, b.commit()
}

// forgetBelow drops what is kept of a directory that the service has no more, and
// of all that was in it.
func (b *Outbox) forgetBelow(dir *Base) {
	b.forget(dir)
	for _, g := range b.gone {
		if strings.HasPrefix(g.Base.Parent, dir.path()) {
			b.forget(g.Base)
		}
	}
}

// contents is everything below a directory of the service.
type contents struct {
	entries []remote.Entry
	unseen  int
	moving  int
}

func (b *Outbox) everythingBelow(dir string, since time.Time) (all contents, err error) {
	l, err := b.o.Known.Listing(b.ctx, dir, since)
	if err != nil {
		return all, err
	}
	all = contents{entries: append([]remote.Entry(nil), l.Entries...), unseen: l.Unseen, moving: l.Moving}
	for _, e := range l.Entries {
		if !e.Dir {
			continue
		}
		below, err := b.everythingBelow(dir+e.Name+"/", since)
		if err != nil && remote.KindOf(err) != remote.NotFound {
			return all, err
		}
		all.entries = append(all.entries, below.entries...)
		all.unseen += below.unseen
		all.moving += below.moving
	}
	return all, nil
}
