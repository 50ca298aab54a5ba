package cmd

import (
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
)

// usersOf names the processes that have something on the mount at dir open or are
// in it, as far as this user may see that.
func usersOf(dir string) []string {
	// One line per field: p and the process id, then c and the command.
	out, _ := exec.Command("/usr/sbin/lsof", "-w", "-F", "pc", "--", dir).Output()
	var users []string
	var pid string
	for line := range strings.Lines(string(out)) {
		line = strings.TrimSpace(line)
		if id, ok := strings.CutPrefix(line, "p"); ok {
			pid = id
		} else if name, ok := strings.CutPrefix(line, "c"); ok && pid != strconv.Itoa(os.Getpid()) {
			users = append(users, fmt.Sprintf("%s (%s)", printable(name), pid))
		}
	}
	return users
}
