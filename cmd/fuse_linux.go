package cmd

import (
	"bufio"
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"strings"
)

// fuseConf holds what ordinary users may do.
const fuseConf = "/etc/fuse.conf"

// checkFUSE says what is missing on this system for a mount.
func checkFUSE(allowOther bool) error {
	dev, err := os.OpenFile("/dev/fuse", os.O_RDWR, 0)
	switch {
	case errors.Is(err, fs.ErrPermission):
		return errors.New("/dev/fuse is closed to you: sudo chmod 666 /dev/fuse, which is its usual mode, or in a container start that with --device /dev/fuse --cap-add SYS_ADMIN")
	case err != nil:
		return errors.New("there is no usable /dev/fuse: sudo modprobe fuse, or in a container start that with --device /dev/fuse --cap-add SYS_ADMIN")
	}
	dev.Close()
	if os.Geteuid() == 0 {
		return nil
	}
	_, err3 := exec.LookPath("fusermount3")
	_, err2 := exec.LookPath("fusermount")
	if err3 != nil && err2 != nil {
		return errors.New("fusermount3 is missing, without which only root can mount: sudo apt install fuse3")
	}
	if allowOther && !othersAllowed(fuseConf) {
		return errors.New("--allow-other is for root, unless " + fuseConf + " has the line user_allow_other")
	}
	return nil
}

// othersAllowed reports whether the file has the line user_allow_other.
func othersAllowed(path string) bool {
	f, err := os.Open(path)
	if err != nil {
		return false
	}
	defer f.Close()
	lines := bufio.NewScanner(f)
	for lines.Scan() {
		if strings.TrimSpace(lines.Text()) == "user_allow_other" {
			return true
		}
	}
	return false
}
