package cmd

import (
	"errors"
	"os"
)

// checkFUSE says what is missing on this system for a mount.
func checkFUSE(bool) error {
	for _, path := range []string{"/Library/Filesystems/macfuse.fs", "/Library/Filesystems/osxfuse.fs"} {
		if _, err := os.Stat(path); err == nil {
			return nil
		}
	}
	return errors.New("macFUSE is missing: install it with brew install --cask macfuse, or from https://macfuse.github.io")
}
