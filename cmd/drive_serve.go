package cmd

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"syscall"
)

// serve returns once the drive is unmounted, by whomever. When ctx ends it
// unmounts, or takes the drive out of the tree where programs keep it busy.
func (d *drive) serve(ctx context.Context) error {
	gone := make(chan struct{})
	go func() {
		d.mounted.Wait()
		close(gone)
	}()
	select {
	case <-gone:
		d.log.Info("unmounted", "mountpoint", d.o.mountpoint)
		return nil
	case <-ctx.Done():
	}
	err := d.unmount()
	if err == nil {
		d.log.Info("unmounted", "mountpoint", d.o.mountpoint)
		return nil
	}
	d.log.Warn("detached while in use: open files cannot be read any more", "mountpoint", d.o.mountpoint, "reason", err)
	return d.mounted.Detach()
}

// unmount takes the mount away. It fails with EBUSY while programs use it.
func (d *drive) unmount() error {
	d.unmounting.Lock()
	defer d.unmounting.Unlock()
	err := d.mounted.Unmount()
	if err == nil || !isBusy(err) {
		return err
	}
	if users := usersOf(d.o.mountpoint); len(users) > 0 {
		return fmt.Errorf("%s is in use by %s: close what they have open there, or leave the folder (%w)",
			d.o.mountpoint, strings.Join(users, ", "), syscall.EBUSY)
	}
	return fmt.Errorf("%s is in use: close what is open there, or leave the folder (%w)", d.o.mountpoint, syscall.EBUSY)
}

// isBusy reports whether unmounting failed because something is in use. The
// helper of ordinary users says so only in words.
func isBusy(err error) bool {
	return errors.Is(err, syscall.EBUSY) || strings.Contains(err.Error(), "busy")
}
