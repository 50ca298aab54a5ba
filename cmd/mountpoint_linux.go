package cmd

import (
	"fmt"
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// checkMountRights makes the checks of fusermount3, which says less when it
// refuses an ordinary user.
func checkMountRights(path string, info os.FileInfo) error {
	if os.Geteuid() == 0 {
		return nil
	}
	if st, ok := info.Sys().(*syscall.Stat_t); ok && info.Mode()&os.ModeSticky != 0 && int(st.Uid) != os.Geteuid() {
		return fmt.Errorf("the mount point %s belongs to another user: choose a folder of your own", path)
	}
	if unix.Access(path, unix.W_OK) != nil {
		return fmt.Errorf("you may not write to the mount point %s, so you may not mount there: choose a folder of your own", path)
	}
	return nil
}
