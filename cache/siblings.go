package cache

import (
	"slices"
	"sync"
	"time"

	"losantfs/cache/content"
)

const (
	// firstAhead and mostAhead bound how many files are fetched ahead at once, which
	// is also never more than twice as many as were opened one after another.
	firstAhead = 4
	mostAhead  = 32
	// mostRuns is how many programs may go through small files at the same time.
	mostRuns = 8
	// runEnds is for how long what was fetched ahead is waited for.
	runEnds = 10 * time.Second
	// scanAhead is how many names of a directory are looked at for a file to fetch.
	scanAhead = 1000
)

// siblings fetches ahead what a program that goes through the small files of a
// directory by their names opens next, so that it does not wait for each. It begins
// when two that were not present were opened one after the other, goes on as the
// program does, and not over what the program has left out: no more than [mostAhead]
// files (of up to [content.SmallFile]) are fetched and not opened. The fetches are in
// the background; who opens a file waits for the one that is under way.
//
// mu goes before the locks of the tree, the outbox and the store.
type siblings struct {
	s *Space

	mu     sync.Mutex
	closed bool
	runs   []*run // the one used last is the last
}

// run is one program going through a directory.
type run struct {
	dir    string
	opened int                        // files in order, of those that were not present
	next   string                     // name of the first file not fetched ahead, "" at the end
	ahead  map[string]*content.Reader // by name, fetched or on their way, kept open until they are opened
	idle   *time.Timer
}

// opened is told of each file that is opened to be read, before it is.
func (a *siblings) opened(dir, name string, m *movable) {
	r, e := m.current()
	if e.Size == 0 || e.Size > content.SmallFile {
		return
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	at := slices.IndexFunc(a.runs, func(r *run) bool { return r.dir == dir && (r.next == name || r.ahead[name] != nil) })
	if at < 0 && (a.closed || r.Whole()) {
		return // it costs nothing
	}
	now := &run{dir: dir, next: name, ahead: map[string]*content.Reader{}}
	if at >= 0 {
		now = a.runs[at]
		now.idle.Stop()
		a.runs = slices.Delete(a.runs, at, at+1)
	} else if len(a.runs) == mostRuns {
		a.endLocked(a.runs[0])
	}
	a.runs = append(a.runs, now)
	now.idle = time.AfterFunc(runEnds, func() {
		a.mu.Lock()
		defer a.mu.Unlock()
		a.endLocked(now)
	})
	now.opened++
	if fetched := now.ahead[name]; fetched != nil {
		fetched.Close()
		delete(now.ahead, name)
	} else {
		now.next = a.after(dir, name)
	}
	a.extendLocked(now)
}

// extendLocked fetches as much ahead as the run has earned.
func (a *siblings) extendLocked(r *run) {
	if r.opened < 2 {
		return
	}
	most := min(max(firstAhead, 2*r.opened), mostAhead)
	for len(r.ahead) < most && a.heldLocked() < mostAhead && r.next != "" {
		if i, ok := a.s.Known(r.dir, r.next); ok && a.wanted(&i) {
			r.ahead[r.next] = a.s.reader(i.content)
			r.ahead[r.next].Early()
		}
		r.next = a.after(r.dir, r.next)
	}
}

// heldLocked returns how many files were fetched ahead and not opened.
func (a *siblings) heldLocked() (n int) {
	for _, r := range a.runs {
		n += len(r.ahead)
	}
	return n
}

// after returns the name of the next file of a directory that is worth fetching, "" for
// none.
func (a *siblings) after(dir, name string) string {
	remoteDir, err := a.s.remoteDir(dir)
	l, ok := a.s.tree.Listed(remoteDir)
	if err != nil || !ok {
		return ""
	}
	left := scanAhead
	for e := range l.After(name) {
		if left--; left < 0 {
			break
		}
		if e.Dir || e.Size > content.SmallFile {
			continue
		}
		if i, ok := a.s.Known(dir, e.Name); ok && a.wanted(&i) {
			return e.Name
		}
	}
	return ""
}

// wanted reports whether a file is small, has content and is not present.
func (a *siblings) wanted(i *Info) bool {
	return i.lost == nil && i.content.ID != "" && i.content.HasContent() && i.content.Size <= content.SmallFile && !a.s.content.Holds(keyOf(&i.content))
}

func (a *siblings) endLocked(r *run) {
	r.idle.Stop()
	for _, f := range r.ahead {
		f.Close()
	}
	clear(r.ahead)
	a.runs = slices.DeleteFunc(a.runs, func(o *run) bool { return o == r })
}

func (a *siblings) close() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.closed = true
	for len(a.runs) > 0 {
		a.endLocked(a.runs[0])
	}
}
