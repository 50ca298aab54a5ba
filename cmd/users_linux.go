package cmd

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// usersOf names the processes that have something below dir open or are in it,
// as far as this user may see that.
func usersOf(dir string) []string {
	processes, _ := filepath.Glob("/proc/[0-9]*")
	var users []string
	for _, p := range processes {
		pid, err := strconv.Atoi(filepath.Base(p))
		if err != nil || pid == os.Getpid() || !uses(p, dir) {
			continue
		}
		name, _ := os.ReadFile(filepath.Join(p, "comm"))
		users = append(users, fmt.Sprintf("%s (%d)", printable(strings.TrimSpace(string(name))), pid))
	}
	return users
}

// uses reports whether a process, given as its folder in /proc, uses dir.
func uses(process, dir string) bool {
	links := []string{filepath.Join(process, "cwd"), filepath.Join(process, "root"), filepath.Join(process, "exe")}
	open, _ := filepath.Glob(filepath.Join(process, "fd", "*"))
	for _, link := range append(links, open...) {
		if target, err := os.Readlink(link); err == nil {
			if _, ok := within(target, dir); ok {
				return true
			}
		}
	}
	// What is mapped need not be open.
	maps, _ := os.ReadFile(filepath.Join(process, "maps"))
	for line := range strings.Lines(string(maps)) {
		if _, path, ok := strings.Cut(strings.TrimSpace(line), " /"); ok {
			if _, ok := within("/"+path, dir); ok {
				return true
			}
		}
	}
	return false
}
