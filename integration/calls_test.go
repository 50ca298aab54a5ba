package integration

import (
	"fmt"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"losantfs/remote/emulator"
)

// fillDirs puts files into directories, all at one level below the root.
func fillDirs(emu *emulator.Server, dirs, files int) {
	for i := range dirs {
		for j := range files {
			emu.PutFile(emu.Application(), "public", fmt.Sprintf("/d%02d/f%03d", i, j), []byte("content of "+fmt.Sprint(i, j)))
		}
	}
}

func TestCallsOfAMount(t *testing.T) {
	emu := newEmulator(t)
	d := newDrive(t, emu, os.Geteuid())
	d.wantCalls("mount", map[string]int64{"application": 1, "list": 2}, func() { d.mount() })
}

func TestCallsOfListings(t *testing.T) {
	const dirs, files = 12, 40
	d := mounted(t, func(emu *emulator.Server) { fillDirs(emu, dirs, files) }, "--space", "public")
	// A small space is listed as a whole when it is mounted.
	d.wantCalls("find", nil, func() {
		if n := d.sh("find . -type f -size +0 | wc -l"); strings.TrimSpace(n) != fmt.Sprint(dirs*files) {
			t.Errorf("find sees %s files", n)
		}
	})
	d.wantCalls("ls -lR, warm", nil, func() { d.sh("ls -lR") })
	d.wantCalls("stat of what is and what is not", nil, func() {
		d.sh("stat d00/f000 d11/f039 > /dev/null; ! stat d00/absent 2> /dev/null; ! stat absent 2> /dev/null")
	})
	d.wantCalls("du", nil, func() { d.sh("du -a > /dev/null") })
}

func TestCallsOfLargeDirectory(t *testing.T) {
	d := mounted(t, func(emu *emulator.Server) { fillDirs(emu, 1, 2500); fillDirs(emu, 40, 500) }, "--space", "public")
	d.wantCalls("ls of 2,500 files", map[string]int64{"list": 3}, func() {
		if n := d.sh("ls d00 | wc -l"); n != "2500\n" {
			t.Errorf("ls sees %s", n)
		}
	})
}

// A large space is listed by directories at first, and as a whole once so many were
// asked for that all of it costs not much more.
func TestCallsOfLargeSpace(t *testing.T) {
	const dirs, files = 60, 400 // 25 pages with the directories
	d := mounted(t, func(emu *emulator.Server) { fillDirs(emu, dirs, files) }, "--space", "public")
	d.wantCalls("ls of a directory", map[string]int64{"list": 1}, func() { d.sh("ls d07 > /dev/null") })
	// Three directories, with the root and the one before, are less than an eighth of it.
	d.wantCalls("find", map[string]int64{"list": 1 + 25}, func() {
		if n := d.sh("find . -type f | wc -l"); strings.TrimSpace(n) != fmt.Sprint(dirs*files) {
			t.Errorf("find sees %s files", n)
		}
	})
	d.wantCalls("ls -lR", nil, func() { d.sh("ls -lR > /dev/null") })
}

func TestCallsOfReads(t *testing.T) {
	d := mounted(t, func(emu *emulator.Server) {
		emu.PutFile(emu.Application(), "public", "/small", content("small", 100_000))
		emu.PutFile(emu.Application(), "public", "/big", content("big", 5<<20+123))
		emu.PutFile(emu.Application(), "public", "/empty", nil)
		fillDirs(emu, 1, 50)
	}, "--space", "public")
	twenty := func(path string) {
		var wg sync.WaitGroup
		for range 20 {
			wg.Go(func() {
				if out, err := d.shell("cat " + path + " | md5sum"); err != nil {
					t.Errorf("%v: %s", err, out)
				}
			})
		}
		wg.Wait()
	}
	got := d.wantCalls("20 processes read a small file", map[string]int64{"content": 1}, func() { twenty("small") })
	if got.ContentBytes != 100_000 {
		t.Errorf("%d bytes were fetched, want 100,000", got.ContentBytes)
	}
	got = d.calls(func() { twenty("big") })
	if got.ContentBytes != 5<<20+123 || got.Total() != 0 {
		t.Errorf("20 processes read a file of 5 MiB: %d bytes fetched in %v, want each byte once", got.ContentBytes, got.Calls)
	}
	d.wantCalls("an empty file", nil, func() { d.sh("cat empty") })
	d.wantCalls("grep -r over 50 files", map[string]int64{"content": 50}, func() { d.sh("grep -r content d00 > /dev/null") })
	d.wantCalls("all of it again", nil, func() { d.sh("cat small big d00/* > /dev/null") })

	// What is on disk is not fetched after a remount.
	d.stop()
	d.mount("--space", "public")
	d.wantCalls("all of it after a remount", nil, func() { d.sh("cat small big d00/* > /dev/null") })

	// The start of a large file costs little.
	d2 := mounted(t, func(emu *emulator.Server) {
		emu.PutFile(emu.Application(), "public", "/huge", make([]byte, 50<<20))
	}, "--space", "public")
	got = d2.calls(func() { d2.sh("head -c 100 huge > /dev/null") })
	if got.ContentBytes > 1<<20 {
		t.Errorf("the first 100 bytes of a large file fetched %d", got.ContentBytes)
	}
}

func TestPrivateReadsUseTheURLOfTheListing(t *testing.T) {
	for _, inListing := range []string{"true", "false"} {
		d := mounted(t, func(emu *emulator.Server) {
			_ = emu.Set("list-private-url", inListing)
			for i := range 5 {
				emu.PutFile(emu.Application(), "private", fmt.Sprintf("/f%d", i), content("p", 1000+i))
			}
		}, "--space", "private")
		want := map[string]int64{"content": 5}
		if inListing == "false" {
			want["get"] = 5 // there is no other way to a URL
		}
		d.wantCalls("reading 5 private files, URLs in the listing: "+inListing, want, func() { d.sh("cat f* > /dev/null") })
	}
}

// A mount of 10,000 files in 100 directories is one call for the application, and one for
// each page: what looks for changes is answered by the first.
func TestCallsOfFind(t *testing.T) {
	const dirs, files = 100, 100 // 11 pages with the directories
	emu := newEmulator(t)
	fillDirs(emu, dirs, files)
	time.Sleep(5 * time.Millisecond) // more than a look at what changed last holds came in one millisecond
	emu.PutFile(emu.Application(), "public", "/last", nil)
	d := newDrive(t, emu, os.Geteuid())
	find := func() {
		if n := d.sh("find . -type f | wc -l"); strings.TrimSpace(n) != fmt.Sprint(dirs*files+1) {
			t.Errorf("find sees %s files", n)
		}
	}
	d.wantCalls("mount and find", map[string]int64{"application": 1, "list": 11}, func() {
		d.mount("--space", "public")
		find()
	})
	d.wantCalls("find", nil, find)
	d.stop()
	d.wantCalls("mount and find again", map[string]int64{"application": 1, "list": 1}, func() {
		d.mount("--space", "public")
		find()
	})
}
