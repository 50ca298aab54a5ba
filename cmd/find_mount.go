package cmd

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"sync"
	"time"
)

// answerTime is how long a process may take to answer from what it knows.
const answerTime = 5 * time.Second

// liveMount is a mount with the process that serves it.
type liveMount struct {
	statusAnswer
	peer *peer
}

// liveMounts returns the mounts of this user that a process serves. With an error
// they are those whose process answered. Sockets of processes that are gone are
// removed, unless their mount is still there: the socket shows that it is ours.
func liveMounts(ctx context.Context) ([]liveMount, error) {
	folder, err := openSockets()
	if err != nil {
		return nil, err
	}
	paths, err := folder.all()
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, answerTime)
	defer cancel()
	found := make([]liveMount, len(paths))
	errs := make([]error, len(paths))
	var asked sync.WaitGroup
	for i, path := range paths {
		found[i].peer = newPeer(path)
		asked.Go(func() { errs[i] = found[i].peer.ask(ctx, routeStatus, nil, &found[i].statusAnswer) })
	}
	asked.Wait()
	var live []liveMount
	for i := range found {
		switch {
		case errs[i] == nil:
			live = append(live, found[i])
		case errors.Is(errs[i], errNoPeer):
			if !folder.isOfDead(paths[i]) {
				folder.tidy(paths[i])
			}
		default:
			err = errors.Join(err, errs[i])
		}
	}
	return live, err
}

// findMount returns the mount that holds a path, and the path relative to it.
func findMount(ctx context.Context, path string) (liveMount, string, error) {
	live, liveErr := liveMounts(ctx)
	abs, err := filepath.Abs(path)
	if err != nil {
		return liveMount{}, "", err
	}
	// First as it is written, so that a mount whose service is away is not
	// asked for each part of the path.
	m, rel, ok := longestMount(live, abs)
	if !ok {
		if real, err := realPath(abs); err == nil {
			m, rel, ok = longestMount(live, real)
		}
	}
	switch {
	case !ok && liveErr != nil:
		return liveMount{}, "", liveErr
	case !ok:
		return liveMount{}, "", noMount(path, abs)
	}
	return m, rel, nil
}

// noMount says why no process answers for a path.
func noMount(path, abs string) error {
	state, m, err := innermost(abs)
	switch {
	case err != nil:
		return err
	case state == deadDrive:
		return fmt.Errorf("%s is on the drive at %s, whose process has ended: mount it again, or losantfs unmount %s",
			path, m.Mountpoint, shellWord(m.Mountpoint))
	case state == liveDrive:
		return fmt.Errorf("%s is on the drive at %s, which %s", path, m.Mountpoint, notServed(m))
	}
	return fmt.Errorf("%s is not on a drive of losantfs: see losantfs status", path)
}

// longestMount returns the innermost mount that holds an absolute path.
func longestMount(live []liveMount, path string) (found liveMount, rel string, ok bool) {
	for _, m := range live {
		rest, in := within(path, m.Status.Mountpoint)
		if in && (!ok || len(m.Status.Mountpoint) > len(found.Status.Mountpoint)) {
			found, rel, ok = m, rest, true
		}
	}
	return found, rel, ok
}
