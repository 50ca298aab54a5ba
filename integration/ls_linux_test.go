package integration

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"losantfs/remote/emulator"
)

// requests returns how many requests of the kernel the program got while f ran: each is
// one read(2) of /dev/fuse, beside very few of others.
func (d *drive) requests(f func()) int {
	d.t.Helper()
	reads := func() int {
		data, err := os.ReadFile(fmt.Sprintf("/proc/%d/io", d.cmd.Process.Pid))
		if err != nil {
			d.t.Fatal(err)
		}
		for line := range strings.Lines(string(data)) {
			if n, ok := strings.CutPrefix(line, "syscr: "); ok {
				n, _ := strconv.Atoi(strings.TrimSpace(n))
				return n
			}
		}
		d.t.Fatalf("%s", data)
		return 0
	}
	before := reads()
	f()
	return reads() - before
}

// What is known is asked for by directories, not by files: ls -l would ask for an access
// control list and a security label of each file, had it not learnt that the file system
// has none, and the kernel for the attributes of the roots on the way to each.
func TestRequestsOfListings(t *testing.T) {
	const dirs, files = 4, 500
	d := mounted(t, func(emu *emulator.Server) { fillDirs(emu, dirs, files) })
	b := make([]byte, 100)
	for _, name := range []string{"security.selinux", "security.capability", "system.posix_acl_access", "system.posix_acl_default", "trusted.mine"} {
		for _, path := range []string{"", "public", "public/d00", "public/d00/f000"} {
			if _, err := unix.Getxattr(d.path(path), name, b); err != unix.ENOTSUP {
				t.Errorf("%s of %q: %v, want ENOTSUP", name, path, err)
			}
		}
	}
	for _, script := range []string{"ls -lR", "ls -lR", "find " + d.mnt + " -newermt 2100-01-01", "ls -l " + d.mnt + "/public/*/*"} {
		n := d.requests(func() { d.sh(script + " > /dev/null") })
		t.Logf("%s: %d requests", script, n)
		if n > 100 { // a few for each directory
			t.Errorf("%s of %d files: %d requests", script, dirs*files, n)
		}
	}
}
