package outbox

import (
	"maps"
	"slices"
	"sync"
	"time"

	"losantfs/remote"
)

const (
	// firstLook and longestShare let uploads that end together share a listing: it waits
	// for those under way, but not for long ones.
	firstLook    = 20 * time.Millisecond
	longestShare = 250 * time.Millisecond
	longLook     = 2 * time.Second
	// giveUp is how long the service may take to show what it was sent. It was
	// seen to take up to 4 s.
	giveUp = time.Minute
)

// awaiting is who waits for an entry to be completed. One listing of what was
// updated last serves all.
type awaiting struct {
	mu      sync.Mutex
	waiters map[*waiter]bool
	running bool
	sending int // parcels that have not arrived
}

// send counts a parcel that is to arrive, until the function it returns is called.
func (a *awaiting) send() (arrived func()) {
	count := func(n int) {
		a.mu.Lock()
		defer a.mu.Unlock()
		a.sending += n
	}
	count(1)
	return func() { count(-1) }
}

type waiter struct {
	id    string
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
	w := &waiter{id: e.ID, ok: ok, since: time.Now(), ready: make(chan struct{})}
	a := &b.awaiting
	a.mu.Lock()
	if a.waiters == nil {
		a.waiters = map[*waiter]bool{}
	}
	a.waiters[w] = true
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
	for pause := firstLook; ; {
		if sleep(b.ctx, pause) != nil {
			return
		}
		waiting, newer, more := b.awaiting.due()
		if !more {
			return
		}
		if waiting == nil {
			continue
		}
		page, err := b.o.Service.List(b.ctx, remote.ListOptions{SortField: "lastUpdated", Desc: true, PerPage: min(remote.MaxPerPage, 2*len(waiting)+newer+20)})
		found := map[string]remote.Entry{}
		if err == nil {
			for _, e := range page.Items {
				found[e.ID] = e
			}
		}
		if b.tellWaiters(waiting, found, err) {
			pause = firstLook
		} else {
			pause = min(max(2*pause, 200*time.Millisecond), longLook)
		}
	}
}

// due returns who waits, when it is time to look; how many entries may have been updated
// since by those that are still being sent and those that follow them; and whether
// anybody waits.
func (a *awaiting) due() (waiting []*waiter, newer int, more bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	late := a.sending == 0
	for w := range a.waiters {
		late = late || time.Since(w.since) >= longestShare
	}
	a.running = len(a.waiters) > 0
	if late {
		waiting = slices.Collect(maps.Keys(a.waiters))
	}
	return waiting, 4 * a.sending, a.running
}

// tellWaiters hands out what was found, and reports whether anybody was served.
func (b *Outbox) tellWaiters(waiting []*waiter, found map[string]remote.Entry, err error) (served bool) {
	for _, w := range waiting {
		e, ok := found[w.id]
		if !ok && err == nil {
			// So much has changed since that it is not on the first page.
			var getErr error
			if e, getErr = b.o.Service.Get(b.ctx, w.id); getErr == nil {
				ok = true
				found[w.id] = e
			} else if remote.KindOf(getErr) == remote.NotFound {
				b.tell(w, e, getErr)
				served = true
				continue
			}
		}
		switch {
		case ok && w.ok(e):
			b.tell(w, e, nil)
			served = true
		case time.Since(w.since) > giveUp:
			b.tell(w, e, &remote.Error{Kind: remote.Busy, Op: "upload", Message: "the service does not show what it was sent"})
		}
	}
	return served
}

func (b *Outbox) tell(w *waiter, e remote.Entry, err error) {
	a := &b.awaiting
	a.mu.Lock()
	delete(a.waiters, w)
	a.mu.Unlock()
	w.entry, w.err = e, err
	close(w.ready)
}
