package outbox

import (
	"cmp"
	"context"
	"errors"
	"io/fs"
	"log/slog"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"

	"losantfs/remote"
)

// maxSettles is how many settle times a file that is saved again and again waits
// at most before it is sent all the same.
const maxSettles = 5

// work is something that is owed: exactly one of its first fields is set.
type work struct {
	node  *Node
	gone  *gone
	begun *begun
	move  *move

	sends bool // it sends content
}

func (w work) task() *task {
	switch {
	case w.node != nil:
		return &w.node.task
	case w.gone != nil:
		return &w.gone.task
	case w.begun != nil:
		return &w.begun.task
	}
	return &w.move.task
}

// run is the loop that finds what is due and sends it.
func (b *Outbox) run() {
	uploads := make(chan struct{}, b.o.Uploads)
	calls := make(chan struct{}, b.o.Uploads)
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-b.ctx.Done():
			return
		case <-b.wake:
		case <-timer.C:
		}
		began := time.Now()
		due, next := b.due(began)
		// Many changes in a row are looked at together, and looking takes a small
		// part of the time whatever there is to look at.
		pause := max(10*time.Since(began), min(b.o.Settle/20, 5*time.Millisecond))
		for _, w := range due {
			// What others may wait for never waits for a turn, and small calls not
			// for long uploads.
			slots := calls
			switch {
			case w.move != nil || w.begun != nil:
				slots = make(chan struct{}, 1)
			case w.sends:
				slots = uploads
			}
			select {
			case slots <- struct{}{}:
			default:
				continue // the end of a step wakes the loop
			}
			if !b.claim(w) {
				<-slots
				continue
			}
			release := sync.OnceFunc(func() { <-slots; b.poke() })
			b.work.Go(func() {
				err := b.step(w, release)
				if errors.Is(err, syscall.ENOSPC) {
					b.o.Known.MakeRoom()
				}
				release()
				b.done(w, err)
			})
		}
		if sleep(b.ctx, pause) != nil {
			return
		}
		timer.Reset(next)
	}
}

// due returns what can begin, directories before what they hold, and when to look
// again.
func (b *Outbox) due(now time.Time) (due []work, next time.Duration) {
	b.mu.Lock()
	defer b.mu.Unlock()
	next = time.Hour
	look := func(w work) {
		at := b.readyAt(w)
		switch wait := at.Sub(now); {
		case at.IsZero(): // something else has to happen first, and will wake the loop
		case wait > 0:
			next = min(next, wait)
		default:
			due = append(due, w)
		}
	}
	b.tidy()
	for _, n := range b.nodes {
		look(work{node: n, sends: n.differs()})
	}
	for _, g := range b.gone {
		look(work{gone: g})
	}
	for _, d := range b.begun {
		look(work{begun: d})
	}
	for _, m := range b.moves {
		look(work{move: m})
	}
	// The oldest first, so that nothing waits for ever.
	slices.SortFunc(due, func(x, y work) int {
		return cmp.Or(x.task().changed.Compare(y.task().changed), cmp.Compare(x.id(), y.id()))
	})
	return due, next
}

func (w work) id() uint64 {
	if w.node != nil {
		return w.node.id
	}
	return 0
}

// tidy drops nodes that stand for nothing.
func (b *Outbox) tidy() {
	for _, n := range b.nodes {
		switch {
		case n == b.root || n.busy || n.detached || n.Local || b.inDoubt(n):
		case n.writers == 0 && n.unrecorded(): // the disk was full
			_ = b.flushed(n)
		case n.draft == nil && !n.Draft && len(n.children) == 0 && !n.dirty():
			b.settled(n)
		}
	}
	if err := b.commit(); err != nil && !b.closed {
		b.log.Warn("recording what was sent", "error", err)
	}
}

// settled takes a node that owes nothing any more out of the tree.
func (b *Outbox) settled(n *Node) {
	up := n.parent
	b.remember(n)
	if !n.Dir {
		b.became.Add(n.ino, n.Entry)
		for _, id := range n.former {
			b.became.Add(id, n.Entry)
		}
	}
	b.detach(n)
	b.prune(up)
}

// readyAt returns when the next step of something may begin, the zero time when
// there is none or it waits for something else.
func (b *Outbox) readyAt(w work) time.Time {
	t := w.task()
	if t.busy || t.refused {
		return time.Time{}
	}
	var at time.Time
	switch {
	case w.node != nil:
		at = b.nodeReadyAt(w.node)
	case w.gone != nil:
		at = b.goneReadyAt(w.gone)
	case w.begun != nil:
		if n := w.begun.node; n != nil && !n.detached {
			if p, ok := n.place(); ok && p == w.begun.at && (n.dirty() || n.busy) {
				return time.Time{} // its own step sees to it
			}
		}
		at = w.begun.changed
	default:
		at = w.move.changed
	}
	if at.IsZero() {
		return at
	}
	if t.hurry {
		at = t.changed
	}
	if t.wait.After(at) {
		at = t.wait
	}
	return at
}

func (b *Outbox) nodeReadyAt(n *Node) time.Time {
	idle := n.idle()
	if n == b.root || !n.dirty() && !idle {
		return time.Time{}
	}
	if b.inDoubt(n) {
		return time.Time{}
	}
	for up := n.parent; up != b.root; up = up.parent {
		if up.busy || up.Entry == nil && !n.Local {
			return time.Time{}
		}
	}
	if n.unrecorded() {
		return time.Time{} // closing or syncing it wakes the loop
	}
	if idle {
		return n.changed
	}
	if n.Dir && n.Entry != nil { // it moves: first what is below it, but for what waits for it
		blocked := false
		n.walk(func(c *Node) {
			blocked = blocked || c != n && (c.busy || !c.refused && !c.Local && c.waits == 0 && c.tries == 0 && c.dirty())
		})
		if blocked {
			return time.Time{}
		}
	}
	at := n.changed.Add(b.o.Settle)
	if limit := n.Since.Add(maxSettles * b.o.Settle); !n.Dir && limit.Before(at) {
		at = limit
	}
	return at
}

func (b *Outbox) goneReadyAt(g *gone) time.Time {
	if b.moves[g.Base.ID] != nil || b.goneAbove(g.Base) {
		return time.Time{}
	}
	if g.Base.Dir && b.leaving(g.Base) != nil {
		return time.Time{}
	}
	if n := b.nodeFor(g.Base.place()); n != nil && n.Dir == g.Base.Dir && n.Entry == nil && !n.Local {
		return time.Time{} // which takes it over
	}
	// What shows its content is sent first.
	for u := range b.users[g.Base.ID] {
		if !u.detached && !u.refused && (u.draft == nil || !u.draft.IsComplete()) {
			return time.Time{}
		}
	}
	// What is removed together is removed by one call.
	at := g.changed.Add(b.o.Settle)
	if t := b.lastGone.Add(b.o.Settle); t.After(at) {
		at = t
	}
	if limit := g.changed.Add(maxSettles * b.o.Settle); limit.Before(at) {
		at = limit
	}
	return at
}

// goneAbove reports whether a directory above an entry is gone too, which takes
// the entry with it.
func (b *Outbox) goneAbove(e *Base) bool {
	dir := e.Parent
	for dir != "/" {
		dir = strings.TrimSuffix(dir, "/")
		if g := b.gonePlaces[dir]; g != nil && g.Base.Dir {
			return true
		}
		dir = dir[:strings.LastIndexByte(dir, '/')+1]
	}
	return false
}

// leaving returns a node whose entry is still below a directory that is gone.
func (b *Outbox) leaving(dir *Base) *Node {
	for _, n := range b.owner {
		if strings.HasPrefix(n.Entry.Parent, dir.path()) {
			return n
		}
	}
	return nil
}

// claim marks something busy, if it is still due and no other step works on a
// place it needs.
func (b *Outbox) claim(w work) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if !b.current(w) {
		return false
	}
	if at := b.readyAt(w); at.IsZero() || at.After(time.Now()) {
		return false
	}
	places := w.places()
	for _, p := range places {
		for c := range b.claimed {
			if below(p, c) || below(c, p) {
				return false
			}
		}
		for _, m := range b.moves {
			if m != w.move && (below(p, m.Of.place()) || below(m.Of.place(), p) || below(p, m.To) || below(m.To, p)) {
				return false
			}
		}
	}
	for _, p := range places {
		b.claimed[p] = true
	}
	t := w.task()
	t.busy, t.claims = true, places
	return true
}

// current reports whether something is still what it was when it was found due.
func (b *Outbox) current(w work) bool {
	switch {
	case w.node != nil:
		return !w.node.detached
	case w.gone != nil:
		return b.gone[w.gone.Base.ID] == w.gone
	case w.begun != nil:
		return b.begun[w.begun.at] == w.begun
	}
	return b.moves[w.move.Of.ID] == w.move
}

// places are those of the service that a step works on.
func (w work) places() (all []string) {
	switch {
	case w.node != nil:
		if p, ok := w.node.place(); ok {
			all = append(all, p)
		}
		if e := w.node.Entry; e != nil && (len(all) == 0 || all[0] != e.place()) {
			all = append(all, e.place())
		}
		return all
	case w.gone != nil:
		return []string{w.gone.Base.place()}
	case w.begun != nil:
		return []string{w.begun.at}
	}
	return []string{w.move.Of.place(), w.move.To}
}

// errWait says that something else has to go first.
var errWait = errors.New("waits for another change")

// done ends a step.
func (b *Outbox) done(w work, err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	t := w.task()
	t.busy = false
	for _, p := range t.claims {
		delete(b.claimed, p)
	}
	t.claims = nil
	defer b.notify()
	if n := w.node; n != nil {
		n.abort = nil
		n.sent.Store(0)
		if n.detached {
			if n.draft != nil && n.handles == 0 {
				b.discardDraft(n)
				_ = b.commit()
			}
			return
		}
	}
	pause := func(from time.Duration, n int) time.Time {
		d := min(time.Minute, from<<min(n, 10))
		return time.Now().Add(d/2 + rand.N(d/2+1))
	}
	switch {
	case err == nil:
		t.err, t.tries, t.waits, t.wait = nil, 0, 0, time.Time{}
	case b.ctx.Err() != nil:
	case errors.Is(err, errAborted):
		t.wait = time.Now().Add(min(b.o.Settle, 100*time.Millisecond))
	case errors.Is(err, errWait):
		t.waits++
		t.wait = pause(min(max(b.o.Settle/8, time.Millisecond), 25*time.Millisecond), min(t.waits, 6))
	default:
		if t.err == nil {
			level := slog.LevelWarn
			if remote.Temporary(err) || remote.KindOf(err) == remote.Denied { // as all others then, which is said once
				level = slog.LevelDebug
			}
			b.log.Log(b.ctx, level, "a change could not be sent", "path", b.pathOf(w), "error", err)
		}
		t.err, t.refused = err, permanent(err)
		t.tries++
		t.wait = pause(500*time.Millisecond, t.tries)
	}
}

// permanent reports whether a failure will not heal by itself.
func permanent(err error) bool {
	switch remote.KindOf(err) {
	case remote.Invalid, remote.TooLarge, remote.Unsupported:
		return true
	}
	return remote.KindOf(err) == 0 && errors.Is(err, fs.ErrInvalid)
}

func sleep(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
