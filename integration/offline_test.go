package integration

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"losantfs/remote/emulator"
)

// state returns what status says of the mount.
func (d *drive) state() (s struct {
	Online       bool
	OfflineSince *time.Time `json:"offline_since"`
	Owed         int
	Requests     map[string]int64
}) {
	d.t.Helper()
	out, errs, err := d.run("status", d.mnt, "--json")
	if err != nil {
		d.t.Fatalf("status: %v\n%s", err, errs)
	}
	var all struct{ Mounts []json.RawMessage }
	if err := json.Unmarshal([]byte(out), &all); err != nil || len(all.Mounts) != 1 {
		d.t.Fatalf("status: %v\n%s", err, out)
	}
	if err := json.Unmarshal(all.Mounts[0], &s); err != nil {
		d.t.Fatal(err)
	}
	return s
}

// TestOutage goes through an outage: nothing that is known goes away, and what is
// done meanwhile arrives.
func TestOutage(t *testing.T) {
	t.Parallel()
	d := mounted(t, func(emu *emulator.Server) {
		emu.PutFile(emu.Application(), "public", "/a/read", []byte("read before"))
		emu.PutFile(emu.Application(), "public", "/a/unread", []byte("never read"))
		emu.PutFile(emu.Application(), "public", "/a/goes", []byte("x"))
	}, "--space", "public", "--poll-interval", "500ms", "--settle", "100ms", "--timeout", "3s")
	d.sh("ls -lR > /dev/null; cat a/read > /dev/null")
	began := time.Now()
	d.set("down", "true")
	d.emu.Remove(d.app, "public", "/a/goes")
	d.emu.PutFile(d.app, "public", "/a/came", []byte("came"))
	d.within(time.Now().Add(20*time.Second), "online", func() string {
		if d.state().Online {
			return "online"
		}
		return "offline"
	}, "offline")
	if since := d.state().OfflineSince; since == nil || since.Before(began.Add(-time.Second)) || since.After(time.Now()) {
		t.Errorf("offline since %v, want since %v", since, began)
	}
	slow := time.Now()
	if out := d.sh("cat a/read; ls a; stat a/unread > /dev/null; df . > /dev/null"); out != "read beforegoes\nread\nunread\n" {
		t.Errorf("what was known shows %q", out)
	}
	if took := time.Since(slow); took > time.Second {
		t.Errorf("what is known took %v to show", took)
	}
	if out, err := d.shell("cat a/unread"); err == nil || !strings.Contains(out, "Input/output error") {
		t.Errorf("a file that was never read: %v, %q", err, out)
	}
	d.sh("echo -n changed > a/read; echo -n new > a/new; mkdir b; mv a/unread b/moved")
	if s := d.state(); s.Owed == 0 {
		t.Error("nothing is owed")
	}
	d.set("down", "false")
	d.within(time.Now().Add(40*time.Second), "b", func() string { return d.names("b") + " " + d.bytes("b/moved") }, "moved never read")
	d.within(time.Now().Add(20*time.Second), "a", func() string { return d.names("a") }, "came new read")
	d.flush()
	for path, want := range map[string]string{"/a/read": "changed", "/a/new": "new", "/b/moved": "never read"} {
		if got, _ := d.emu.Content(d.app, "public", path); string(got) != want {
			t.Errorf("the service has %q at %s, want %q", got, path, want)
		}
	}
	if s := d.state(); !s.Online {
		t.Error("it is still offline")
	}
}

// TestOfflineMount mounts while the service cannot be reached.
func TestOfflineMount(t *testing.T) {
	t.Parallel()
	args := []string{"--space", "public", "--poll-interval", "500ms", "--settle", "100ms", "--timeout", "3s"}
	d := mounted(t, func(emu *emulator.Server) {
		emu.PutFile(emu.Application(), "public", "/a/read", []byte("read before"))
		emu.PutFile(emu.Application(), "public", "/a/other", []byte("other"))
	}, args...)
	d.sh("ls -lR > /dev/null; cat a/read > /dev/null")
	d.stop()
	d.set("down", "true")
	d.mount(args...)
	if out := d.sh("cat a/read; ls -R"); out != "read before.:\na\n\n./a:\nother\nread\n" {
		t.Errorf("%q is shown", out)
	}
	d.sh("echo -n new > a/new")
	d.emu.PutFile(d.app, "public", "/a/came", []byte("came"))
	d.set("down", "false")
	d.within(time.Now().Add(40*time.Second), "a", func() string { return d.names("a") }, "came new other read")
	d.flush()
	if got, _ := d.emu.Content(d.app, "public", "/a/new"); string(got) != "new" {
		t.Errorf("the service has %q", got)
	}
	d.stop()

	// By name, too, and not what was never known.
	d.app = d.emu.NewApplication("Garden lights")
	d.mount(args...)
	d.sh("ls > /dev/null")
	d.stop()
	d.set("down", "true")
	d.app = "Garden lights"
	d.mount(args...)
	d.stop()
	if _, errs, err := d.run(append([]string{"mount", "another", d.mnt}, args...)...); err == nil || !strings.Contains(errs, "does not answer") {
		t.Errorf("an application that was never mounted: %v, %s", err, errs)
	}
}

// TestKnownAfterRemount counts the calls of a mount that knows what an earlier one
// knew: one for the application, and one that tells what has changed since.
func TestKnownAfterRemount(t *testing.T) {
	args := []string{"--space", "public"}
	d := mounted(t, func(emu *emulator.Server) { fillDirs(emu, 10, 30) }, args...)
	d.sh("ls -lR > /dev/null")
	remount := func(change func()) {
		t.Helper()
		d.stop()
		change()
		d.wantCalls("the mount", map[string]int64{"application": 1, "list": 1}, func() { d.mount(args...) })
	}
	remount(func() {})
	d.wantCalls("ls -lR", nil, func() { d.sh("ls -lR > /dev/null") })
	// Changes by this mount and by others, while it is not mounted.
	d.sh("echo own > d00/own; rm d00/f000; mkdir d00/dir")
	d.flush()
	remount(func() {
		d.emu.PutFile(d.app, "public", "/d01/f001", []byte("changed"))
		d.emu.PutFile(d.app, "public", "/d01/new", []byte("new"))
	})
	d.wantCalls("ls -lR", nil, func() {
		if out := d.sh("ls -lR > /dev/null; ls d00 | grep -c .; stat -c %s d01/f001 d01/new"); out != "31\n7\n3\n" {
			t.Errorf("after changes: %q", out)
		}
	})
	// A deletion can be anywhere.
	d.stop()
	d.emu.Remove(d.app, "public", "/d02/f002")
	d.mount(args...)
	d.within(time.Now().Add(10*time.Second), "d02", func() string { return d.sh("ls d02 | grep -c .") }, "29\n")
}

// TestDamagedSnapshot mounts with what is known damaged on disk: the service is
// asked.
func TestDamagedSnapshot(t *testing.T) {
	for name, damage := range map[string]func([]byte) []byte{
		"empty":   func([]byte) []byte { return nil },
		"cut":     func(b []byte) []byte { return b[:len(b)/2] },
		"flipped": func(b []byte) []byte { b[len(b)/2] ^= 1; return b },
		"other":   func([]byte) []byte { return []byte(strings.Repeat("no snapshot ", 100)) },
	} {
		t.Run(name, func(t *testing.T) {
			d := mounted(t, func(emu *emulator.Server) { fillDirs(emu, 2, 3) }, "--space", "public")
			d.sh("ls -lR > /dev/null")
			d.stop()
			files, err := filepath.Glob(filepath.Join(d.home, ".cache/losantfs/tree/*/public"))
			if err != nil || len(files) != 1 {
				t.Fatal(files, err)
			}
			data, err := os.ReadFile(files[0])
			if err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(files[0], damage(data), 0o600); err != nil {
				t.Fatal(err)
			}
			d.mount("--space", "public")
			if out := d.sh("ls d00 d01 | grep -c f0"); out != "6\n" {
				t.Errorf("%q files", out)
			}
			if !strings.Contains(d.stderr.String(), "cannot be read; the service is asked") {
				t.Error("nothing was said")
			}
		})
	}
}

// TestSnapshotHoldsNoKeys looks for signed URLs in what is kept on disk.
func TestSnapshotHoldsNoKeys(t *testing.T) {
	d := mounted(t, func(emu *emulator.Server) {
		emu.PutFile(emu.Application(), "private", "/secret", []byte("secret"))
	}, "--space", "private")
	d.sh("ls -l; cat secret")
	d.stop()
	if out, err := d.shell("cd " + d.home + " && grep -rlai -e signature= -e " + d.emu.Token() + " .cache .local"); err == nil {
		t.Errorf("keys are in %s", out)
	}
}

// TestRemovedBeforeAKill removes files and has the program killed before it writes
// what it knows to disk: the next mount does not show them.
func TestRemovedBeforeAKill(t *testing.T) {
	args := []string{"--space", "public", "--settle", "50ms"}
	d := mounted(t, func(emu *emulator.Server) { fillDirs(emu, 3, 3) }, args...)
	d.sh("ls -lR > /dev/null")
	d.stop()
	d.mount(args...)
	d.sh("rm d00/f000; rm -r d01; mv d02/f000 d02/moved")
	d.flush()
	d.kill()
	d.unmountLeftover()
	d.set("latency", "200ms")
	d.mount(args...)
	if out := d.sh("ls . d00 d02"); out != ".:\nd00\nd02\n\nd00:\nf001\nf002\n\nd02:\nf001\nf002\nmoved\n" {
		t.Errorf("%q", out)
	}
}
