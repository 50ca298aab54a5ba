package outbox

import (
	"context"
	"errors"
	"slices"
	"time"

	"losantfs/remote"
)

// Debt is one change the service does not have yet.
type Debt struct {
	Path  string
	State State
	Bytes int64 // of its content, 0 where only the name changes
	Sent  int64 // of these, by the upload under way
	Err   error // of the last try, or why it cannot be sent yet
	Since time.Time

	stuck bool // it, or what it waits for, was refused, or needs another right
}

// stuck reports whether nobody expects that it is sent soon.
func (t *task) stuck() bool { return t.refused || remote.KindOf(t.err) == remote.Denied }

var errStillOpen = errors.New("it is open and being written to")

// Owed returns all that is owed below a path, "" for everything.
func (b *Outbox) Owed(under string) (owed []Debt) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, n := range b.nodes {
		if b.inDoubt(n) {
			continue // said below
		}
		if n == b.root || !n.dirty() && (n.Local || !n.unrecorded() && !n.busy) {
			continue
		}
		p := n.path()
		if !below(p, under) {
			continue
		}
		d := Debt{Path: p, State: n.standing(), Err: n.err, Since: n.Since, Sent: n.sent.Load()}
		for up := n; up != nil; up = up.parent {
			d.stuck = d.stuck || up.stuck()
		}
		if n.differs() || n.unrecorded() {
			d.Bytes = b.view(n).Size
		}
		if n.unrecorded() && d.Err == nil {
			d.Err = errStillOpen
		}
		owed = append(owed, d)
	}
	for _, g := range b.gone {
		if below(g.Base.place(), under) && !b.goneAbove(g.Base) {
			d := debtOf(g.Base.place(), &g.task, g.Since)
			if n := b.leaving(g.Base); n != nil && g.Base.Dir {
				d.stuck = d.stuck || n.stuck()
			}
			for n := range b.users[g.Base.ID] {
				d.stuck = d.stuck || n.stuck()
			}
			if n := b.nodeFor(g.Base.place()); n != nil {
				d.stuck = d.stuck || n.stuck()
			}
			owed = append(owed, d)
		}
	}
	for at, d := range b.begun {
		if n := b.nodeFor(at); n != nil && n.dirty() {
			continue // said above
		}
		if d.New && below(at, under) {
			owed = append(owed, debtOf(at, &d.task, d.Since))
		}
	}
	for _, m := range b.moves {
		if below(m.To, under) || below(m.Of.place(), under) {
			owed = append(owed, debtOf(m.To, &m.task, m.changed))
		}
	}
	return owed
}

func debtOf(path string, t *task, since time.Time) Debt {
	d := Debt{Path: path, State: Owed, Err: t.err, Since: since, stuck: t.stuck()}
	switch {
	case t.refused:
		d.State = Failed
	case t.busy:
		d.State = Uploading
	}
	return d
}

// pathOf returns what people know a task by.
func (b *Outbox) pathOf(w work) string {
	switch {
	case w.node != nil:
		return w.node.path()
	case w.gone != nil:
		return w.gone.Base.place()
	case w.begun != nil:
		return w.begun.at
	}
	return w.move.To
}

// Flush returns when nothing is owed below a path, or with what is still owed when
// ctx ends or only what was refused, or waits for that, is left. Nothing waits
// for the settle or after a failure, and what was refused is tried again.
func (b *Outbox) Flush(ctx context.Context, under string) []Debt {
	for again := true; ; again = false {
		changed := b.hurry(under, again)
		began := time.Now()
		owed := b.Owed(under)
		stuck := !slices.ContainsFunc(owed, func(d Debt) bool { return !d.stuck })
		if stuck || ctx.Err() != nil {
			return owed
		}
		took := time.Since(began)
		select {
		case <-changed:
			_ = sleep(ctx, 10*took) // looking at all takes a small part of the time
		case <-ctx.Done():
		case <-b.ctx.Done():
			return owed
		}
	}
}

// hurry ends the settling of what is owed below a path, and with again the pauses
// after failures. What settles anew after that closes changed.
func (b *Outbox) hurry(under string, again bool) (changed <-chan struct{}) {
	b.mu.Lock()
	defer b.mu.Unlock()
	hurry := func(t *task) {
		t.hurry = true
		if again {
			t.wait, t.refused, t.err = time.Time{}, false, nil
		}
	}
	for _, n := range b.nodes {
		if n != b.root && (again || !n.hurry) && below(n.path(), under) {
			hurry(&n.task)
			if again && n.lost != nil {
				n.refused, n.err = true, n.lost
			}
		}
	}
	for _, g := range b.gone {
		if below(g.Base.place(), under) {
			hurry(&g.task)
		}
	}
	for at, d := range b.begun {
		if below(at, under) {
			hurry(&d.task)
		}
	}
	if again {
		for _, m := range b.moves {
			hurry(&m.task)
		}
	}
	b.poke()
	return b.changes
}

// Arrived waits until the service has what was recorded of a file, or returns why
// it has not.
func (b *Outbox) Arrived(ctx context.Context, n *Node) error {
	began := time.Now()
	for {
		b.mu.Lock()
		for up := n; up != nil; up = up.parent {
			up.hurry = true
		}
		changed := b.changes
		var err error
		arrived := n.detached || n.Local || !n.dirty()
		for up := n; up != nil && err == nil; up = up.parent {
			if up.err != nil && (up.refused || up.wait.After(began)) {
				err = up.err
			}
		}
		closed := b.closed
		b.poke()
		b.mu.Unlock()
		switch {
		case arrived:
			return nil
		case err != nil:
			return err
		case closed:
			return ErrClosed
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}
