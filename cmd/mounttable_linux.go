package cmd

import (
	"fmt"
	"os"
	"os/exec"
	"strings"

	"github.com/moby/sys/mountinfo"
	"golang.org/x/sys/unix"
)

// isOurs reports whether a mount was made by this program.
func isOurs(m *mountinfo.Info) bool { return m.FSType == "fuse.losantfs" }

// detachDead takes a mount away whose process is gone, also while programs have
// files of it open.
func detachDead(path string) error {
	if os.Geteuid() == 0 {
		return unix.Unmount(path, unix.MNT_DETACH)
	}
	out, err := exec.Command("fusermount3", "-u", "-z", "--", path).CombinedOutput()
	if err != nil {
		return fmt.Errorf("%s (%w)", strings.TrimSpace(string(out)), err)
	}
	return nil
}
