package cmd

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"time"

	"github.com/spf13/cobra"
)

func newUnmountCommand() *cobra.Command {
	var u unmounter
	c := &cobra.Command{
		Use:     "unmount MOUNTPOINT",
		Aliases: []string{"umount"},
		Short:   "Send what is owed, unmount a drive and wait until its process has ended",
		Long: `Send what is owed, unmount a drive and wait until its process has ended.

The drive is unmounted whether or not everything could be sent by then. What
stays owed is kept on this machine and sent on the next mount. Ctrl-C ends the
wait, and unmounts.

The exit code is 0 when everything was sent, and 3 when the drive is unmounted
and something stays owed, which is then shown. Of a drive whose process has ended
nothing is sent; the next mount does that.`,
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: mountpoints,
		RunE: func(c *cobra.Command, args []string) error {
			if u.timeout < 0 {
				return &usageError{c.CommandPath(), errors.New("--timeout must not be negative")}
			}
			u.bar = newProgress(c.ErrOrStderr())
			return u.unmount(c.Context(), args[0])
		},
	}
	c.Flags().DurationVar(&u.timeout, "timeout", time.Minute, "how long to wait for what is owed; 0s is not at all")
	return c
}

// unmounter takes mounts away.
type unmounter struct {
	timeout time.Duration // for what is owed
	bar     *progress
}

// unmountTime is how long everything but the sending may take.
const unmountTime = 30 * time.Second

// unmount takes the mount at path away through the process that serves it, or
// without one where that process is gone.
func (u *unmounter) unmount(ctx context.Context, path string) error {
	real, err := realPath(path)
	if err != nil {
		return err
	}
	folder, err := openSockets()
	if err != nil {
		return err
	}
	socket, err := folder.path(real)
	if err != nil {
		return err
	}
	p := newPeer(socket)
	still, err := u.drainAndUnmount(ctx, p)
	if errors.Is(err, errNoPeer) {
		err = unmountLeftover(ctx, path, real)
		if owed := (*owedError)(nil); err == nil || errors.As(err, &owed) {
			folder.tidy(socket)
		}
		return err
	}
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), unmountTime)
	defer cancel()
	if err := p.waitGone(ctx); err != nil {
		return fmt.Errorf("%s is unmounted, but its process does not end", path)
	}
	return staysOwed(path, still.owedSum, still.Still)
}

// drainAndUnmount sends what is owed and unmounts. It returns what is owed then.
func (u *unmounter) drainAndUnmount(ctx context.Context, p *peer) (drainReport, error) {
	defer u.bar.end()
	deadline := time.Now().Add(u.timeout)
	if err := u.drain(ctx, p); err != nil {
		return drainReport{}, err
	}
	rest := max(0, time.Until(deadline))
	if ctx.Err() != nil {
		ctx, rest = context.WithoutCancel(ctx), 0
	}
	patient, cancel := context.WithTimeout(ctx, rest+unmountTime)
	defer cancel()
	unmounted := false
	last, err := p.follow(patient, routeUnmount, url.Values{"timeout": {rest.String()}}, func(now owedSum) {
		unmounted = true
		u.bar.show(now)
	})
	if unmounted && ctx.Err() != nil {
		return last, nil // the other side stops waiting too
	}
	return last, err
}

// drain sends what is owed while programs may still write. Whatever becomes of
// it, the drive is to be unmounted, unless nobody serves it.
func (u *unmounter) drain(ctx context.Context, p *peer) error {
	asking, cancel := context.WithTimeout(ctx, answerTime)
	defer cancel()
	var now statusAnswer
	if err := p.ask(asking, routeStatus, nil, &now); err != nil && ctx.Err() == nil {
		return err
	}
	if now.Status.Owed > 0 && u.timeout > 0 {
		_, _ = p.flush(ctx, "", u.timeout, u.bar.show)
	}
	return nil
}

// waitGone returns once the process has nothing to do with the mount any more.
func (p *peer) waitGone(ctx context.Context) error {
	for {
		err := p.ask(ctx, routeStatus, nil, &statusAnswer{})
		if errors.Is(err, errNoPeer) {
			return nil
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// unmountLeftover takes away what nobody serves.
func unmountLeftover(ctx context.Context, path, real string) error {
	state, m, err := inspect(real)
	if err != nil {
		return err
	}
	switch state {
	case deadDrive:
		if err := detachDead(real); err != nil {
			return fmt.Errorf("the mount that an ended losantfs left at %s cannot be taken away: %w", path, err)
		}
		if n := owedByEnded(); n > 0 {
			return &owedError{fmt.Sprintf("%s is unmounted, but %s; what is owed is kept on this machine and sent on the next mount", path, endedText(n))}
		}
		return nil
	case liveDrive:
		return fmt.Errorf("the drive at %s %s, or umount %s", path, notServed(m), shellWord(path))
	case foreignMount:
		return fmt.Errorf("what is mounted at %s (%s) is not of losantfs: umount %s", path, m.FSType, shellWord(path))
	}
	if mount, _, err := findMount(ctx, real); err == nil {
		return fmt.Errorf("%s is a part of the drive at %s: losantfs unmount %s",
			path, mount.Status.Mountpoint, shellWord(mount.Status.Mountpoint))
	}
	return fmt.Errorf("nothing is mounted at %s", path)
}
