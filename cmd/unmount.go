package cmd

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"
)

func newUnmountCommand() *cobra.Command {
	var timeout time.Duration
	c := &cobra.Command{
		Use:     "unmount MOUNTPOINT",
		Aliases: []string{"umount"},
		Short:   "Unmount a drive and wait until its process has ended",
		Args:    cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			ctx, cancel := context.WithTimeout(c.Context(), timeout)
			defer cancel()
			err := unmount(ctx, args[0])
			if errors.Is(err, context.DeadlineExceeded) {
				return fmt.Errorf("%s is not unmounted after %s", args[0], timeout)
			}
			return err
		},
	}
	c.Flags().DurationVar(&timeout, "timeout", 30*time.Second, "how long to wait")
	return c
}

// unmount takes the mount at path away through the process that serves it, or
// without one where that process is gone.
func unmount(ctx context.Context, path string) error {
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
	err = p.ask(ctx, routeUnmount, nil, &struct{}{})
	if errors.Is(err, errNoPeer) {
		folder.tidy(socket)
		return unmountLeftover(ctx, path, real)
	}
	if err != nil {
		return err
	}
	return p.waitGone(ctx)
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
		return nil
	case liveDrive:
		return fmt.Errorf("the losantfs that serves %s belongs to another user or has another state folder (XDG_STATE_HOME): unmount it as that user, or with umount %s",
			path, shellWord(path))
	case foreignMount:
		return fmt.Errorf("what is mounted at %s (%s) is not of losantfs: umount %s", path, m.FSType, shellWord(path))
	}
	if mount, _, err := findMount(ctx, real); err == nil {
		return fmt.Errorf("%s is a part of the drive at %s: losantfs unmount %s",
			path, mount.Status.Mountpoint, shellWord(mount.Status.Mountpoint))
	}
	return fmt.Errorf("nothing is mounted at %s", path)
}
