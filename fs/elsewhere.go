package fs

import (
	"context"
	"strings"
	"sync"
	"time"

	"github.com/hanwen/go-fuse/v2/fs"
)

const (
	// secondThought is when the kernel is told again: a request that was answered
	// from before the change may have reached it after it was told.
	secondThought = time.Second
	// tellers bounds how many directories the kernel is told about at once: it
	// takes the lock of the directory, which a request may hold that waits.
	tellers = 16
)

// watchElsewhere tells the kernel what to forget when something is changed by
// others, until ctx ends.
func (v *volume) watchElsewhere(ctx context.Context) {
	var telling sync.WaitGroup
	defer telling.Wait()
	slots := make(chan struct{}, tellers)
	v.space.Elsewhere(ctx, func(dir string, names map[string]bool) {
		select {
		case slots <- struct{}{}:
		case <-ctx.Done():
			return
		}
		telling.Go(func() {
			v.tell(dir, names)
			<-slots
			select {
			case <-time.After(secondThought):
				v.tell(dir, names)
			case <-ctx.Done():
			}
		})
	})
}

// find returns the node of a directory, nil when the kernel does not know it.
func (v *volume) find(dir string) *fs.Inode {
	n := v.root
	for name := range strings.SplitSeq(strings.Trim(dir, "/"), "/") {
		if name == "" {
			continue
		}
		if n = n.GetChild(name); n == nil {
			return nil
		}
	}
	return n
}

// tell makes the kernel forget what is not as it was of some names in a directory.
// No lock is held: the kernel may wait for requests to be answered.
func (v *volume) tell(dir string, names map[string]bool) {
	parent := v.find(dir)
	if parent == nil {
		return // the kernel knows nothing of it
	}
	// What the kernel holds of the list of names: it keeps that where none of them is known.
	parent.NotifyContent(0, 0)
	for name := range names {
		now, known := v.space.Known(dir, name)
		child := parent.GetChild(name)
		what := "another"
		switch {
		case child == nil:
			if known {
				parent.NotifyEntry(name) // it may believe that there is none
			}
			continue
		case known && stable(now.ID, now.Dir) == child.StableAttr():
			n := nodeOf(child)
			if now.Same(n.attrs.Load()) {
				continue
			}
			n.see(&now.Attrs)
			child.NotifyContent(-1, 0)
			what = "attributes"
		case !known && v.space.Gone(dir, name):
			if parent.NotifyDelete(name, child) != 0 {
				parent.NotifyEntry(name)
			}
			what = "gone"
		default:
			parent.NotifyEntry(name)
		}
		v.log.Debug("the kernel is told of a change elsewhere", "space", string(v.space.Name()), "directory", dir, "name", name, "change", what)
	}
}

// nodeOf returns what files and directories have in common.
func nodeOf(i *fs.Inode) *node {
	if d, ok := i.Operations().(*dirNode); ok {
		return &d.node
	}
	return &i.Operations().(*fileNode).node
}
