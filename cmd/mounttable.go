package cmd

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/moby/sys/mountinfo"
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
	_, statErr := os.Stat(path)
	return stateOf(m, statErr), m, nil
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

// leftovers returns where mounts of losantfs are whose process is gone.
func leftovers() []string {
	var dead []string
	found, err := mountinfo.GetMounts(func(m *mountinfo.Info) (skip, stop bool) { return !isOurs(m), false })
	if err != nil {
		return nil
	}
	for _, m := range found {
		if _, err := os.Stat(m.Mountpoint); stateOf(m, err) == deadDrive {
			dead = append(dead, m.Mountpoint)
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
