package cmd

import (
	"cmp"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"losantfs/cache"
	"losantfs/cache/outbox"
	"losantfs/remote"
)

// leftBehind are spaces that are not shown: they only send what other mounts of the
// application left that have ended.
type leftBehind struct {
	mu     sync.Mutex
	left   []*cache.Space
	ending chan struct{} // closed to end the watch; nil before it began
	watch  sync.WaitGroup
}

// lookForLeft is how often it is looked for what mounts left that have ended since
// this one began.
const lookForLeft = 30 * time.Second

// leftSpaces returns those that are known so far.
func (l *leftBehind) leftSpaces() []*cache.Space {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.left)
}

// watchLeft goes on looking for what other mounts leave until endLeft is called.
func (d *drive) watchLeft() {
	if d.o.readOnly {
		return
	}
	d.ending = make(chan struct{})
	d.watch.Go(func() {
		for {
			select {
			case <-d.ending:
				return
			case <-time.After(lookForLeft):
				d.openLeft()
			}
		}
	})
}

func (l *leftBehind) endLeft() {
	if l.ending != nil {
		close(l.ending)
		l.watch.Wait()
	}
}

// openLeft sends what mounts of the application left in other folders, also in the
// space that this one does not show. It returns how much that is.
func (d *drive) openLeft() (found owedSum) {
	for name, dirs := range d.owedFolders() {
		for _, dir := range dirs {
			space, err := d.openOwed(name, dir, 0)
			if err != nil { // most of all that it is in use
				d.log.Debug("what is owed is left alone", "folder", dir, "reason", err)
				continue
			}
			owed := space.Owed("")
			if len(owed) == 0 {
				space.Close()
				continue
			}
			d.leftBehind.mu.Lock()
			d.left = append(d.left, space)
			d.leftBehind.mu.Unlock()
			found.add(sumOf(d.changes(space, owed)))
		}
	}
	return found
}

// owedFolders returns all folders in which mounts of the application keep what they
// owe.
func (d *drive) owedFolders() map[remote.Space][]string {
	all := map[remote.Space][]string{}
	for _, name := range bothSpaces {
		for i := range maxMounts {
			dir, err := d.owedFolder(name, i)
			if err != nil {
				d.log.Warn("what earlier mounts left cannot be looked for", "error", err)
				return all
			}
			if _, err := os.Stat(dir); err == nil {
				all[name] = append(all[name], dir)
			}
		}
	}
	return all
}

// setAside returns what was damaged in any of these folders, whoever found it.
func (d *drive) setAside() []outbox.Aside {
	all := []outbox.Aside{}
	for _, dirs := range d.owedFolders() {
		for _, dir := range dirs {
			found, err := outbox.SetAside(dir)
			if err != nil {
				d.log.Warn("status", "error", err)
			}
			all = append(all, found...)
		}
	}
	slices.SortFunc(all, func(a, b outbox.Aside) int { return cmp.Or(a.Since.Compare(b.Since), strings.Compare(a.Path, b.Path)) })
	return all
}
