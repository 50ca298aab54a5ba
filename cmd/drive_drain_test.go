package cmd

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"losantfs/cache"
	"losantfs/cache/outbox"
	"losantfs/remote"
	"losantfs/remote/emulator"
)

// fakeMount is a mount without a kernel.
type fakeMount struct {
	gone      chan struct{}
	unmounts  int
	onUnmount func() error
}

func (m *fakeMount) Wait() { <-m.gone }

func (m *fakeMount) Unmount() error {
	m.unmounts++
	if m.onUnmount != nil {
		if err := m.onUnmount(); err != nil {
			return err
		}
	}
	close(m.gone)
	return nil
}

func (m *fakeMount) Detach() error {
	close(m.gone)
	return nil
}

// writable returns a drive that can be written to and is served at an empty
// folder, but not mounted.
func writable(t *testing.T, spaces ...remote.Space) (*drive, *emulator.Server, *fakeMount) {
	t.Helper()
	isolate(t)
	e := startEmulator(t)
	d := reopened(t, e, spaces...)
	m := &fakeMount{gone: make(chan struct{})}
	d.attach(m)
	folder, err := openSockets()
	if err != nil {
		t.Fatal(err)
	}
	l, err := folder.listen(d.o.mountpoint)
	if err != nil {
		t.Fatal(err)
	}
	d.control = serveControl(folder, l, d)
	t.Cleanup(func() {
		if !d.isGone() {
			close(m.gone)
		}
	})
	return d, e, m
}

// reopened opens what a drive of the same user is made of.
func reopened(t *testing.T, e *emulator.Server, spaces ...remote.Space) *drive {
	t.Helper()
	d, s := unmounted(t, e, e.Token(), spaces)
	d.app = remote.Application{ID: e.Application(), Name: "A"}
	var err error
	if d.o.mountpoint, err = filepath.EvalSymlinks(t.TempDir()); err != nil {
		t.Fatal(err)
	}
	d.o.readOnly, d.o.settle, d.o.uploads = false, 10*time.Millisecond, 4
	if err := d.openSpaces(t.Context(), s); err != nil {
		t.Fatal(err)
	}
	return d
}

func create(t *testing.T, s *cache.Space, name, text string) {
	t.Helper()
	h, _, err := s.Create(t.Context(), "/", name, outbox.Attrs{Mode: 0o640, ModTime: time.Now()})
	if err != nil {
		t.Fatal(err)
	}
	defer h.Close()
	if _, err := h.WriteAt(t.Context(), []byte(text), 0); err != nil {
		t.Fatal(err)
	}
	if err := h.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
}

func set(t *testing.T, e *emulator.Server, name, value string) {
	t.Helper()
	if err := e.Set(name, value); err != nil {
		t.Fatal(err)
	}
}

// has reports whether the service has a public file.
func has(e *emulator.Server, path string) bool {
	_, ok := e.Find(e.Application(), "public", path)
	return ok
}

func flushed(t *testing.T, timeout time.Duration, args ...string) (string, error) {
	t.Helper()
	var out bytes.Buffer
	err := flush(t.Context(), args, timeout, &out, newProgress(nil))
	return out.String(), err
}

func wantOwed(t *testing.T, err error) {
	t.Helper()
	if _, ok := errors.AsType[*owedError](err); !ok {
		t.Errorf("error %v, want one that says what stays owed", err)
	}
}

func TestFlush(t *testing.T) {
	d, e, _ := writable(t, bothSpaces...)
	d.o.settle = time.Hour
	if out, err := flushed(t, 0); err != nil || out != "" {
		t.Errorf("nothing is owed: %q, %v", out, err)
	}
	create(t, d.spaces[0], "a", "text")
	if out, err := flushed(t, 0, d.abs("public/a")); err != nil || out != "" || !has(e, "/a") {
		t.Errorf("%q, %v; the service has it: %t", out, err, has(e, "/a"))
	}
	set(t, e, "down", "true")
	create(t, d.spaces[0], "b", "text")
	if out, err := flushed(t, 50*time.Millisecond, d.abs("private")); err != nil || out != "" {
		t.Errorf("nothing private is owed: %q, %v", out, err)
	}
	if out, err := flushed(t, 50*time.Millisecond, d.abs("public/a")); err != nil || out != "" {
		t.Errorf("nothing of a is owed: %q, %v", out, err)
	}
	out, err := flushed(t, 50*time.Millisecond)
	wantError(t, err, "1 change (4 B) stays owed")
	wantOwed(t, err)
	if !strings.HasPrefix(out, d.abs("public/b")+": ") || strings.Count(out, "\n") != 1 {
		t.Errorf("the list is %q", out)
	}
	_, err = flushed(t, 0, d.abs("nowhere/x"))
	wantError(t, err, "does not exist")
	set(t, e, "down", "false")
	if _, err := flushed(t, 0, d.o.mountpoint); err != nil || !has(e, "/b") {
		t.Errorf("%v; the service has it: %t", err, has(e, "/b"))
	}
}

func TestFlushRefused(t *testing.T) {
	d, e, _ := writable(t, remote.Public)
	set(t, e, "error-ops", "create")
	set(t, e, "error-status", "400")
	set(t, e, "error-count", "100")
	if _, err := d.spaces[0].Mkdir(t.Context(), "/", "dir", outbox.Attrs{}); err != nil {
		t.Fatal(err)
	}
	_, err := flushed(t, 0)
	wantError(t, err, "1 change stays owed")
	if _, err := d.spaces[0].Mkdir(t.Context(), "/dir/", "child", outbox.Attrs{}); err != nil {
		t.Fatal(err)
	}
	out, err := flushed(t, 0) // it does not wait for the child for ever
	wantError(t, err, "2 changes stay owed")
	if !strings.Contains(out, d.abs("dir")+": failed: ") || !strings.Contains(out, "injected") {
		t.Errorf("the list is %q", out)
	}
	s := d.status().Status
	if s.Owed != 2 || s.ReadOnly || len(s.Failed) != 1 || s.Failed[0].Path != d.abs("dir") || s.Failed[0].Error == "" || s.Failed[0].Since.IsZero() {
		t.Errorf("status %+v", s)
	}
	var table bytes.Buffer
	if err := showStatus(t.Context(), &table, []string{d.o.mountpoint}, people); err != nil {
		t.Fatal(err)
	}
	for _, part := range []string{"2 changes, 1 failed", d.abs("dir") + " was refused: "} {
		if !strings.Contains(table.String(), part) {
			t.Errorf("the status lacks %q:\n%s", part, table.String())
		}
	}
	i, err := d.info(t.Context(), "dir/child")
	if err != nil || i.State != outbox.Owed || i.Owed == nil || i.OwedBelow != 0 || i.ID != "" || i.Modified == nil {
		t.Errorf("info %+v, %v", i, err)
	}
	i, err = d.info(t.Context(), "dir")
	if err != nil || i.State != outbox.Failed || i.Owed == nil || !strings.Contains(i.Owed.Error, "injected") || i.OwedBelow != 1 {
		t.Errorf("info %+v, %v", i, err)
	}
	if i, err = d.info(t.Context(), ""); err != nil || i.Owed != nil || i.OwedBelow != 2 {
		t.Errorf("info %+v, %v", i, err)
	}
}

// What stays owed is on standard error, and nothing on standard output.
func TestFlushCommand(t *testing.T) {
	d, e, _ := writable(t, remote.Public)
	set(t, e, "down", "true")
	create(t, d.spaces[0], "f", "text")
	var out, errs bytes.Buffer
	root := newRootCommand()
	root.SetOut(&out)
	root.SetErr(&errs)
	root.SetArgs([]string{"flush", d.o.mountpoint, "--timeout", "300ms"})
	wantOwed(t, root.Execute())
	if !strings.HasPrefix(errs.String(), d.abs("f")+": ") || strings.Count(errs.String(), "\n") != 1 || out.Len() > 0 {
		t.Errorf("standard error %q, output %q", errs.String(), out.String())
	}
	set(t, e, "down", "false")
}

func TestChanges(t *testing.T) {
	d, _, _ := writable(t, bothSpaces...)
	at := time.Now()
	got := d.changes(d.spaces[1], []outbox.Debt{{Path: "/a/b", State: outbox.Uploading, Bytes: 5, Sent: 3, Since: at, Err: errors.New("no answer")}})
	if want := (owedChange{d.abs("private/a/b"), outbox.Uploading, 5, 3, "no answer", at}); got[0] != want {
		t.Errorf("%+v, want %+v", got[0], want)
	}
}

// What the service refused is tried once more by each flush.
func TestFlushTriesAgain(t *testing.T) {
	d, e, _ := writable(t, remote.Public)
	set(t, e, "error-ops", "create")
	set(t, e, "error-status", "400")
	set(t, e, "error-count", "1")
	create(t, d.spaces[0], "f", "text")
	_, err := flushed(t, 0)
	wantError(t, err, "1 change (4 B) stays owed")
	if out, err := flushed(t, 10*time.Second); err != nil || out != "" || !has(e, "/f") {
		t.Errorf("%q, %v; the service has it: %t", out, err, has(e, "/f"))
	}
}

func TestUnmountDrains(t *testing.T) {
	d, e, m := writable(t, remote.Public)
	create(t, d.spaces[0], "before", "text")
	m.onUnmount = func() error {
		if !has(e, "/before") {
			t.Error("unmounted before what was owed was sent")
		}
		create(t, d.spaces[0], "last", "text") // as the kernel may still write
		return nil
	}
	served := serving(d)
	if err := unmountOf(t.Context(), d, time.Minute); err != nil {
		t.Error(err)
	}
	if err := <-served; err != nil || !has(e, "/last") || m.unmounts != 1 {
		t.Errorf("%v, %d unmounts; the last change was sent: %t", err, m.unmounts, has(e, "/last"))
	}
}

// serving serves a drive as the process of a mount does, until it is closed.
func serving(d *drive) <-chan error {
	served := make(chan error, 1)
	go func() {
		err := d.serve(context.Background())
		d.close()
		served <- err
	}()
	return served
}

func unmountOf(ctx context.Context, d *drive, timeout time.Duration) error {
	return (&unmounter{timeout: timeout, bar: newProgress(nil)}).unmount(ctx, d.o.mountpoint)
}

func TestUnmountWithDebts(t *testing.T) {
	for name, wait := range map[string]func(*testing.T, *drive) error{
		"timeout": func(t *testing.T, d *drive) error { return unmountOf(t.Context(), d, 300*time.Millisecond) },
		"no wait": func(t *testing.T, d *drive) error { return unmountOf(t.Context(), d, 0) },
		"interrupted": func(t *testing.T, d *drive) error {
			ctx, cancel := context.WithCancel(t.Context())
			time.AfterFunc(300*time.Millisecond, cancel)
			return unmountOf(ctx, d, time.Hour)
		},
	} {
		t.Run(name, func(t *testing.T) {
			d, e, m := writable(t, remote.Public)
			set(t, e, "down", "true")
			create(t, d.spaces[0], "f", "text")
			served := serving(d)
			err := wait(t, d)
			wantError(t, err, "is unmounted, but 1 change (4 B) stays owed", d.abs("f")+": ")
			wantOwed(t, err)
			if err := <-served; err != nil || m.unmounts != 1 {
				t.Errorf("%v, %d unmounts", err, m.unmounts)
			}
			set(t, e, "down", "false")
			again := reopened(t, e, remote.Public)
			var log bytes.Buffer
			again.log = slog.New(slog.NewTextHandler(&log, nil))
			again.logEarlier()
			if !strings.Contains(log.String(), "level=INFO") || !strings.Contains(log.String(), "owed") || !strings.Contains(log.String(), "changes=1 bytes=4") {
				t.Errorf("the log of the next mount: %s", log.String())
			}
			if line := again.readyLine(); !strings.HasSuffix(line, ": public (writable; 1 change of an earlier mount is being sent)") {
				t.Errorf("ready line %q", line)
			}
			again.drain(t.Context())
			if !has(e, "/f") {
				t.Error("the next mount did not send it")
			}
		})
	}
}

func TestUnmountBusy(t *testing.T) {
	d, _, m := writable(t, remote.Public)
	m.onUnmount = func() error { return syscall.EBUSY }
	served := serving(d)
	wantError(t, unmountOf(t.Context(), d, time.Second), "is in use")
	if d.isGone() || d.rest != nil {
		t.Error("a failed try leaves something behind")
	}
	m.onUnmount = nil
	if err := unmountOf(t.Context(), d, time.Second); err != nil {
		t.Error(err)
	}
	<-served
}

// After the first signal what is owed is waited for; the second ends that.
func TestSignalWhileOwed(t *testing.T) {
	d, e, m := writable(t, remote.Public)
	set(t, e, "down", "true")
	create(t, d.spaces[0], "f", "text")
	ctx, cancel := context.WithCancel(context.Background())
	cancel() // the first signal
	served := make(chan error)
	go func() { served <- d.serve(ctx) }()
	select {
	case <-served:
		t.Fatal("nothing was waited for")
	case <-time.After(300 * time.Millisecond):
	}
	if err := syscall.Kill(os.Getpid(), syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	select {
	case err := <-served:
		if err != nil || m.unmounts != 1 || len(d.still) != 1 || d.still[0].Path != d.abs("f") {
			t.Errorf("%v, %d unmounts, owed %v", err, m.unmounts, d.still)
		}
	case <-time.After(drainTime / 2):
		t.Fatal("the second signal does not end the wait")
	}
}

// What mounts left that ran at the same time is sent by one.
func TestLeftOfTwoMounts(t *testing.T) {
	first, e, _ := writable(t, remote.Public)
	second := reopened(t, e, remote.Public)
	set(t, e, "down", "true")
	create(t, first.spaces[0], "one", "1")
	create(t, second.spaces[0], "two", "22")
	first.close()
	first.control = nil
	second.close()
	set(t, e, "down", "false")
	set(t, e, "latency", "100ms")
	third := reopened(t, e, remote.Public)
	if third.earlier != (owedSum{Owed: 2, Bytes: 3}) || len(third.left) != 1 {
		t.Errorf("left: %v in %d folders", third.earlier, len(third.left))
	}
	if len(third.status().Status.Failed) != 0 {
		t.Error("something was refused")
	}
	third.drain(t.Context())
	if !has(e, "/one") || !has(e, "/two") {
		t.Errorf("sent: one %t, two %t", has(e, "/one"), has(e, "/two"))
	}
}
