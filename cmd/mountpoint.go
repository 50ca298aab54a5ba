package cmd

import (
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"

	"losantfs/remote"
)

// checkMountpoint returns the real path of a folder that can be mounted at, or
// says what is wrong with it. A mount that a killed process left there is taken
// away first.
func checkMountpoint(path string, log *slog.Logger) (string, error) {
	real, err := realPath(path)
	if errors.Is(err, fs.ErrNotExist) {
		return "", missing(path)
	}
	if err != nil {
		return "", fmt.Errorf("the mount point cannot be used: %w", err)
	}
	if err := removeLeftovers(real, log); err != nil {
		return "", err
	}
	info, err := os.Stat(real)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return "", missing(path)
	case err != nil:
		return "", fmt.Errorf("the mount point cannot be used: %w", err)
	case !info.IsDir():
		return "", fmt.Errorf("the mount point %s is not a folder", path)
	}
	switch empty, err := isEmptyFolder(real); {
	case err != nil:
		return "", fmt.Errorf("the mount point cannot be used: %w", err)
	case !empty:
		return "", fmt.Errorf("the mount point %s is not empty, and its files would be hidden: choose an empty folder", path)
	}
	return real, checkMountRights(real, info)
}

func missing(path string) error {
	if id := filepath.Base(path); remote.ValidID(id) {
		return fmt.Errorf("%s looks like the id of an application: the folder to mount at comes after it", id)
	}
	return fmt.Errorf("the mount point %s does not exist: mkdir -p %s", path, shellWord(path))
}

func alreadyMounted(path string) error {
	return fmt.Errorf("losantfs is already mounted at %s: losantfs unmount %s", path, shellWord(path))
}

// removeLeftovers takes dead mounts of this program away from a mount point, and
// fails when something else is mounted there.
func removeLeftovers(path string, log *slog.Logger) error {
	for {
		state, m, err := inspect(path)
		if err != nil {
			return err
		}
		switch state {
		case notMounted:
			return nil
		case liveDrive:
			return alreadyMounted(path)
		case deadDrive:
			if err := detachDead(path); err != nil {
				return fmt.Errorf("the mount that an ended losantfs left at %s cannot be taken away: %w", path, err)
			}
			log.Warn("a mount that an ended losantfs left was taken away", "mountpoint", path)
		default:
			return fmt.Errorf("something else (%s) is already mounted at %s: choose another folder", m.FSType, path)
		}
	}
}
