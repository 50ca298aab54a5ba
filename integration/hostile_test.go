package integration

import (
	"bytes"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"losantfs/remote/emulator"
)

func TestHostileNames(t *testing.T) {
	evil := []string{"..", ".", "", "a/b", "../../escape", "/abs", "nul\x00byte", "line\nbreak", "\x1b[31mred", strings.Repeat("x", 1000)}
	d := mounted(t, func(emu *emulator.Server) {
		for i, name := range evil {
			emu.PutRaw(emu.Application(), "public", emulator.RawEntry{Name: name, Type: "file", ParentDirectory: "/", Content: []byte("evil")})
			emu.PutRaw(emu.Application(), "public", emulator.RawEntry{Name: fmt.Sprint("ok", i), Type: "file", ParentDirectory: "/../", Content: []byte("evil")})
		}
		emu.PutFile(emu.Application(), "public", "/good", []byte("good"))
	}, "--space", "public")
	if got := d.sh("ls -A; cat good"); got != "good\ngood" {
		t.Errorf("the mount shows %q", got)
	}
	if !strings.Contains(d.stderr.String(), "cannot be shown") {
		t.Errorf("hidden entries are not said:\n%s", d.stderr.String())
	}
	// Nothing was written outside the folders of the program.
	err := filepath.WalkDir(d.home, func(path string, e fs.DirEntry, err error) error {
		if path == d.mnt {
			return fs.SkipDir
		}
		if err == nil && strings.Contains(e.Name(), "escape") {
			t.Errorf("%s was written", path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestBrokenAnswers(t *testing.T) {
	t.Parallel()
	small, big := content("small", 50_000), content("big", 3<<20)
	for _, broken := range [][]string{
		{"error-ops", "list", "garbage-count", "2"},
		{"error-ops", "list", "garbage-count", "2", "garbage-status", "200"},
		{"error-ops", "list", "error-count", "2", "error-status", "500"},
		{"error-ops", "list", "error-count", "2", "error-status", "429"},
		{"error-ops", "list", "drop-count", "2"},
		{"truncate-count", "3"},
		{"corrupt-count", "1"},
		{"error-ops", "content", "drop-count", "2"},
		{"error-ops", "content", "error-count", "2", "error-status", "502"},
		{"error-ops", "content", "garbage-count", "2"},
		{"cdn-range", "ignore"}, {"cdn-etag", "none"}, {"cdn-etag", "weak"}, {"redirect-content", "true"},
		{"total-count", "wrong"}, {"list-depth", "recursive"}, {"per-page-max", "100"},
	} {
		d := mounted(t, func(emu *emulator.Server) {
			for i := range 150 {
				emu.PutFile(emu.Application(), "public", fmt.Sprintf("/dir/pad%03d", i), nil)
			}
			emu.PutFile(emu.Application(), "public", "/dir/small", small)
			emu.PutFile(emu.Application(), "public", "/dir/sub/big", big)
		}, "--space", "public")
		for i := 0; i < len(broken); i += 2 {
			d.set(broken[i], broken[i+1])
		}
		if n := d.sh("ls dir | wc -l"); n != "152\n" {
			t.Errorf("%v: ls sees %s entries", broken, n)
		}
		for path, want := range map[string][]byte{"dir/small": small, "dir/sub/big": big} {
			if got, err := os.ReadFile(d.path(path)); err != nil || !bytes.Equal(got, want) {
				// A flipped byte in a large file is found out at its end.
				if broken[0] == "corrupt-count" && err != nil {
					continue
				}
				t.Errorf("%v: %s: %d bytes, %v", broken, path, len(got), err)
			}
		}
		d.stop()
	}
}

func TestListingThatFailsHalfWay(t *testing.T) {
	t.Parallel()
	d := mounted(t, func(emu *emulator.Server) {
		for i := range 250 {
			emu.PutFile(emu.Application(), "public", fmt.Sprintf("/dir/f%03d", i), nil)
		}
		_ = emu.Set("per-page-max", "100")
	}, "--space", "public", "--timeout", "3s", "--poll-interval", "0") // without polls the space is not listed as a whole
	d.set("list-fail-page", "1")
	if _, err := os.ReadDir(d.path("dir")); !isErrno(err, syscall.EIO) {
		t.Errorf("a listing that failed half way: %v, want EIO", err)
	}
	if _, err := os.Stat(d.path("dir/f000")); !isErrno(err, syscall.EIO) {
		t.Errorf("a file in it: %v, want EIO and not an absence", err)
	}
	d.set("list-fail-page", "-1")
	if all, err := os.ReadDir(d.path("dir")); err != nil || len(all) != 250 {
		t.Errorf("afterwards: %d entries, %v", len(all), err)
	}
}

func isErrno(err error, want syscall.Errno) bool {
	for {
		switch e := err.(type) {
		case syscall.Errno:
			return e == want
		case interface{ Unwrap() error }:
			err = e.Unwrap()
		default:
			return false
		}
	}
}

func TestVersionThatChangesWhileItIsRead(t *testing.T) {
	const size = 8 << 20
	before, after := bytes.Repeat([]byte("A"), size), bytes.Repeat([]byte("B"), size)
	d := mounted(t, func(emu *emulator.Server) {
		emu.PutFile(emu.Application(), "public", "/f", before)
	}, "--space", "public", "--poll-interval", "200ms")
	old, err := os.Open(d.path("f"))
	if err != nil {
		t.Fatal(err)
	}
	defer old.Close()
	first := make([]byte, 4096)
	if _, err := old.ReadAt(first, 0); err != nil || first[0] != 'A' {
		t.Fatal(err)
	}
	d.emu.PutFile(d.app, "public", "/f", after)

	// The open file gives the old version or an error, never the new one.
	stale := 0
	for off := int64(0); off < size; off += 1 << 16 {
		buf := make([]byte, 1<<16)
		n, err := old.ReadAt(buf, off)
		switch {
		case isErrno(err, syscall.ESTALE):
			stale++
		case err != nil:
			t.Fatalf("read at %d: %v", off, err)
		case bytes.ContainsRune(buf[:n], 'B') || n != len(buf):
			t.Fatalf("the open file gives bytes of another version at %d", off)
		}
	}
	if stale == 0 {
		t.Error("the whole old version was read: it was cached before it changed, and this test shows nothing")
	}
	// Who opens it now gets the new version, also through the page cache.
	time.Sleep(300 * time.Millisecond)
	for range 2 {
		if got, err := os.ReadFile(d.path("f")); err != nil || !bytes.Equal(got, after) {
			t.Errorf("opened again: %d bytes, %v", len(got), err)
		}
	}
	if n, err := old.ReadAt(first, 0); err != nil || n != 4096 || first[0] != 'A' {
		t.Errorf("the open file after the new version was read: %d, %q, %v", n, first[:1], err)
	}
}

func TestSmallFileThatChangedSinceItWasListed(t *testing.T) {
	d := mounted(t, func(emu *emulator.Server) {
		emu.PutFile(emu.Application(), "public", "/f", []byte("before"))
	}, "--space", "public", "--poll-interval", "1h")
	d.sh("ls -l f")
	d.emu.PutFile(d.app, "public", "/f", []byte("after, and longer"))
	if got := d.sh("cat f"); got != "after, and longer" {
		t.Errorf("cat gives %q", got)
	}
}

func TestDeadAPI(t *testing.T) {
	t.Parallel()
	for _, how := range []string{"down", "hang-count"} {
		t.Run(how, func(t *testing.T) {
			t.Parallel()
			value := map[string]string{"down": "true", "hang-count": "1000000"}[how]
			d := mounted(t, func(emu *emulator.Server) {
				emu.PutFile(emu.Application(), "public", "/known/cached", []byte("cached"))
				emu.PutFile(emu.Application(), "public", "/known/cold", []byte("cold"))
				emu.PutFile(emu.Application(), "public", "/unknown/f", []byte("x"))
			}, "--space", "public", "--poll-interval", "0", "--timeout", "3s") // without polls the space is not listed as a whole
			d.sh("cat known/cached")
			d.set(how, value)
			time.Sleep(200 * time.Millisecond)
			quick := func(what string, limit time.Duration, f func() error) {
				t.Helper()
				began := time.Now()
				if err := f(); err != nil {
					t.Errorf("%s: %v", what, err)
				}
				if took := time.Since(began); took > limit {
					t.Errorf("%s took %v, want at most %v", what, took, limit)
				}
			}
			stat := func() error { _, err := os.Stat(d.path("known/cold")); return err }
			// The first access waits for the service for a moment.
			quick("stat of a known file", 6*time.Second, stat)
			quick("stat of a known file again", time.Second, stat)
			quick("a cached file", time.Second, func() error {
				got, err := os.ReadFile(d.path("known/cached"))
				if err == nil && string(got) != "cached" {
					return fmt.Errorf("reads %q", got)
				}
				return err
			})
			quick("ls of a known directory", time.Second, func() error { _, err := os.ReadDir(d.path("known")); return err })
			quick("df", time.Second, func() error { var s syscall.Statfs_t; return syscall.Statfs(d.mnt, &s) })
			wantEIO := func(f func() error) func() error {
				return func() error {
					if err := f(); !isErrno(err, syscall.EIO) {
						return fmt.Errorf("%v, want EIO", err)
					}
					return nil
				}
			}
			quick("an unknown directory", 5*time.Second, wantEIO(func() error { _, err := os.ReadDir(d.path("unknown")); return err }))
			quick("a cold file", 5*time.Second, wantEIO(func() error { _, err := os.ReadFile(d.path("known/cold")); return err }))
			if out, _, err := d.run("status", "--json"); err != nil || !strings.Contains(out, `"online": false`) && !strings.Contains(out, `"online":false`) {
				t.Errorf("status says %s, %v", out, err)
			}
			d.set(how, map[string]string{"down": "false", "hang-count": "0"}[how])
			deadline := time.Now().Add(15 * time.Second)
			for time.Now().Before(deadline) {
				if _, err := os.ReadFile(d.path("unknown/f")); err == nil {
					return
				}
				time.Sleep(100 * time.Millisecond)
			}
			t.Error("the mount does not come back with the service")
		})
	}
}

func TestRevokedToken(t *testing.T) {
	emu := newEmulator(t)
	emu.PutFile(emu.Application(), "public", "/dir/f", []byte("x"))
	d := newDrive(t, emu, os.Geteuid())
	file := filepath.Join(d.home, "token")
	write := func(token string) {
		t.Helper()
		if err := os.WriteFile(file, []byte(token+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write(emu.NewToken(2 * time.Second))
	d.mount("--space", "public", "--token-file", file, "--poll-interval", "0") // without polls the space is not listed as a whole
	time.Sleep(2100 * time.Millisecond)
	d.emu.ResetCounts()
	for range 20 {
		if _, err := os.ReadDir(d.path("dir")); !isErrno(err, syscall.EACCES) {
			t.Fatalf("with an expired token: %v, want EACCES", err)
		}
	}
	if n := d.emu.Counts().Calls["list"]; n != 1 {
		t.Errorf("%d calls with an expired token, want 1", n)
	}
	write(emu.Token())
	if got := d.sh("cat dir/f"); got != "x" {
		t.Errorf("with a new token: %q", got)
	}
}

func TestInterruptedReader(t *testing.T) {
	t.Parallel()
	d := mounted(t, func(emu *emulator.Server) {
		emu.PutFile(emu.Application(), "public", "/f", content("f", 1000))
		emu.PutDir(emu.Application(), "public", "/dir")
	}, "--space", "public")
	d.set("hang-count", "1000000")
	for _, script := range []string{"exec cat f", "exec ls dir"} {
		cmd := d.command("sh", "-c", "cd "+d.mnt+" && "+script)
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		time.Sleep(300 * time.Millisecond)
		_ = cmd.Process.Signal(syscall.SIGTERM) // a job in the background may ignore SIGINT
		began := time.Now()
		_ = cmd.Wait()
		if took := time.Since(began); took > 2*time.Second {
			t.Errorf("%s took %v to die", script, took)
		}
	}
	d.set("hang-count", "0")
}

func TestFileWithoutContent(t *testing.T) {
	d := mounted(t, func(emu *emulator.Server) {
		emu.PutRaw(emu.Application(), "public", emulator.RawEntry{Name: "pending", Type: "file", ParentDirectory: "/", Status: "pending"})
		emu.PutRaw(emu.Application(), "public", emulator.RawEntry{Name: "going", Type: "file", ParentDirectory: "/", Status: "deleting", Content: []byte("x")})
	}, "--space", "public")
	if got := d.sh("ls"); got != "pending\n" {
		t.Errorf("ls shows %q", got)
	}
	if _, err := os.ReadFile(d.path("pending")); !isErrno(err, syscall.EBUSY) {
		t.Errorf("reading it: %v, want EBUSY", err)
	}
}

// A program that handles a signal while it waits for the service gets its answer,
// and not EINTR, which hardly a program expects of a file.
func TestHandledSignalsDoNotInterrupt(t *testing.T) {
	t.Parallel()
	d := mounted(t, func(emu *emulator.Server) {
		emu.PutFile(emu.Application(), "public", "/dir/f", content("f", 1000))
		emu.PutFile(emu.Application(), "public", "/dir/cold", content("cold", 1000))
	}, "--space", "public", "--poll-interval", "0") // without polls the folder has to be asked for, too
	d.set("latency", "300ms")
	script := `perl -MTime::HiRes=ualarm -e '$SIG{ALRM} = sub { $n++ }; ualarm(20_000, 20_000);
		opendir D, "dir" or die "opendir: $!"; readdir D; open F, "<", "dir/f" or die "open: $!";
		defined sysread F, $b, 10 or die "read: $!"; $n > 1 or die "only $n signals"; print "ok"'`
	if out, err := d.shell(script); err != nil || out != "ok" {
		t.Errorf("%v, %s", err, out)
	}
	// Nor does one that is stopped and continued meanwhile.
	d.set("latency", "600ms")
	if out, err := d.shell("cat dir/cold > /dev/null & sleep .1; kill -STOP $!; sleep .1; kill -CONT $!; wait $!"); err != nil {
		t.Errorf("stopped and continued: %v, %s", err, out)
	}
}

// A large file that was replaced is read in its new version by whoever opens it
// after the replacement was noticed, however long names are believed.
func TestLargeFileThatChangedSinceItWasListed(t *testing.T) {
	before, after := bytes.Repeat([]byte("A"), 1<<20), bytes.Repeat([]byte("B"), 2<<20)
	d := mounted(t, func(emu *emulator.Server) {
		emu.PutFile(emu.Application(), "public", "/f", before)
	}, "--space", "public", "--poll-interval", "1h")
	d.sh("ls -l f")
	d.emu.PutFile(d.app, "public", "/f", after)
	if got, err := os.ReadFile(d.path("f")); err == nil && !bytes.Equal(got, after) || err != nil && !isErrno(err, syscall.ESTALE) {
		t.Errorf("at first: %d bytes, %v; want the new version or ESTALE", len(got), err)
	}
	if got, err := os.ReadFile(d.path("f")); err != nil || !bytes.Equal(got, after) {
		t.Errorf("then: %d bytes, %v; want the new version", len(got), err)
	}
}
