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

// retry runs try until it succeeds, fails for good, or the tries or the time of
// ctx are used up. A call that must not be carried out twice is repeated only
// when it certainly was not carried out: it was throttled or never sent.
func (c *Client) retry(ctx context.Context, o op, repeat bool, try func() error) error {
	var last error
	_, err := backoff.Retry(ctx, func() (struct{}, error) {
		err := try()
		var e *Error
		if err == nil || !errors.As(err, &e) {
			if err != nil {
				err = backoff.Permanent(err)
			}
			last = err
			return struct{}{}, err
		}
		last = err
		if e.Kind != Unreachable && e.Kind != Throttled || e.Ambiguous && !repeat {
			return struct{}{}, backoff.Permanent(err)
		}
		if e.RetryAfter > 0 {
			if dl, ok := ctx.Deadline(); ok && time.Until(dl) < e.RetryAfter {
				return struct{}{}, backoff.Permanent(err)
			}
			err = &backoff.RetryAfterError{Duration: e.RetryAfter}
		}
		return struct{}{}, err
	}, backoff.WithBackOff(newBackOff()), backoff.WithMaxTries(maxTries), backoff.WithMaxElapsedTime(c.timeout),
		backoff.WithNotify(func(_ error, pause time.Duration) {
			c.log.Debug("repeating a call", "op", o.String(), "error", last, "in", pause.Round(time.Millisecond))
		}))
	if err == nil {
		return nil
	}
	// The last real failure says more than the pause that was cut short.
	var e *Error
	if errors.As(last, &e) {
		return e
	}
	return err
}
