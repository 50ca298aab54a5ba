package outbox

import (
	"cmp"
	"context"
	"errors"
	"io/fs"
	"log/slog"
	"math/rand/v2"
	"slices"
	"sync"
	"syscall"
	"time"

	"losantfs/remote"
)

// work is something that is owed: exactly one of its first fields is set.
type work struct {
	node  *Node
	gone  *gone
	begun *begun
	move  *move
}

// kind of work, by what bounds how many steps of it are under way at once.
type kind int

const (
	settles kind = iota // a note of what was begun: others may wait for it
	calls               // without content, so that none waits for long uploads
	uploads             // of up to largeFrom bytes, which the round trips bound
	large               // uploads that the line bounds
	kinds
)

const (
	// largeFrom is the size from which uploads side by side bring nothing but more to
	// be sent again when the line breaks, in bytes.
	largeFrom = 1 << 20
	// largeUploads is how many of these are enough for any line.
	largeUploads = 8
)

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

func (w work) id() uint64 {
	if w.node != nil {
		return w.node.id
	}
	return 0
}

func (w work) kind() kind {
	switch {
	case w.begun != nil, w.move != nil:
		return settles
	case w.node == nil || !w.node.differs():
		return calls
	case w.node.draft != nil:
		if size, _ := w.node.draft.Size(); size >= largeFrom {
			return large
		}
	case w.node.From != nil && w.node.From.Size >= largeFrom:
		return large
	}
	return uploads
}

// slots bound how many steps are under way at once; nil does not.
type slots chan struct{}

func (s slots) take() bool {
	if s == nil {
		return true
	}
	select {
	case s <- struct{}{}:
		return true
	default:
		return false
	}
}

func (s slots) give() {
	if s != nil {
		<-s
	}
}

// queues hold what was found due and has not begun, the oldest first, by kind.
type queues [kinds][]work

// run is the loop that finds what is due and begins it.
func (b *Outbox) run() {
	free := [kinds]slots{calls: make(slots, b.o.Uploads), uploads: make(slots, b.o.Uploads),
		large: make(slots, min(b.o.Uploads, largeUploads))}
	timer := time.NewTimer(0)
	defer timer.Stop()
	var due queues
	var rest time.Time
	next := time.Duration(0)
	for {
		select {
		case <-b.ctx.Done():
			return
		case <-b.wake:
		case <-timer.C:
		}
		if began := time.Now(); !began.Before(rest) {
			due, next = b.due(began)
			// Many changes in a row are looked at together, and looking takes a small
			// part of the time whatever there is to look at.
			rest = began.Add(max(10*time.Since(began), min(b.o.Settle/20, 5*time.Millisecond)))
			next = max(next, time.Until(rest))
		} else {
			next = time.Until(rest) // what woke the loop may have made something due
		}
		for k := range due {
			due[k] = b.start(due[k], free[k])
		}
		timer.Reset(next)
	}
}

// start begins steps as long as there are slots for them, and returns what is left.
// The end of a step wakes the loop.
func (b *Outbox) start(due []work, free slots) []work {
	for i, w := range due {
		if !free.take() {
			return due[i:]
		}
		if !b.claim(w) {
			free.give()
			continue
		}
		release := sync.OnceFunc(func() { free.give(); b.poke() })
		b.work.Go(func() {
			err := b.step(w, release)
			if errors.Is(err, syscall.ENOSPC) {
				b.o.Known.MakeRoom()
			}
			release()
			b.done(w, err)
		})
	}
	return nil
}

// due returns what can begin, directories before what they hold, and when to look
// again.
func (b *Outbox) due(now time.Time) (due queues, next time.Duration) {
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
			k := w.kind()
			due[k] = append(due[k], w)
		}
	}
	b.tidy()
	for _, n := range b.nodes {
		look(work{node: n})
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
	for _, queue := range due {
		slices.SortFunc(queue, func(x, y work) int {
			return cmp.Or(x.task().changed.Compare(y.task().changed), cmp.Compare(x.id(), y.id()))
		})
	}
	return due, next
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
