package integration

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"losantfs/remote/emulator"
)

const passedSize = 1 << 20

// passing is a read-only mount by root with one file, and what it holds.
func passing(t *testing.T, args ...string) (*drive, []byte) {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("only root may let the kernel read files itself")
	}
	data := content("data", passedSize)
	d := mounted(t, func(emu *emulator.Server) { emu.PutFile(emu.Application(), "public", "/f", data) },
		append([]string{"--space", "public", "--read-only"}, args...)...)
	return d, data
}

// wantRead reads a file that is open from its start.
func (d *drive) wantRead(f *os.File, want []byte) {
	d.t.Helper()
	got := make([]byte, len(want))
	if _, err := f.ReadAt(got, 0); err != nil || !bytes.Equal(got, want) {
		d.t.Errorf("not what is in the file: %v", err)
	}
}

func (d *drive) opened(path string) *os.File {
	d.t.Helper()
	f, err := os.Open(d.path(path))
	if err != nil {
		d.t.Fatal(err)
	}
	return f
}

// passes reads a file and reports whether the kernel reads it itself: what is written
// into the cached file then shows at once. It puts back what it changes.
func (d *drive) passes(f *os.File) bool {
	d.t.Helper()
	cached, err := os.OpenFile(d.cachedFile(), os.O_RDWR, 0)
	if err != nil {
		d.t.Fatal(err)
	}
	defer cached.Close()
	const at = passedSize / 2
	was, now := make([]byte, 1), make([]byte, 1)
	if _, err := f.ReadAt(was, at); err != nil {
		d.t.Fatal(err)
	}
	if _, err := cached.WriteAt([]byte{was[0] ^ 1}, at); err != nil {
		d.t.Fatal(err)
	}
	if _, err := f.ReadAt(now, at); err != nil {
		d.t.Fatal(err)
	}
	if _, err := cached.WriteAt(was, at); err != nil {
		d.t.Fatal(err)
	}
	return now[0] != was[0]
}

func (d *drive) cachedFile() string {
	d.t.Helper()
	all, err := filepath.Glob(filepath.Join(d.home, ".cache", "*", "*", "*", "*.data"))
	for _, more := range []string{"*/*/*.data", "*/*/*/*/*.data", "*/*/*/*/*/*.data"} {
		if len(all) == 0 {
			all, err = filepath.Glob(filepath.Join(d.home, ".cache", more))
		}
	}
	if err != nil || len(all) != 1 {
		d.t.Fatalf("cached files: %v, %v", all, err)
	}
	return all[0]
}

// released waits until the program has a cached file open no more.
func (d *drive) released(path string) {
	d.t.Helper()
	for range 500 {
		open := false
		all, err := filepath.Glob(fmt.Sprintf("/proc/%d/fd/*", d.cmd.Process.Pid))
		if err != nil {
			d.t.Fatal(err)
		}
		for _, fd := range all {
			target, _ := os.Readlink(fd)
			open = open || target == path
		}
		if !open {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	d.t.Fatal("it is still open: ", path)
}

// eventually opens a file until it passes: a close comes to the file system later.
func (d *drive) eventually(path string, want []byte) *os.File {
	d.t.Helper()
	cached := d.cachedFile()
	for range 10 {
		// It is fetched or checked by the first who reads it, and by nobody else as long
		// as it is open.
		d.released(cached)
		d.sh("dd if=" + path + " iflag=nocache count=0 2> /dev/null; cat " + path + " > /dev/null") // not from the page cache
		d.released(cached)
		f := d.opened(path)
		d.wantRead(f, want)
		if d.passes(f) {
			return f
		}
		f.Close()
	}
	d.t.Fatal("the kernel never reads the file itself")
	return nil
}

// What was checked as a whole the kernel reads itself; who opened it before goes on as
// before, and all who open it meanwhile do so too.
func TestReadPassthrough(t *testing.T) {
	d, data := passing(t)
	first := d.opened("f") // nothing of it is here
	second := d.opened("f")
	d.wantRead(first, data)
	third := d.opened("f") // all of it is
	for _, f := range []*os.File{first, second, third} {
		d.wantRead(f, data)
		if d.passes(f) {
			t.Error("an inode that is open with cached pages is in passthrough")
		}
		f.Close()
	}
	d.sh("cat f > /dev/null")
	f := d.eventually("f", data)
	other := d.opened("f")
	if !d.passes(other) {
		t.Error("who opens what is in passthrough is not")
	}
	f.Close()
	d.wantRead(other, data)
	other.Close()
	if n := d.emu.Counts().ContentBytes; n != passedSize {
		t.Errorf("%d bytes were fetched", n)
	}
}

// A file in passthrough that is replaced elsewhere shows what was opened.
func TestReadPassthroughReplaced(t *testing.T) {
	d, data := passing(t, "--poll-interval", "300ms")
	d.sh("cat f > /dev/null")
	f := d.eventually("f", data)
	defer f.Close()
	now := content("other", passedSize)
	d.emu.PutFile(d.app, "public", "/f", now)
	d.within(time.Now().Add(20*time.Second), "what is opened now", func() string {
		got, err := os.ReadFile(d.path("f"))
		if err != nil || !bytes.Equal(got, now) {
			return "old"
		}
		return "new"
	}, "new")
	d.wantRead(f, data)
}

// Damage is found before the kernel reads a file itself.
func TestReadPassthroughOfDamage(t *testing.T) {
	d, data := passing(t)
	d.sh("cat f > /dev/null")
	d.eventually("f", data).Close()
	path := d.cachedFile()
	d.released(path)
	for _, remount := range []bool{false, true} {
		if remount {
			d.stop()
		}
		info, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		cached, err := os.OpenFile(path, os.O_RDWR, 0)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := cached.WriteAt([]byte(strings.Repeat("damage", 1000)), passedSize/3); err != nil {
			t.Fatal(err)
		}
		cached.Close()
		if err := os.Chtimes(path, info.ModTime(), info.ModTime()); err != nil {
			t.Fatal(err)
		}
		if remount {
			d.mount("--space", "public", "--read-only")
		}
		for range 3 {
			if got, err := os.ReadFile(d.path("f")); err != nil || !bytes.Equal(got, data) {
				t.Errorf("remounted %v: damage is read, or %v", remount, err)
			}
		}
	}
}

// Opened and closed by many at once, while passthrough begins and ends, each reads what
// is in the file.
func TestReadPassthroughByMany(t *testing.T) {
	d, data := passing(t)
	path, end := d.path("f"), time.Now().Add(2*time.Second)
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() {
			for time.Now().Before(end) {
				f, err := os.Open(path)
				if err != nil {
					t.Error(err)
					return
				}
				got := make([]byte, 1000)
				if _, err := f.ReadAt(got, passedSize/2); err != nil || !bytes.Equal(got, data[passedSize/2:][:1000]) {
					t.Error("not what is in the file:", err)
				}
				f.Close()
			}
		})
	}
	all.Go(func() { // what is changed outside goes through checks once more
		for time.Now().Before(end) {
			d.sh("cat f > /dev/null")
			_ = os.Chmod(d.cachedFile(), 0o600)
			time.Sleep(5 * time.Millisecond)
		}
	})
	all.Wait()
}
