package remote

import (
	"context"
	"errors"
	"io"
	"time"
)

var errStalled = errors.New("no data for too long")

// stallWatch cancels a transfer that stands still, or nearly so. A deadline on the
// whole transfer would also stop a large file on a slow line.
type stallWatch struct {
	timeout time.Duration
	timer   *time.Timer
	n       int64 // bytes since the last sign of life
}

// signOfLife is how many bytes a transfer must bring forward in its timeout. A byte now
// and then would keep who waits for a block waiting for days.
const signOfLife = 16 << 10

func newStallWatch(timeout time.Duration, cancel context.CancelCauseFunc) *stallWatch {
	return &stallWatch{timeout: timeout, timer: time.AfterFunc(timeout, func() { cancel(errStalled) })}
}

func (w *stallWatch) stop() { w.timer.Stop() }

// reader passes r on and takes what is read for a sign of life.
func (w *stallWatch) reader(r io.Reader) io.Reader { return &watchedReader{r, w} }

type watchedReader struct {
	r io.Reader
	w *stallWatch
}

func (r *watchedReader) Read(p []byte) (int, error) {
	n, err := r.r.Read(p)
	if r.w.n += int64(n); r.w.n >= signOfLife {
		r.w.n = 0
		r.w.timer.Reset(r.w.timeout)
	}
	return n, err
}

// stalled tells a transfer that was cancelled for standing still from one that
// was cancelled by its caller.
func stalled(ctx context.Context, err error) error {
	if errors.Is(context.Cause(ctx), errStalled) {
		return errStalled
	}
	return err
}
