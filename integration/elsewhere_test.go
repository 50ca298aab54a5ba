package integration

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"losantfs/remote"
	"losantfs/remote/emulator"
)

// elsewhere is another client of the service.
func (d *drive) elsewhere() *remote.Files {
	d.t.Helper()
	c, err := remote.New(remote.Config{BaseURL: d.emu.URL(), Token: func() (string, error) { return d.emu.Token(), nil }})
	if err != nil {
		d.t.Fatal(err)
	}
	d.t.Cleanup(c.Close)
	return c.Files(d.app, remote.Public)
}

// move moves an entry elsewhere.
func (d *drive) moveElsewhere(path, parent, name string) {
	d.t.Helper()
	item, ok := d.emu.Find(d.app, "public", path)
	if !ok {
		d.t.Fatalf("%s is not there", path)
	}
	if _, err := d.elsewhere().Move(d.t.Context(), item.ID, parent, name); err != nil {
		d.t.Fatal(err)
	}
}

// names returns what a directory of the mount shows, joined by spaces.
func (d *drive) names(dir string) string {
	entries, err := os.ReadDir(d.path(dir))
	if err != nil {
		return err.Error()
	}
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return strings.Join(names, " ")
}

func (d *drive) bytes(path string) string {
	data, err := os.ReadFile(d.path(path))
	if err != nil {
		return "error"
	}
	return string(data)
}

const poll = 2 * time.Second

// within checks that something comes true in time.
func (d *drive) within(until time.Time, what string, get func() string, want string) {
	d.t.Helper()
	for get() != want {
		if time.Now().After(until) {
			d.t.Errorf("%s: %q, want %q", what, get(), want)
			return
		}
		time.Sleep(20 * time.Millisecond)
	}
}

// TestElsewhereIsSeen changes everything that can be changed elsewhere, after the
// kernel has all of it in its caches, and looks for it one poll and a second later.
func TestElsewhereIsSeen(t *testing.T) {
	for name, switches := range map[string]map[string]string{
		"plain": nil,
		"slow":  {"completion-lag": "300ms", "move-delay": "200ms", "delete": "async", "delete-delay": "200ms"},
	} {
		t.Run(name, func(t *testing.T) {
			d := mounted(t, func(emu *emulator.Server) {
				for _, f := range []string{"changed", "deleted", "moved", "clash", "kept"} {
					emu.PutFile(emu.Application(), "public", "/a/"+f, []byte("old "+f))
				}
				for i := range 40 {
					emu.PutFile(emu.Application(), "public", fmt.Sprintf("/b/sub/f%d", i), []byte("x"))
				}
				emu.PutDir(emu.Application(), "public", "/c")
			}, "--space", "public", "--poll-interval", poll.String())
			for name, value := range switches {
				d.set(name, value)
			}
			d.sh("ls -lR > /dev/null; cat a/* b/sub/* > /dev/null; ! stat a/new 2> /dev/null; ! stat c/moved 2> /dev/null")
			open, err := os.Open(d.path("a/changed"))
			if err != nil {
				t.Fatal(err)
			}
			defer open.Close()

			app := d.app
			d.emu.PutFile(app, "public", "/a/changed", []byte("a new content"))
			d.emu.PutFile(app, "public", "/a/new", []byte("new"))
			d.emu.Remove(app, "public", "/a/deleted")
			d.moveElsewhere("/a/moved", "/c/", "moved")
			d.moveElsewhere("/b/", "/c/", "b")
			d.emu.PutDir(app, "public", "/made")
			d.emu.Remove(app, "public", "/a/clash")
			d.emu.PutFile(app, "public", "/a/clash/f", []byte("in a folder now"))

			until := time.Now().Add(poll + time.Second)
			if switches != nil { // the service itself takes its time
				until = until.Add(poll)
			}
			for path, want := range map[string]string{
				"a/changed": "a new content", "a/new": "new", "a/deleted": "error", "c/moved": "old moved", "a/moved": "error",
				"c/b/sub/f7": "x", "b/sub/f7": "error", "a/clash/f": "in a folder now", "a/kept": "old kept",
			} {
				d.within(until, path, func() string { return d.bytes(path) }, want)
			}
			d.within(until, "a", func() string { return d.names("a") }, "changed clash kept new")
			d.within(until, "c", func() string { return d.names("c") }, "b moved")
			d.within(until, "the root", func() string { return d.names("") }, "a c made")
			d.within(until, "the size", func() string {
				info, err := os.Stat(d.path("a/changed"))
				if err != nil {
					return err.Error()
				}
				return fmt.Sprint(info.Size())
			}, "13")

			// Who has reads the old version.
			buf := make([]byte, 100)
			if n, err := open.ReadAt(buf, 0); string(buf[:n]) != "old changed" {
				t.Errorf("the open file reads %q, %v", buf[:n], err)
			}
		})
	}
}

// TestPollsAreFew counts the calls of a mount that nobody changes anything in, and of
// one whose own changes come back.
func TestPollsAreFew(t *testing.T) {
	const interval = 500 * time.Millisecond
	d := mounted(t, func(emu *emulator.Server) { fillDirs(emu, 10, 300) },
		"--space", "public", "--poll-interval", interval.String(), "--settle", "100ms", "--log-level", "debug")
	d.sh("ls -lR > /dev/null; cat d00/f00* > /dev/null")
	began := time.Now()
	got := d.calls(func() {
		for time.Since(began) < 8*interval {
			d.sh("ls -lR > /dev/null; cat d00/f00* > /dev/null")
		}
	})
	if polls := int64(time.Since(began)/(interval*4/5)) + 1; got.Calls["list"] > polls || got.Total() != got.Calls["list"] {
		t.Errorf("nothing changed for %v: %v, want at most %d list", time.Since(began), got.Calls, polls)
	}

	// What is done here is no news.
	d.sh("echo changed > d00/f000; echo new > d00/new; mkdir d00/sub; echo in > d00/sub/f; mv d01/f001 d02/moved; rm d03/f003; rm -r d04; mv d05 d50")
	d.flush()
	time.Sleep(time.Second) // the folder that was moved may still be looked at
	began = time.Now()
	got = d.calls(func() {
		for time.Since(began) < 6*interval {
			d.sh("ls -lR > /dev/null; cat d00/f00* > /dev/null")
		}
	})
	if polls := int64(time.Since(began)/(interval*4/5)) + 1; got.Calls["list"] > polls {
		t.Errorf("own changes came back: %v, want at most %d list", got.Calls, polls)
	}
	for line := range strings.SplitSeq(d.stderr.String(), "\n") {
		if strings.Contains(line, "the kernel is told") {
			t.Errorf("of an own change: %s", line)
		}
	}
}

// TestWorkingDirectoryStays changes a file elsewhere beside a shell that works in the
// directory.
func TestWorkingDirectoryStays(t *testing.T) {
	d := mounted(t, func(emu *emulator.Server) {
		emu.PutFile(emu.Application(), "public", "/a/b/f", []byte("old"))
	}, "--space", "public", "--poll-interval", "300ms")
	time.AfterFunc(time.Second, func() { d.emu.PutFile(d.app, "public", "/a/b/f", []byte("new")) })
	out := d.sh("cd a/b && cat f && for i in $(seq 100); do grep -q new f && break; sleep 0.1; done; cat f; /bin/pwd")
	if want := "oldnew" + filepath.Join(d.mnt, "a/b") + "\n"; out != want {
		t.Errorf("%q, want %q", out, want)
	}
}

// TestFolderThatIsReadSlowly reads a folder while things in it are changed elsewhere:
// what the reader is told late is what is there then.
func TestFolderThatIsReadSlowly(t *testing.T) {
	d := mounted(t, func(emu *emulator.Server) { fillDirs(emu, 1, 300) }, "--space", "public", "--poll-interval", "300ms")
	f, err := os.Open(d.path("d00"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := f.Readdirnames(1); err != nil {
		t.Fatal(err)
	}
	d.emu.Remove(d.app, "public", "/d00/f290")
	d.emu.PutFile(d.app, "public", "/d00/f291", []byte("a much longer content than it had before"))
	time.Sleep(3 * time.Second) // the kernel is told, twice
	for {
		names, err := f.Readdirnames(10)
		for _, name := range names {
			_, _ = os.Lstat(d.path("d00/" + name))
		}
		if err != nil {
			break
		}
	}
	until := time.Now().Add(5 * time.Second)
	d.within(until, "what is gone", func() string { return fmt.Sprint(os.IsNotExist(stat(d.path("d00/f290")))) }, "true")
	d.within(until, "the size", func() string { return fmt.Sprint(d.size("d00/f291")) }, "40")
}

func stat(path string) error {
	_, err := os.Lstat(path)
	return err
}

// TestUploadElsewhereThatIsAnnounced has a service that tells the size of an upload
// before it has come: who has the file open reads on what there is.
func TestUploadElsewhereThatIsAnnounced(t *testing.T) {
	d := mounted(t, filled(map[string]string{"/f.txt": "the old one"}), "--space", "public", "--poll-interval", "300ms")
	d.set("patch-size", "applied")
	d.sh("cat f.txt")
	open, err := os.Open(d.path("f.txt"))
	if err != nil {
		t.Fatal(err)
	}
	defer open.Close()
	item, _ := d.emu.Find(d.app, "public", "/f.txt")
	if _, _, err := d.elsewhere().Patch(t.Context(), item.ID, 30, "text/plain", nil); err != nil {
		t.Fatal(err)
	}
	for range 8 {
		time.Sleep(200 * time.Millisecond)
		buf := make([]byte, 100)
		if n, _ := open.ReadAt(buf, 0); string(buf[:n]) != "the old one" || d.bytes("f.txt") != "the old one" {
			t.Fatalf("the open file reads %q, the path %q", buf[:n], d.bytes("f.txt"))
		}
	}
}
