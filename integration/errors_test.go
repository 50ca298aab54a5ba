package integration

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"syscall"
	"testing"
	"time"

	"losantfs/remote/emulator"
)

// timeoutOfErrors is --timeout of the mounts of these tests, and inTime how long a call
// may take that needs one answer of the service.
const (
	timeoutOfErrors = 2 * time.Second
	inTime          = timeoutOfErrors + 1500*time.Millisecond
)

// trouble is a way in which the service does not do what it is asked, and what
// programs get from it, by the call that fails: those who read get it from the first
// three, and close with --write through from the others. docs/semantics.md has the
// same table.
type trouble struct {
	name                                     string
	switches                                 []string
	list, get, content, create, patch, store syscall.Errno
}

const ok = syscall.Errno(0)

var troubles = []trouble{
	all("no connection", syscall.EIO, "down", "true"),
	all("reset, or the answer lost", syscall.EIO, "drop-rate", "1"),
	all("no answer", syscall.EIO, "hang-count", "1000000"),
	page("200"),
	page("502"),
	answer(400, syscall.EINVAL),
	answer(401, syscall.EACCES),
	answer(403, syscall.EACCES).butStore(syscall.EIO), // an expired ticket
	answer(404, syscall.ESTALE).butList(syscall.ENOENT),
	answer(405, syscall.ENOTSUP),
	answer(409, syscall.EEXIST).butReads(syscall.EIO),
	answer(413, syscall.EFBIG).butReads(syscall.EIO),
	answer(423, syscall.EBUSY),
	answer(429, syscall.EIO),
	answer(500, syscall.EIO),
	answer(503, syscall.EIO),
}

func all(name string, e syscall.Errno, switches ...string) trouble {
	return trouble{name, switches, e, e, e, e, e, e}
}

func answer(status int, e syscall.Errno) trouble {
	return all(fmt.Sprint(status), e, "error-rate", "1", "error-status", fmt.Sprint(status))
}

// page is a gateway's, which stands before the API alone.
func page(status string) trouble {
	f := all("HTML with "+status, syscall.EIO, "garbage-count", "1000000", "garbage-status", status)
	f.content, f.store = ok, ok
	return f
}

func (f trouble) butStore(e syscall.Errno) trouble { f.store = e; return f }
func (f trouble) butList(e syscall.Errno) trouble  { f.list = e; return f }
func (f trouble) butReads(e syscall.Errno) trouble { f.list, f.get, f.content = e, e, e; return f }

// fail has an operation fail, "" for all; heal ends all failing.
func (f *trouble) fail(d *drive, op string) {
	d.t.Helper()
	d.set("error-ops", op)
	for i := 0; i < len(f.switches); i += 2 {
		d.set(f.switches[i], f.switches[i+1])
	}
}

func heal(d *drive) {
	d.t.Helper()
	for _, s := range emulator.DefaultSwitches() {
		if slices.Contains([]string{"down", "drop-rate", "hang-count", "garbage-count", "error-rate", "error-ops"}, s.Name) {
			d.set(s.Name, s.Default)
		}
	}
}

// wantErrno holds a call to its errno and its deadline.
func wantErrno(t *testing.T, what string, want syscall.Errno, limit time.Duration, call func() error) {
	t.Helper()
	began := time.Now()
	err := call()
	if took := time.Since(began); took > limit {
		t.Errorf("%s took %v, want at most %v", what, took, limit)
	}
	if got := errnoOf(err); got != want {
		t.Errorf("%s: %v, want %v", what, err, want)
	}
}

func errnoOf(err error) syscall.Errno {
	var e syscall.Errno
	if err != nil && !errors.As(err, &e) {
		return ^ok // none at all
	}
	return e
}

func readFile(path string) func() error {
	return func() error { _, err := os.ReadFile(path); return err }
}

func readDir(path string) func() error {
	return func() error { _, err := os.ReadDir(path); return err }
}

// TestErrnosOfReads has each call that brings what is read fail in each way.
func TestErrnosOfReads(t *testing.T) {
	for _, f := range troubles {
		t.Run(f.name, func(t *testing.T) {
			t.Parallel()
			d := mounted(t, func(emu *emulator.Server) {
				filled(map[string]string{"/known/cold": "cold", "/known/cached": "cached"})(emu)
				emu.PutFile(emu.Application(), "public", "/known/large", make([]byte, 1<<20))
				emu.PutFile(emu.Application(), "private", "/known/cold", []byte("cold"))
				_ = emu.Set("list-private-url", "false")
			}, "--timeout", timeoutOfErrors.String(), "--poll-interval", "300ms")
			// All was listed at the mount, but for what comes later.
			d.emu.PutFile(d.app, "public", "/dir/f", []byte("x"))
			d.shInTime("stat public/dir")
			f.fail(d, "list")
			wantErrno(t, "ls", f.list, inTime, readDir(d.path("public/dir")))
			wantErrno(t, "stat", f.list, inTime, func() error { _, err := os.Stat(d.path("public/dir/f")); return err })
			heal(d)
			d.shInTime("ls public/known private/known && cat public/known/cached")
			quick := func(when string) {
				t.Helper()
				wantErrno(t, "stat "+when, ok, time.Second, func() error { _, err := os.Stat(d.path("public/known/cold")); return err })
				wantErrno(t, "ls "+when, ok, time.Second, readDir(d.path("public/known")))
				wantErrno(t, "df "+when, ok, time.Second, func() error { var s syscall.Statfs_t; return syscall.Statfs(d.mnt, &s) })
				wantErrno(t, "a cached file "+when, ok, time.Second, readFile(d.path("public/known/cached")))
			}
			large, err := os.Open(d.path("public/known/large"))
			if err != nil {
				t.Fatal(err)
			}
			defer large.Close()
			f.fail(d, "content")
			wantErrno(t, "reading a small file", f.content, inTime, readFile(d.path("public/known/cold")))
			wantErrno(t, "reading a large file", f.content, inTime, func() error { _, err := io.ReadAll(large); return err })
			quick("without content")
			heal(d)
			f.fail(d, "get")
			wantErrno(t, "reading a file whose URL is to be asked for", f.get, inTime, readFile(d.path("private/known/cold")))
			heal(d)
			f.fail(d, "list")
			quick("without listings")
			heal(d)
			d.shInTime("cat public/known/cold public/dir/f private/known/cold")
		})
	}
}

// shInTime runs a script until it succeeds.
func (d *drive) shInTime(script string) {
	d.t.Helper()
	for end := time.Now().Add(20 * time.Second); ; time.Sleep(100 * time.Millisecond) {
		out, err := d.shell(script)
		if err == nil {
			return
		}
		if time.Now().After(end) {
			d.t.Fatalf("%s: %v, %s", script, err, out)
		}
	}
}

// TestChangesSucceedWithoutTheService has everything fail in each way while things
// are changed: that succeeds at once, is owed, and arrives later.
func TestChangesSucceedWithoutTheService(t *testing.T) {
	for _, f := range troubles {
		if f.name == "404" {
			continue // is believed: what is not there is neither shown nor to be removed
		}
		t.Run(f.name, func(t *testing.T) {
			t.Parallel()
			d := writable(t, filled(map[string]string{"/old": "before", "/gone": "x", "/from": "moves", "/empty": "dir"}),
				"--timeout", timeoutOfErrors.String(), "--poll-interval", "1h", "--settle", "50ms")
			d.sh("ls . empty")
			f.fail(d, "")
			for _, c := range []struct {
				what string
				call func() error
			}{
				{"creating", func() error { return os.WriteFile(d.path("new"), []byte("new"), 0o644) }},
				{"overwriting", func() error { return os.WriteFile(d.path("old"), []byte("after"), 0o644) }},
				{"removing", func() error { return os.Remove(d.path("gone")) }},
				{"renaming", func() error { return os.Rename(d.path("from"), d.path("to")) }},
				{"mkdir", func() error { return os.Mkdir(d.path("made"), 0o755) }},
				{"stat", func() error { _, err := os.Stat(d.path("to")); return err }},
			} {
				wantErrno(t, c.what, ok, time.Second, c.call)
				time.Sleep(300 * time.Millisecond) // it is tried to be sent
			}
			// It looks at the service first. That it cannot be asked is no obstacle.
			rmdir := f.list
			if rmdir == syscall.EIO || rmdir == syscall.EBUSY {
				rmdir = ok
			}
			wantErrno(t, "rmdir", rmdir, inTime, func() error { return syscall.Rmdir(d.path("empty")) })
			if out, _, err := d.run("flush", d.mnt, "--timeout", "1s"); err == nil {
				t.Errorf("nothing is owed: %s", out)
			}
			heal(d)
			want := map[string]string{"/new": "new", "/old": "after", "/to": "moves", "/made": "dir"}
			if rmdir != ok {
				want["/empty"] = "dir"
			}
			d.flushInTime()
			if got := d.serviceInTime(want); !maps.Equal(got, want) {
				t.Errorf("the service differs:\n%s", differences(got, want))
			}
		})
	}
}

// TestErrnosOfClose has each call that sends a file fail in each way, where close
// waits for it.
func TestErrnosOfClose(t *testing.T) {
	for _, f := range troubles {
		t.Run(f.name, func(t *testing.T) {
			t.Parallel()
			d := writable(t, filled(map[string]string{"/patched": "x", "/sent": "x"}),
				"--write", "through", "--timeout", timeoutOfErrors.String(), "--settle", "1m")
			d.sh("ls")
			for _, c := range []struct {
				op, path string
				want     syscall.Errno
			}{{"form", "sent", f.store}, {"patch", "patched", f.patch}, {"create", "created", f.create}} {
				f.fail(d, c.op)
				// A look, a ticket and the transfer each have their own deadline.
				wantErrno(t, "close, where "+c.op+" fails", c.want, 3*timeoutOfErrors+time.Second, func() error {
					return os.WriteFile(d.path(c.path), []byte("text"), 0o644)
				})
				heal(d)
				wantErrno(t, "reading it", ok, time.Second, readFile(d.path(c.path)))
			}
			d.flushInTime()
			d.wantService(map[string]string{"/patched": "text", "/sent": "text", "/created": "text"})
		})
	}
}

// flushInTime flushes until it succeeds: a token that was refused is not sent again
// for ten seconds, and what needs it is refused until then.
func (d *drive) flushInTime() {
	d.t.Helper()
	for end := time.Now().Add(40 * time.Second); ; time.Sleep(200 * time.Millisecond) {
		out, errs, err := d.run("flush", d.mnt, "--timeout", "20s")
		if err == nil {
			return
		}
		if time.Now().After(end) {
			d.t.Fatalf("flush: %v, %s%s", err, out, errs)
		}
	}
}

// TestKnownThingsAreQuickDuringAnUpload looks at what is known while a large upload is
// under way, and then also while nothing answers any more.
func TestKnownThingsAreQuickDuringAnUpload(t *testing.T) {
	d := writable(t, filled(map[string]string{"/known/cold": "cold", "/known/cached": "cached", "/unknown/f": "x", "/empty": "dir"}),
		"--timeout", "9s", "--poll-interval", "100ms", "--settle", "50ms")
	d.sh("ls known; cat known/cached")
	quick := func(when string) {
		t.Helper()
		for range 5 {
			wantErrno(t, "stat "+when, ok, time.Second, func() error { _, err := os.Stat(d.path("known/cold")); return err })
			wantErrno(t, "ls "+when, ok, time.Second, readDir(d.path("known")))
			wantErrno(t, "df "+when, ok, time.Second, func() error { var s syscall.Statfs_t; return syscall.Statfs(d.mnt, &s) })
			wantErrno(t, "a cached file "+when, ok, time.Second, readFile(d.path("known/cached")))
			time.Sleep(50 * time.Millisecond)
		}
	}
	d.set("error-ops", "form")
	d.set("hang-count", "1000000")
	if err := os.WriteFile(d.path("large"), make([]byte, 32<<20), 0o644); err != nil {
		t.Fatal(err)
	}
	for end := time.Now().Add(20 * time.Second); d.emu.Counts().Calls["form"] == 0; time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("the upload does not begin")
		}
	}
	quick("during an upload")
	wantErrno(t, "a cold file during an upload", ok, 2*time.Second, readFile(d.path("known/cold")))
	wantErrno(t, "an unknown folder during an upload", ok, 2*time.Second, readDir(d.path("unknown")))
	d.set("error-ops", "")
	time.Sleep(200 * time.Millisecond)
	_, _ = os.ReadDir(d.path("known")) // notices it
	quick("without answers")
	wantErrno(t, "rmdir without answers", ok, 4*time.Second, func() error { return syscall.Rmdir(d.path("empty")) })
	heal(d)
	d.flushInTime()
}
