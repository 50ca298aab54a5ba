package integration

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"slices"
	"sort"
	"strings"
	"testing"
	"time"

	"losantfs/remote/emulator"
)

// writable mounts an application to be written to.
func writable(t *testing.T, fill func(*emulator.Server), args ...string) *drive {
	t.Helper()
	return writableBy(t, os.Geteuid(), fill, args...)
}

// writableBy mounts an application to be written to by a user.
func writableBy(t *testing.T, uid int, fill func(*emulator.Server), args ...string) *drive {
	t.Helper()
	emu := newEmulator(t)
	if fill != nil {
		fill(emu)
	}
	d := newDrive(t, emu, uid)
	d.mount(append([]string{"--space", "public", "--write", "background"}, args...)...)
	return d
}

// flush waits until the service has everything.
func (d *drive) flush() {
	d.t.Helper()
	if out, errs, err := d.run("flush", d.mnt, "--timeout", "60s"); err != nil {
		d.t.Fatalf("flush: %v\n%s%s\nthe program logged:\n%s", err, out, errs, d.stderr.String())
	}
}

func sorted(set map[string]bool) []string { return slices.Sorted(maps.Keys(set)) }

// settled waits until nothing is owed and the service has what want says, by path;
// nil is a folder.
func (d *drive) settled(timeout time.Duration) {
	d.t.Helper()
	deadline := time.Now().Add(timeout)
	for {
		out, errs, err := d.run("status", d.mnt, "--json")
		if err != nil {
			d.t.Fatal(err, errs)
		}
		var s struct {
			Mounts []struct {
				Owed   int
				Failed []struct{ Path, Error string }
			}
		}
		if err := json.Unmarshal([]byte(out), &s); err != nil || len(s.Mounts) != 1 {
			d.t.Fatal(err, out)
		}
		if s.Mounts[0].Owed == 0 {
			return
		}
		if time.Now().After(deadline) {
			d.t.Fatalf("still owed: %s\n%s", out, d.stderr.String())
		}
		time.Sleep(50 * time.Millisecond)
	}
}

// service returns what the service has, by path.
func (d *drive) service() map[string]string {
	all := map[string]string{}
	for _, it := range d.emu.Items(d.app, "public") {
		if it.Type == "directory" {
			all[it.Path()] = "dir"
			continue
		}
		data, _ := d.emu.Content(d.app, "public", it.Path())
		all[it.Path()] = string(data)
		if it.Status != "completed" {
			all[it.Path()] += " (" + it.Status + ")"
		}
	}
	return all
}

func (d *drive) wantService(want map[string]string) {
	d.t.Helper()
	if got := d.service(); !maps.Equal(got, want) {
		d.t.Errorf("the service has\n%s\nwant\n%s", show(got), show(want))
	}
}

func show(m map[string]string) string {
	var lines []string
	for k, v := range m {
		if len(v) > 60 {
			v = fmt.Sprintf("%d bytes %x", len(v), v[:8])
		}
		lines = append(lines, fmt.Sprintf("  %s: %q", k, v))
	}
	sort.Strings(lines)
	return strings.Join(lines, "\n")
}

func (d *drive) id(path string) string {
	d.t.Helper()
	it, ok := d.emu.Find(d.app, "public", path)
	if !ok {
		d.t.Fatalf("the service has no %s:\n%s", path, show(d.service()))
	}
	return it.ID
}

func TestWriteBasics(t *testing.T) {
	d := writable(t, func(emu *emulator.Server) {
		emu.PutFile(emu.Application(), "public", "/f.txt", []byte("before"))
		emu.PutFile(emu.Application(), "public", "/dir/g", []byte("g"))
	})
	id := d.id("/f.txt")
	got := d.calls(func() {
		d.sh("echo -n after > f.txt && cat f.txt && mkdir new && echo hello > new/h && ls -lR && cat new/h")
		d.settled(10 * time.Second)
	})
	t.Log(got.Calls)
	d.wantService(map[string]string{"/f.txt": "after", "/dir": "dir", "/dir/g": "g", "/new": "dir", "/new/h": "hello\n"})
	if d.id("/f.txt") != id {
		t.Error("the id changed")
	}
	got = d.calls(func() {
		d.sh("mv new/h dir/h && rm dir/g && mv f.txt g.txt && ls -R")
		d.settled(10 * time.Second)
	})
	t.Log(got.Calls)
	d.wantService(map[string]string{"/g.txt": "after", "/dir": "dir", "/dir/h": "hello\n", "/new": "dir"})
	got = d.calls(func() {
		defer func() { t.Log(d.stderr.String()) }()
		d.sh("cp g.txt tmp && echo more >> tmp && mv tmp g.txt && cat g.txt && rmdir new && mv dir dir2 && ls -R && cat dir2/h")
		d.settled(10 * time.Second)
	})
	t.Log(got.Calls)
	t.Log(d.stderr.String())
	d.wantService(map[string]string{"/g.txt": "aftermore\n", "/dir2": "dir", "/dir2/h": "hello\n"})
	if out := d.sh("ls -R; cat g.txt dir2/h"); out != ".:\ndir2\ng.txt\n\n./dir2:\nh\naftermore\nhello\n" {
		t.Errorf("%q", out)
	}
	big := bytes.Repeat([]byte("0123456789"), 1<<20)
	if err := os.WriteFile(d.path("big"), big, 0o644); err != nil {
		t.Fatal(err)
	}
	d.settled(10 * time.Second)
	if data, _ := d.emu.Content(d.app, "public", "/big"); !bytes.Equal(data, big) {
		t.Errorf("%d bytes arrived", len(data))
	}
	got = d.calls(func() {
		d.sh("rm -rf big dir2 g.txt")
		d.settled(10 * time.Second)
	})
	t.Log(got.Calls)
	d.wantService(map[string]string{})
}
