package remote

import (
	"context"
	"errors"
	"time"

	"github.com/cenkalti/backoff/v5"
)

const (
	maxTries   = 5
	firstPause = 200 * time.Millisecond
	maxPause   = 5 * time.Second
)

func newBackOff() *backoff.ExponentialBackOff {
	b := backoff.NewExponentialBackOff()
	b.InitialInterval, b.MaxInterval, b.Multiplier = firstPause, maxPause, 2
	return b
}

// retry runs try until it succeeds, fails for good, or the tries or the client's
// timeout are used up; wait ends with the latter. A call that must not be carried out
// twice is repeated only when it certainly was not carried out: it was throttled or
// never sent. Where the service asks for patience, the pace makes the pauses, and such
// a try counts as none when it was asked for in so many words. A background call that
// has failed does not wait for the next probe: its caller can say that it has failed.
func (c *Client) retry(ctx context.Context, o op, repeat bool, try func(wait context.Context) error) error {
	wait, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	pauses := newBackOff()
	for tries := 0; ; {
		err := try(wait)
		var e *Error
		if !errors.As(err, &e) || e.unsent || e.Kind != Unreachable && e.Kind != Throttled || e.Ambiguous && !repeat {
			return err
		}
		if c.paceOf(o).holdsBack(ctx) {
			return err
		}
		var pause time.Duration
		if e.Kind != Throttled && e.RetryAfter == 0 {
			if tries++; tries == maxTries {
				return err
			}
			pause = pauses.NextBackOff()
		}
		// The last real failure says more than a pause that was cut short.
		if end, _ := wait.Deadline(); time.Until(end) <= pause || !sleep(wait, pause) {
			return err
		}
		c.log.Debug("repeating a call", "op", o.String(), "error", err, "after", pause.Round(time.Millisecond))
	}
}

// paceOf returns the pace of the host that an operation goes to.
func (c *Client) paceOf(o op) *pace {
	if o == opContent {
		return c.contentPace
	}
	return c.apiPace
}

// sleep returns false when ctx ends first.
func sleep(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-ctx.Done():
	}
	return ctx.Err() == nil
}
