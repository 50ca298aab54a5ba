package cmd

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/moby/sys/mountinfo"
	"golang.org/x/sys/unix"
)

// mountState is what a folder has mounted on it.
type mountState int

const (
	notMounted   mountState = iota
	liveDrive               // of losantfs, served by a process
	deadDrive               // of losantfs, whose process is gone
	foreignMount            // not of losantfs
)

// inspect returns what is mounted at exactly this real path, the last one when
// there are several, with its record in the table of mounts.
func inspect(path string) (mountState, *mountinfo.Info, error) {
	found, err := mountinfo.GetMounts(func(m *mountinfo.Info) (skip, stop bool) { return m.Mountpoint != path, false })
	if err != nil {
		return 0, nil, fmt.Errorf("the list of mounts cannot be read: %w", err)
	}
	if len(found) == 0 {
		return notMounted, nil, nil
	}
	m := found[len(found)-1]
	return stateOf(m, tryStat(path)), m, nil
}

// innermost returns what is mounted where an absolute path is.
func innermost(path string) (mountState, *mountinfo.Info, error) {
	path = resolved(path)
	found, err := mountinfo.GetMounts(func(m *mountinfo.Info) (skip, stop bool) {
		_, in := within(path, m.Mountpoint)
		return !in, false
	})
	if err != nil {
		return 0, nil, fmt.Errorf("the list of mounts cannot be read: %w", err)
	}
	m := deepest(found)
	if m == nil {
		return notMounted, nil, nil
	}
	if !isOurs(m) {
		return foreignMount, m, nil
	}
	return stateOf(m, tryStat(m.Mountpoint)), m, nil
}

// deepest returns the mount with the longest path, of several the last one.
func deepest(mounts []*mountinfo.Info) (found *mountinfo.Info) {
	for _, m := range mounts {
		if found == nil || len(m.Mountpoint) >= len(found.Mountpoint) {
			found = m
		}
	}
	return found
}

// resolved returns an absolute path without links, as far as it can be looked at:
// nobody else sees what is on a drive of another user.
func resolved(path string) string {
	if real, err := filepath.EvalSymlinks(path); err == nil || path == "/" {
		return cmp.Or(real, path)
	}
	return filepath.Join(resolved(filepath.Dir(path)), filepath.Base(path))
}

// notServed says of a mount that no process of this user serves why that is, and
// what to do.
func notServed(m *mountinfo.Info) string {
	switch id := ownerOf(m); id {
	case "":
		return "belongs to another user, or was mounted with another state folder (XDG_STATE_HOME)"
	case strconv.Itoa(os.Getuid()):
		return "was mounted with another state folder: set XDG_STATE_HOME as it was then"
	default:
		name := id
		if u, err := user.LookupId(id); err == nil {
			name = u.Username
		}
		return "belongs to another user (" + name + "): do this as that user"
	}
}

// ownerOf returns the id of the user who mounted m, "" where the table does not say.
func ownerOf(m *mountinfo.Info) string {
	for option := range strings.SplitSeq(m.VFSOptions, ",") {
		if id, ok := strings.CutPrefix(option, "user_id="); ok {
			return id
		}
	}
	return ""
}

// stateOf judges a mount by its record and by what stat says of it. Only what is
// a dead drive beyond doubt may be taken away.
func stateOf(m *mountinfo.Info, statErr error) mountState {
	switch {
	case !isOurs(m):
		return foreignMount
	case isDead(statErr):
		return deadDrive
	}
	return liveDrive
}

// tryStat returns what stat and statfs say of a path: the kernel may know the answer to
// the first by itself. One that is served by a process which does not answer is not
// waited for: that process lives.
func tryStat(path string) error {
	done := make(chan error, 1)
	go func() {
		_, err := os.Stat(path)
		if err == nil {
			err = unix.Statfs(path, new(unix.Statfs_t))
		}
		done <- err
	}()
	select {
	case err := <-done:
		return err
	case <-time.After(time.Second):
		return nil
	}
}

// isDead reports whether err means that the process behind a mount is gone.
func isDead(err error) bool {
	return errors.Is(err, syscall.ENOTCONN) || errors.Is(err, syscall.ENXIO)
}

// realPath returns the absolute path without links. What the path names itself
// may be missing or a dead mount.
func realPath(path string) (string, error) {
	path, err := filepath.Abs(path)
	if err != nil {
		return "", err
	}
	real, err := filepath.EvalSymlinks(path)
	if err == nil {
		return real, nil
	}
	dir, dirErr := filepath.EvalSymlinks(filepath.Dir(path))
	if dirErr != nil {
		return "", err
	}
	return filepath.Join(dir, filepath.Base(path)), nil
}

// within reports whether path is dir or below it, and returns what comes after
// dir.
func within(path, dir string) (rest string, ok bool) {
	if path == dir {
		return "", true
	}
	return strings.CutPrefix(path, strings.TrimSuffix(dir, "/")+"/")
}

// deadMount is a mount of losantfs whose process is gone.
type deadMount struct {
	mountpoint, application string
	owner                   string // id, "" when unknown
}

func leftovers() []deadMount {
	var dead []deadMount
	found, err := mountinfo.GetMounts(func(m *mountinfo.Info) (skip, stop bool) { return !isOurs(m), false })
	if err != nil {
		return nil
	}
	for _, m := range found {
		if stateOf(m, tryStat(m.Mountpoint)) == deadDrive {
			dead = append(dead, deadMount{m.Mountpoint, strings.TrimPrefix(m.Source, "losant:"), ownerOf(m)})
		}
	}
	return dead
}

// isEmptyFolder reports whether a folder holds nothing.
func isEmptyFolder(path string) (bool, error) {
	f, err := os.Open(path)
	if err != nil {
		return false, err
	}
	defer f.Close()
	if _, err = f.Readdirnames(1); err == io.EOF {
		return true, nil
	}
	return false, err
}
