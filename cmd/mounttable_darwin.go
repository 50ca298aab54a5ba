package cmd

import (
	"strings"

	"github.com/moby/sys/mountinfo"
	"golang.org/x/sys/unix"
)

// isOurs reports whether a mount was made by this program. macFUSE has one type
// for all file systems, so the source decides.
func isOurs(m *mountinfo.Info) bool {
	return strings.Contains(m.FSType, "fuse") && strings.HasPrefix(m.Source, "losant:")
}

// detachDead takes a mount away whose process is gone, also while programs have
// files of it open.
func detachDead(path string) error { return unix.Unmount(path, unix.MNT_FORCE) }
