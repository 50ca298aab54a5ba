package main

import (
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strings"

	"golang.org/x/sys/unix"
)

// machine says what the figures are from, in neutral words.
func machine(dir string) (string, error) {
	kind := "a machine"
	if info, err := os.ReadFile("/proc/cpuinfo"); err == nil && strings.Contains(string(info), " hypervisor") {
		kind = "a virtual machine"
	}
	var memory unix.Sysinfo_t
	if err := unix.Sysinfo(&memory); err != nil {
		return "", err
	}
	var name unix.Utsname
	if err := unix.Uname(&name); err != nil {
		return "", err
	}
	release := strings.SplitN(unix.ByteSliceToString(name.Release[:]), ".", 3)
	user := "root"
	if os.Geteuid() != 0 {
		user = "an ordinary user"
	}
	return fmt.Sprintf("%s with %d cores and %.0f GiB of memory, Linux %s, files on %s, as %s", kind, runtime.NumCPU(),
		float64(memory.Totalram)*float64(memory.Unit)/(1<<30), strings.Join(release[:min(2, len(release))], "."), fileSystem(dir), user), nil
}

// fileSystem names the kind of file system a folder is on.
func fileSystem(dir string) string {
	out, err := exec.Command("stat", "-f", "-c", "%T", dir).Output()
	if err != nil {
		return "a disk"
	}
	return strings.ReplaceAll(strings.TrimSpace(string(out)), "ext2/ext3", "ext4")
}
