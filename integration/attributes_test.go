package integration

import (
	"os"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// TestWhatTheServiceHasNoPlaceFor gets a clean error and leaves nothing.
func TestWhatTheServiceHasNoPlaceFor(t *testing.T) {
	d := dancing(t, filled(map[string]string{"/f": "x"}))
	clean := func(what string, err error) {
		t.Helper()
		if err != unix.EPERM && err != unix.EOPNOTSUPP {
			t.Errorf("%s: %v, want EPERM or EOPNOTSUPP", what, err)
		}
	}
	got := d.calls(func() {
		clean("symlink", unix.Symlink("f", d.path("s")))
		clean("link", unix.Link(d.path("f"), d.path("l")))
		clean("mkfifo", unix.Mkfifo(d.path("p"), 0o644))
		clean("mknod of a device", unix.Mknod(d.path("n"), unix.S_IFCHR|0o644, 0x103))
		clean("mknod of a socket", unix.Mknod(d.path("u"), unix.S_IFSOCK|0o644, 0))
		clean("setxattr", unix.Setxattr(d.path("f"), "user.mine", []byte("1"), 0))
		for name, want := range map[string]error{"new\x01line": unix.EINVAL, strings.Repeat("n", 300): unix.ENAMETOOLONG} {
			if err := unix.Mkdir(d.path(name), 0o755); err != nil && err != want {
				t.Errorf("mkdir %q: %v", name, err)
			}
			_ = unix.Rmdir(d.path(name))
		}
		time.Sleep(1500 * time.Millisecond)
		d.settled(20 * time.Second)
	})
	wantWrites(t, got, nil)
	d.wantSame(map[string]string{"/f": "x"})
}

// TestAttributesSurvive keeps modes, owners and times here.
func TestAttributesSurvive(t *testing.T) {
	t.Parallel()
	d := dancing(t, filled(map[string]string{"/clean": "x", "/dir/below": "y", "/changed": "z", "/moved": "m"}))
	got := d.calls(func() {
		d.sh(`chmod 751 clean dir && touch -d '2020-01-02 03:04:05.123456789' clean && touch -d '2021-01-02 03:04:05' dir && chmod 600 dir/below && touch dir/below`)
		time.Sleep(1500 * time.Millisecond)
		d.settled(20 * time.Second)
	})
	wantWrites(t, got, nil)
	d.sh(`echo more >> changed; chmod 640 changed; touch -d '2022-01-02 03:04:05' changed
		echo new > new; chmod 711 new; touch -d '2023-01-02 03:04:05' new
		mkdir newdir; chmod 700 newdir; touch -d '2019-01-02 03:04:05' newdir
		chmod 444 moved; touch -d '2018-01-02 03:04:05' moved; mv moved dir/moved; touch -d '2021-01-02 03:04:05' dir`)
	if os.Geteuid() == 0 {
		d.sh("chown 12:34 new clean newdir")
	}
	const stat = "stat -c '%n %A %u %g %Y %y %s' * dir/*"
	first := d.sh(stat)
	for _, want := range []string{"clean -rwxr-x--x", "2020-01-02 03:04:05.123456789", "dir drwxr-x--x", "changed -rw-r-----", "new -rwx--x--x", "newdir drwx------", "dir/moved -r--r--r--", "dir/below -rw-------"} {
		if !strings.Contains(first, want) {
			t.Errorf("no %q in\n%s", want, first)
		}
	}
	same := func(when string) {
		t.Helper()
		if now := d.sh(stat); now != first {
			t.Errorf("%s, stat changed from\n%sto\n%s", when, first, now)
		}
	}
	d.remount()
	same("after a remount with things owed")
	d.settled(20 * time.Second)
	time.Sleep(1100 * time.Millisecond)
	same("settled")
	d.remount()
	same("after another remount")
	d.sh(`echo more >> clean`)
	if out := d.sh("stat -c %a clean"); out != "751\n" {
		t.Errorf("a write changes the mode to %s", out)
	}
	d.settled(20 * time.Second)
	if out := d.sh("stat -c %a clean"); out != "751\n" {
		t.Errorf("an upload changes the mode to %s", out)
	}
}
