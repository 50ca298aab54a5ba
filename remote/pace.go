package remote

import (
	"container/list"
	"context"
	"log/slog"
	"math"
	"math/rand/v2"
	"net/http"
	"sync"
	"time"
)

const (
	// firstHold and longestHold bound the pauses after answers that ask for
	// patience without saying for how long.
	firstHold   = 200 * time.Millisecond
	longestHold = 5 * time.Second
	// longestAsked is how much of a Retry-After is obeyed.
	longestAsked = time.Minute

	// mostThrottled is how many requests may be under way when the service has just
	// asked for patience, and mostRecovering when it has not for a while.
	mostThrottled  = 32
	mostRecovering = 64

	// unreachableAfter is how many failures in a row mean that the service cannot be
	// reached.
	unreachableAfter = 3
	firstProbe       = time.Second
	longestProbe     = 30 * time.Second

	// fairShare is of how many requests one is a background one when both kinds wait.
	fairShare = 10
)

// pace says when each request to the API host, or to the content and store hosts,
// may go. Without trouble that is at once. Otherwise
//
//   - nothing goes during a hold, which begins when the service asks for patience
//     (429, 503, Retry-After) and is longer each time, until requests succeed again;
//   - after a hold one request goes, and the others once one has succeeded;
//   - from the first hold on, the requests under way are bounded: the bound is halved by
//     each hold and grows by one each time as many have succeeded. What goes before a
//     hold began counts neither for the bound nor, whatever its answer, for the next hold;
//   - what waits goes in its order, interactive requests before background ones but for
//     one in ten;
//   - while the service cannot be reached, which is from the third failure in a row to
//     the next success, background requests go one at a time, as probes at growing
//     intervals. Interactive ones go as they come.
//
// A request waits no longer than its deadline, and not at all for a hold that ends
// later. It then fails as the last request did.
type pace struct {
	log *slog.Logger

	mu      sync.Mutex
	waiting [2]list.List // of *waiter, by priority
	passed  int          // interactive requests that went before a background one
	timer   *time.Timer  // lets go what waits for a time
	last    *Error       // the last failure

	epoch     int           // counts holds
	underWay  int           // of this epoch
	most      float64       // may be under way
	hold      time.Duration // how long the last one was, less with each success
	heldTo    time.Time     // nothing goes before
	tentative bool          // nothing has succeeded in this epoch

	failures int // in a row
	probing  bool
	probe    time.Duration // between the last two
	probeAt  time.Time     // no background request goes before
}

func newPace(log *slog.Logger) *pace { return &pace{log: log, most: math.Inf(1)} }

// waiter is a request that cannot go yet.
type waiter struct {
	deadline time.Time // zero for none
	ready    chan struct{}
	slot     *slot  // set before ready is closed, or
	failed   *Error // why it cannot go
}

// slot is the permission of one request to be under way.
type slot struct {
	p     *pace
	epoch int
	probe bool
	left  bool
}

// enter waits until a request may go.
func (p *pace) enter(ctx context.Context, o op) (*slot, error) {
	if err := ctx.Err(); err != nil {
		return nil, p.fail(o, err)
	}
	w := &waiter{ready: make(chan struct{})}
	w.deadline, _ = ctx.Deadline()
	urgency := priorityOf(ctx)
	var needed <-chan struct{}
	if urgency == background {
		needed = neededFor(ctx)
	}
	queue := &p.waiting[urgency]
	p.mu.Lock()
	at := queue.PushBack(w)
	p.dispatch()
	p.mu.Unlock()
	for {
		select {
		case <-w.ready:
			if w.failed != nil {
				return nil, p.fail(o, w.failed)
			}
			return w.slot, nil
		case <-needed:
			needed = nil
			p.mu.Lock()
			if w.slot == nil && w.failed == nil {
				queue.Remove(at)
				queue = &p.waiting[interactive]
				at = queue.PushBack(w)
				p.dispatch()
			}
			p.mu.Unlock()
		case <-ctx.Done():
			p.mu.Lock()
			if w.slot == nil && w.failed == nil {
				queue.Remove(at)
			}
			p.mu.Unlock()
			if w.slot != nil {
				w.slot.done(ctx, ctx.Err())
			}
			return nil, p.fail(o, ctx.Err())
		}
	}
}

// fail describes why a request was not sent: as the last one failed, where that is
// what it waited for.
func (p *pace) fail(o op, err error) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if err == context.Canceled {
		return err
	}
	e := Error{Kind: Unreachable, Message: "no turn in time"}
	if p.last != nil {
		e = *p.last
	}
	e.Op, e.Ambiguous, e.unsent = o.String(), false, true
	return &e
}

// dispatch lets go what may. p.mu is held.
func (p *pace) dispatch() {
	now := time.Now()
	if now.Before(p.heldTo) {
		p.failHopeless()
		p.wakeAt(now, p.heldTo)
		return
	}
	for p.underWay < p.bound() {
		queue := p.next(now)
		if queue == nil {
			return
		}
		w := queue.Remove(queue.Front()).(*waiter)
		w.slot = &slot{p: p, epoch: p.epoch, probe: queue == &p.waiting[background] && p.unreachable()}
		p.probing = p.probing || w.slot.probe
		p.underWay++
		close(w.ready)
	}
}

func (p *pace) bound() int {
	if p.tentative {
		return 1
	}
	return int(min(p.most, math.MaxInt32))
}

// next returns the queue whose first request goes next, nil when none may. p.mu is
// held.
func (p *pace) next(now time.Time) *list.List {
	first, second := &p.waiting[interactive], &p.waiting[background]
	mayGo := second.Len() > 0
	if mayGo && p.unreachable() {
		mayGo = !p.probing && !now.Before(p.probeAt)
		if !p.probing && !mayGo {
			p.wakeAt(now, p.probeAt)
		}
	}
	switch {
	case mayGo && (first.Len() == 0 || p.passed >= fairShare-1):
		p.passed = 0
		return second
	case first.Len() == 0:
		return nil
	case mayGo:
		p.passed++
	}
	return first
}

func (p *pace) unreachable() bool { return p.failures >= unreachableAfter }

// holdsBack reports whether what ctx is for has to wait for a probe.
func (p *pace) holdsBack(ctx context.Context) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return IsBackground(ctx) && p.unreachable()
}

// probeNow lets the next probe go at once.
func (p *pace) probeNow() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.probeAt = time.Time{}
	p.dispatch()
}

// failHopeless ends the waiting of those whose deadline is in the hold.
func (p *pace) failHopeless() {
	for i := range p.waiting {
		for at := p.waiting[i].Front(); at != nil; {
			w, here := at.Value.(*waiter), at
			at = at.Next()
			if !w.deadline.IsZero() && w.deadline.Before(p.heldTo) {
				p.waiting[i].Remove(here)
				w.failed = p.last
				close(w.ready)
			}
		}
	}
}

func (p *pace) wakeAt(now, t time.Time) {
	if p.timer != nil {
		p.timer.Stop()
	}
	p.timer = time.AfterFunc(t.Sub(now), func() {
		p.mu.Lock()
		defer p.mu.Unlock()
		p.dispatch()
	})
}

// stop ends the timer; nobody waits any more.
func (p *pace) stop() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.timer != nil {
		p.timer.Stop()
	}
}

// accepted is called when the host has accepted so much of a body that it can be
// reached, although the transfer goes on. A long probe keeps nothing waiting.
func (s *slot) accepted() {
	p := s.p
	p.mu.Lock()
	defer p.mu.Unlock()
	s.leaveLocked()
	if s.probe {
		s.probe, p.probing = false, false
		p.reached()
	}
	p.dispatch()
}

// leave is called when a request no longer burdens the host, although its transfer
// goes on.
func (s *slot) leave() {
	s.p.mu.Lock()
	defer s.p.mu.Unlock()
	s.leaveLocked()
	s.p.dispatch()
}

func (s *slot) leaveLocked() {
	if !s.left && s.epoch == s.p.epoch {
		s.p.underWay--
	}
	s.left = true
}

// done takes in how a request ended. One that its caller gave up, for which ctx has
// ended, tells nothing.
func (s *slot) done(ctx context.Context, err error) {
	p := s.p
	p.mu.Lock()
	defer p.mu.Unlock()
	s.leaveLocked()
	if s.probe {
		p.probing = false
	}
	e, failed := err.(*Error)
	switch {
	case failed && e.asksForPatience():
		if e.Kind == Throttled {
			p.reached()
		} else {
			p.failed(s)
		}
		p.last = e
		p.throttled(s, e)
	case failed && e.Kind == Unreachable:
		if ctx.Err() == nil {
			p.last = e
			p.failed(s)
		}
	case err == nil || failed:
		p.succeeded(s)
		p.reached()
	}
	p.dispatch()
}

// asksForPatience reports whether the service has said that it is asked too much.
func (e *Error) asksForPatience() bool {
	return e.Kind == Throttled || e.Status == http.StatusServiceUnavailable || e.Kind == Unreachable && e.RetryAfter > 0
}

func (p *pace) throttled(s *slot, e *Error) {
	now := time.Now()
	if s.epoch == p.epoch {
		if math.IsInf(p.most, 1) {
			p.most = float64(p.underWay + 1)
		}
		p.most = min(max(p.most/2, 1), mostThrottled)
		p.hold = min(max(2*p.hold, firstHold), longestHold)
		p.heldTo = later(p.heldTo, now.Add(p.hold/2+rand.N(p.hold/2)))
		p.epoch++
		p.underWay, p.tentative = 0, true
	}
	if asked := min(e.RetryAfter, longestAsked); asked > 0 {
		p.heldTo = later(p.heldTo, now.Add(asked+rand.N(asked/8+1)))
	}
	p.log.Debug("the service asks for patience", "error", e, "pause", p.heldTo.Sub(now).Round(time.Millisecond), "most", int(p.most))
}

func (p *pace) succeeded(s *slot) {
	if s.epoch != p.epoch {
		return
	}
	p.tentative = false
	p.hold /= 2
	p.most += 1 / p.most
	if p.most >= mostRecovering {
		p.most = mostRecovering
		if p.waiting[interactive].Len()+p.waiting[background].Len() == 0 {
			p.most = math.Inf(1)
		}
	}
}

// reached notes that the host can be reached. What it said before is of interest only
// to those who wait for a hold.
func (p *pace) reached() {
	p.failures = 0
	if !p.tentative && !time.Now().Before(p.heldTo) {
		p.last = nil
	}
}

func (p *pace) failed(s *slot) {
	p.failures++
	switch {
	case s.probe:
		p.probe = min(2*p.probe, longestProbe)
	case p.failures == unreachableAfter:
		p.probe = firstProbe
	default:
		return
	}
	p.probeAt = time.Now().Add(p.probe*3/4 + rand.N(p.probe/2))
	p.log.Debug("background work waits for the service", "failures", p.failures, "next try", time.Until(p.probeAt).Round(time.Millisecond))
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}
