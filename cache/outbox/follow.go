package outbox

import (
	"context"

	"losantfs/remote"
)

// trail is of an entry that is being moved from here: its content is found under
// another id afterwards, and perhaps nowhere meanwhile.
type trail struct {
	done chan struct{}
}

// depart notes that entries are about to be moved.
func (b *Outbox) depart(ids []string) {
	for _, id := range ids {
		if b.trails[id] == nil {
			b.trails[id] = &trail{done: make(chan struct{})}
		}
	}
}

// arrive notes where a moved entry is, or that it never left.
func (b *Outbox) arrive(id string, to *Base) {
	t := b.trails[id]
	if t == nil {
		return
	}
	delete(b.trails, id)
	if to != nil && to.ID != id {
		b.trailed.Add(id, to)
	}
	close(t.done)
}

// Follow returns what an entry became that was moved from here, waiting for a
// move under way. It reports false for one that was not.
func (b *Outbox) Follow(ctx context.Context, id string) (remote.Entry, bool) {
	for {
		b.mu.Lock()
		t := b.trails[id]
		now := b.whither(id)
		b.mu.Unlock()
		if t == nil {
			return now.Entry(), now.ID != id
		}
		select {
		case <-t.done:
		case <-ctx.Done():
			return remote.Entry{}, false
		case <-b.ctx.Done():
			return remote.Entry{}, false
		}
	}
}

// Whither returns the id by which the service knows now what it knew by id before
// it was moved from here.
func (b *Outbox) Whither(id string) string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.whither(id).ID
}

func (b *Outbox) whither(id string) *Base {
	now := &Base{ID: id}
	for {
		to, ok := b.trailed.Get(now.ID)
		if !ok {
			return now
		}
		now = to
	}
}
