package cmd

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"syscall"
	"time"
)

// kernelMount is the mount as the kernel has it.
type kernelMount interface {
	Wait() // until it is gone
	Unmount() error
	Detach() error
}

// attach makes m the mount of the drive.
func (d *drive) attach(m kernelMount) {
	d.mounted, d.gone, d.ended = m, make(chan struct{}), make(chan struct{})
	go func() {
		defer close(d.gone)
		m.Wait()
	}()
}

// drainTime is how long what is owed holds up the end where nobody said so.
const drainTime = 10 * time.Second

// serve returns once the drive is unmounted, by whomever, and what is owed was
// sent, or the time for that is over. When ctx ends it unmounts, or takes the drive
// out of the tree where programs keep it busy.
func (d *drive) serve(ctx context.Context) (err error) {
	defer close(d.ended)
	var cancel context.CancelFunc
	select {
	case <-d.gone:
		d.sayUnmounted()
		ctx, cancel = d.restTime(ctx)
	case <-ctx.Done():
		again, stop := untilSignal()
		defer stop()
		ctx, cancel = context.WithTimeout(again, drainTime)
		d.drain(ctx)
		err = d.takeAway()
	}
	defer cancel()
	// Only now is nobody left to write.
	d.drain(ctx)
	d.still = d.owed(d.everything())
	d.logOwed()
	return err
}

// restTime returns how long what is owed may be sent after the mount is gone.
func (d *drive) restTime(ctx context.Context) (context.Context, context.CancelFunc) {
	d.unmounting.Lock()
	defer d.unmounting.Unlock()
	if d.rest == nil {
		return context.WithTimeout(ctx, drainTime)
	}
	rest, cancel := context.WithCancel(d.rest)
	context.AfterFunc(ctx, cancel)
	return rest, cancel
}

// logOwed says what stays owed.
func (d *drive) logOwed() {
	if len(d.still) == 0 {
		return
	}
	sum := sumOf(d.still)
	d.log.Warn("changes stay owed; they are kept on this machine and sent on the next mount", "changes", sum.Owed, "bytes", sum.Bytes)
	for _, c := range d.still[:min(len(d.still), shownOwed)] {
		d.log.Warn("owed", "path", c.Path, "state", c.State, "error", c.Error)
	}
}

// takeAway unmounts, or detaches what is in use.
func (d *drive) takeAway() error {
	err := d.unmount(context.Background())
	if err == nil {
		d.sayUnmounted()
		return nil
	}
	d.log.Warn("detached while in use: open files cannot be read any more", "mountpoint", d.o.mountpoint, "reason", err)
	return d.mounted.Detach()
}

func (d *drive) sayUnmounted() { d.log.Info("unmounted", "mountpoint", d.o.mountpoint) }

// leave unmounts, and returns once what was owed still is sent, or ctx ends. It
// reports how it goes on, and last what stays owed.
func (d *drive) leave(ctx context.Context, report func(drainReport)) error {
	if err := d.unmount(ctx); err != nil {
		return err
	}
	d.follow(d.everything(), nil, report)
	<-d.ended
	report(lastReport(d.still))
	return nil
}

// unmount takes the mount away; what is owed then may be sent until rest ends. It
// fails with EBUSY while programs use the mount.
func (d *drive) unmount(rest context.Context) error {
	d.unmounting.Lock()
	defer d.unmounting.Unlock()
	if d.isGone() {
		return nil
	}
	d.rest = rest
	err := d.mounted.Unmount()
	if err == nil {
		return nil
	}
	d.rest = nil
	if !isBusy(err) {
		return err
	}
	if users := usersOf(d.o.mountpoint); len(users) > 0 {
		return fmt.Errorf("%s is in use by %s: close what they have open there, or leave the folder (%w)",
			d.o.mountpoint, strings.Join(users, ", "), syscall.EBUSY)
	}
	return fmt.Errorf("%s is in use: close what is open there, or leave the folder (%w)", d.o.mountpoint, syscall.EBUSY)
}

// isGone reports whether the kernel has the mount no more.
func (d *drive) isGone() bool {
	select {
	case <-d.gone:
		return true
	default:
		return false
	}
}

// isBusy reports whether unmounting failed because something is in use. The
// helper of ordinary users says so only in words.
func isBusy(err error) bool {
	return errors.Is(err, syscall.EBUSY) || strings.Contains(err.Error(), "busy")
}
