package cmd

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"
	"slices"
	"sync"
	"time"

	"github.com/spf13/cobra"
)

func newFlushCommand() *cobra.Command {
	var timeout time.Duration
	c := &cobra.Command{
		Use:   "flush [PATH]",
		Short: "Wait until the service has all changes",
		Long: `Send what is owed at and below PATH at once, without waiting for it to settle,
and wait until the service has it. What the service refused before is tried once
more. PATH is a mount point or anything on a drive; without it, all drives of this
user are meant. Programs may go on writing.

The exit code is 0 once nothing is owed there, and 3 when something stays owed:
what the service refuses, or what was not sent in time. It is listed on standard
error, one path a line with its state and the last error. Without PATH it is 3 also
when a drive is there whose process has ended, and changes were left: nobody sends
them before the next mount. Without --timeout it waits for as long as the service
cannot be reached.`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			if timeout < 0 {
				return &usageError{c.CommandPath(), errors.New("--timeout must not be negative")}
			}
			return flush(c.Context(), args, timeout, c.ErrOrStderr(), newProgress(c.ErrOrStderr()))
		},
	}
	c.Flags().DurationVar(&timeout, "timeout", 0, "how long to wait (default as long as it takes)")
	return c
}

// place is something on a drive.
type place struct {
	mount liveMount
	rel   string
}

// flush waits until nothing is owed at a path, or anywhere, and prints to out what
// stays owed.
func flush(ctx context.Context, args []string, timeout time.Duration, out io.Writer, bar *progress) error {
	places, err := placesOf(ctx, args)
	sums := make([]owedSum, len(places))
	still := make([][]owedChange, len(places))
	errs := make([]error, len(places))
	var mu sync.Mutex
	var flushes sync.WaitGroup
	for i, p := range places {
		flushes.Go(func() {
			still[i], errs[i] = p.mount.peer.flush(ctx, p.rel, timeout, func(now owedSum) {
				mu.Lock()
				defer mu.Unlock()
				sums[i] = now
				var all owedSum
				for _, s := range sums {
					all.add(s)
				}
				bar.show(all)
			})
		})
	}
	flushes.Wait()
	bar.end()
	if err := errors.Join(append(errs, err)...); err != nil {
		return err
	}
	owed := slices.Concat(still...)
	var ended error
	if len(args) == 0 {
		ended = owedByDead()
	}
	if len(owed) == 0 {
		return ended
	}
	if err := printOwed(out, owed); err != nil {
		return err
	}
	sum := sumOf(owed)
	return errors.Join(&owedError{fmt.Sprintf("%s %s owed", sum, verb(sum.Owed, "stays", "stay"))}, ended)
}

// placesOf returns what args name, or all mounts.
func placesOf(ctx context.Context, args []string) ([]place, error) {
	if len(args) == 1 {
		m, rel, err := findMount(ctx, args[0])
		if err != nil {
			return nil, err
		}
		return []place{{m, rel}}, nil
	}
	live, err := liveMounts(ctx)
	places := make([]place, len(live))
	for i, m := range live {
		places[i].mount = m
	}
	return places, err
}

// flush sends what is owed below a path relative to the mount, and returns what
// is owed still after the timeout; 0 is none.
func (p *peer) flush(ctx context.Context, rel string, timeout time.Duration, show func(owedSum)) ([]owedChange, error) {
	query := url.Values{"path": {rel}}
	if timeout > 0 {
		query.Set("timeout", timeout.String())
	}
	last, err := p.follow(ctx, routeFlush, query, show)
	return last.Still, err
}
