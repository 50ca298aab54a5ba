package outbox

import (
	"sync"
	"time"

	"losantfs/remote"
)

const (
	firstLook = 20 * time.Millisecond // lets uploads that end together share a listing
	longLook  = 2 * time.Second
	// giveUp is how long the service may take to show what it was sent. It was
	// seen to take up to 4 s.
	giveUp = time.Minute
)

// awaiting is who waits for an entry to be completed. One listing of what was
// updated last serves all.
type awaiting struct {
	mu      sync.Mutex
	waiters map[string]*waiter // by id
	running bool
}

type waiter struct {
	ok    func(remote.Entry) bool
	since time.Time
	ready chan struct{}
	entry remote.Entry
	err   error
}

// completed waits until an entry is as ok wants it.
func (b *Outbox) completed(e remote.Entry, ok func(remote.Entry) bool) (remote.Entry, error) {
	if ok(e) {
		return e, nil
	}
	w := &waiter{ok: ok, since: time.Now(), ready: make(chan struct{})}
	a := &b.awaiting
	a.mu.Lock()
	if a.waiters == nil {
		a.waiters = map[string]*waiter{}
	}
	a.waiters[e.ID] = w
	if !a.running {
		a.running = true
		b.work.Go(b.watchCompletion)
	}
	a.mu.Unlock()
	select {
	case <-w.ready:
		return w.entry, w.err
	case <-b.ctx.Done():
		return e, b.ctx.Err()
	}
}

// watchCompletion looks at what was updated last until nobody waits.
func (b *Outbox) watchCompletion() {
	a := &b.awaiting
	for pause := firstLook; ; {
		if sleep(b.ctx, pause) != nil {
			return
		}
		a.mu.Lock()
		n := len(a.waiters)
		if n == 0 {
			a.running = false
			a.mu.Unlock()
			return
		}
		ids := make([]string, 0, n)
		for id := range a.waiters {
			ids = append(ids, id)
		}
		a.mu.Unlock()
		page, err := b.o.Service.List(b.ctx, remote.ListOptions{SortField: "lastUpdated", Desc: true, PerPage: min(1000, 2*n+20)})
		found := map[string]remote.Entry{}
		if err == nil {
			for _, e := range page.Items {
				found[e.ID] = e
			}
		}
		if b.tellWaiters(ids, found, err) {
			pause = firstLook
		} else {
			pause = min(max(2*pause, 200*time.Millisecond), longLook)
		}
	}
}

// tellWaiters hands out what was found, and reports whether anybody was served.
func (b *Outbox) tellWaiters(ids []string, found map[string]remote.Entry, err error) (served bool) {
	for _, id := range ids {
		e, ok := found[id]
		if !ok && err == nil {
			// So much has changed since that it is not on the first page.
			var getErr error
			if e, getErr = b.o.Service.Get(b.ctx, id); getErr == nil {
				ok = true
			} else if remote.KindOf(getErr) == remote.NotFound {
				b.tell(id, e, getErr)
				served = true
				continue
			}
		}
		a := &b.awaiting
		a.mu.Lock()
		w := a.waiters[id]
		a.mu.Unlock()
		switch {
		case w == nil:
		case ok && w.ok(e):
			b.tell(id, e, nil)
			served = true
		case time.Since(w.since) > giveUp:
			b.tell(id, e, &remote.Error{Kind: remote.Busy, Op: "upload", Message: "the service does not show what it was sent"})
		}
	}
	return served
}

func (b *Outbox) tell(id string, e remote.Entry, err error) {
	a := &b.awaiting
	a.mu.Lock()
	defer a.mu.Unlock()
	if w := a.waiters[id]; w != nil {
		w.entry, w.err = e, err
		delete(a.waiters, id)
		close(w.ready)
	}
}
