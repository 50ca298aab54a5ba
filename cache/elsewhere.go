package cache

import (
	"context"
	"sync"

	"losantfs/cache/outbox"
	"losantfs/cache/watch"
	"losantfs/remote"
)

// changes collects what has changed elsewhere until somebody takes it.
//
// Its lock is a leaf: it is taken below that of the tree.
type changes struct {
	mu    sync.Mutex
	names map[string]map[string]bool // by directory of the service
	ready chan struct{}
}

func newChanges() *changes {
	return &changes{names: map[string]map[string]bool{}, ready: make(chan struct{}, 1)}
}

func (c *changes) add(dir string, names []string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	in := c.names[dir]
	if in == nil {
		in = map[string]bool{}
		c.names[dir] = in
	}
	for _, name := range names {
		in[name] = true
	}
	select {
	case c.ready <- struct{}{}:
	default:
	}
}

func (c *changes) take() map[string]map[string]bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	names := c.names
	c.names = map[string]map[string]bool{}
	return names
}

// Elsewhere calls changed, until ctx ends, with names in a directory that may no
// longer be what was seen, for a reason other than a change through this space.
func (s *Space) Elsewhere(ctx context.Context, changed func(dir string, names map[string]bool)) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-s.changes.ready:
		}
		for dir, names := range s.changes.take() {
			if s.outbox != nil {
				dir = s.outbox.Shown(dir)
			}
			changed(dir, names)
		}
	}
}

// counted is the service for the outbox: what this machine makes and moves is no
// news to the watcher.
type counted struct {
	outbox.Service
	w *watch.Watcher
}

func (c counted) Create(ctx context.Context, n remote.NewEntry) (remote.Entry, remote.Ticket, error) {
	defer c.w.Begin()()
	e, ticket, err := c.Service.Create(ctx, n)
	if err == nil {
		c.w.Made(e.ID)
	}
	return e, ticket, err
}

func (c counted) Move(ctx context.Context, id, parent, name string) (remote.Entry, error) {
	defer c.w.Begin()()
	e, err := c.Service.Move(ctx, id, parent, name)
	if err == nil {
		c.w.Made(e.ID)
		c.w.Moves(id)
	}
	return e, err
}

func (c counted) Delete(ctx context.Context, id string) error {
	defer c.w.Begin()()
	err := c.Service.Delete(ctx, id)
	if err == nil {
		c.w.Moves(id)
	}
	return err
}
