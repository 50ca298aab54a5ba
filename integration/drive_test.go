package integration

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"losantfs/remote/emulator"
)

// ordinary is a user with no rights of its own: nobody.
const ordinary = 65534

// drive is one mount of an emulated application by the real program.
type drive struct {
	t    testing.TB
	emu  *emulator.Server
	app  string
	home string // of the user who mounts
	mnt  string
	uid  int
	env  []string // besides, or in place of, what command sets

	cmd    *exec.Cmd
	stdout lines
	stderr syncBuffer
	exited chan error
}

// newEmulator starts an emulator that ends with the test, and fails the test
// when the token was seen outside the API.
func newEmulator(t testing.TB) *emulator.Server {
	t.Helper()
	emu, err := emulator.Start(emulator.Config{Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if n := emu.Counts().Leaks; n != 0 {
			t.Errorf("the token went to a host that is not the API %d times", n)
		}
		if err := emu.Close(); err != nil {
			t.Error(err)
		}
	})
	return emu
}

// newDrive prepares a drive for a user, without mounting it.
func newDrive(t testing.TB, emu *emulator.Server, uid int) *drive {
	t.Helper()
	// Not t.TempDir: the path of a unix socket below it has a limit.
	home, err := os.MkdirTemp("", "lfs")
	if err != nil {
		t.Fatal(err)
	}
	d := &drive{t: t, emu: emu, app: emu.Application(), home: home, mnt: filepath.Join(home, "mnt"), uid: uid}
	if err := os.Mkdir(d.mnt, 0o755); err != nil {
		t.Fatal(err)
	}
	for _, dir := range []string{home, d.mnt} {
		if err := os.Chown(dir, uid, uid); err != nil {
			t.Fatal(err)
		}
	}
	t.Cleanup(func() {
		d.stop()
		if err := os.RemoveAll(home); err != nil {
			t.Error(err)
		}
	})
	return d
}

// mounted returns an emulator with what fill puts into it, mounted by root.
func mounted(t *testing.T, fill func(*emulator.Server), args ...string) *drive {
	t.Helper()
	emu := newEmulator(t)
	if fill != nil {
		fill(emu)
	}
	d := newDrive(t, emu, os.Geteuid())
	d.mount(args...)
	return d
}

// command runs the program, or another, as the user of the drive.
func (d *drive) command(name string, args ...string) *exec.Cmd {
	cmd := exec.Command(name, args...)
	cmd.Env = append(os.Environ(), "HOME="+d.home, "XDG_STATE_HOME=", "XDG_CACHE_HOME=", "XDG_CONFIG_HOME=",
		"LOSANT_API_URL="+d.emu.URL(), "LOSANT_API_TOKEN="+d.emu.Token(), "LC_ALL=C.UTF-8", "CI=",
		// The race detector would end the program without unmounting.
		"GORACE=halt_on_error=0 exitcode=66")
	cmd.Env = append(cmd.Env, d.env...)
	cmd.Dir = d.home
	if d.uid != os.Geteuid() {
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uint32(d.uid), Gid: uint32(d.uid)}}
	}
	return cmd
}

// run runs the program to its end and returns what it printed.
func (d *drive) run(args ...string) (stdout, stderr string, err error) {
	cmd := d.command(binary, args...)
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	err = cmd.Run()
	return out.String(), errs.String(), err
}

// mount mounts the application and waits for the ready line.
func (d *drive) mount(args ...string) {
	d.t.Helper()
	// No polls, unless a test wants them: calls are counted.
	d.start(append([]string{"mount", d.app, d.mnt, "--poll-interval", "1h"}, args...)...)
	line, err := d.stdout.next(30 * time.Second)
	if err != nil {
		d.t.Fatalf("no ready line: %v\n%s", err, d.stderr.String())
	}
	if !strings.HasPrefix(line, "losantfs: mounted ") {
		d.t.Fatalf("the first line is %q", line)
	}
}

// start runs the program in the background.
func (d *drive) start(args ...string) {
	d.t.Helper()
	d.cmd = d.command(binary, args...)
	d.stderr.Reset()
	d.cmd.Stderr = &d.stderr
	out, err := d.cmd.StdoutPipe()
	if err != nil {
		d.t.Fatal(err)
	}
	if err := d.cmd.Start(); err != nil {
		d.t.Fatal(err)
	}
	d.stdout.follow(out)
	d.exited = make(chan error, 1)
	cmd, exited := d.cmd, d.exited
	go func() { exited <- cmd.Wait() }()
}

// wait waits for the program to end.
func (d *drive) wait(timeout time.Duration) error {
	select {
	case err := <-d.exited:
		d.cmd = nil
		if s := d.stderr.String(); strings.Contains(s, "DATA RACE") || strings.Contains(s, "panic") {
			d.t.Errorf("the program reports:\n%s", s)
		}
		return err
	case <-time.After(timeout):
		return fmt.Errorf("still running after %v", timeout)
	}
}

// stop ends the mount as an interrupt would and checks that nothing is left.
func (d *drive) stop() {
	if d.cmd == nil {
		d.unmountLeftover()
		return
	}
	_ = d.cmd.Process.Signal(syscall.SIGTERM)
	if err := d.wait(20 * time.Second); err != nil {
		d.t.Errorf("stopping the mount: %v\n%s", err, d.stderr.String())
		if d.cmd != nil {
			_ = d.cmd.Process.Kill()
			<-d.exited
			d.cmd = nil
		}
	}
	if d.isMounted() {
		d.t.Error("the mount is left behind")
		d.unmountLeftover()
	}
}

// kill ends the program as the kernel would for want of memory.
func (d *drive) kill() {
	d.t.Helper()
	if err := d.cmd.Process.Kill(); err != nil {
		d.t.Fatal(err)
	}
	<-d.exited
	d.cmd = nil
}

func (d *drive) isMounted() bool {
	data, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		d.t.Fatal(err)
	}
	return bytes.Contains(data, []byte(" "+d.mnt+" "))
}

func (d *drive) unmountLeftover() {
	if d.isMounted() {
		_ = exec.Command("umount", "-l", d.mnt).Run()
	}
}

// sh runs a shell script in the mount as the user of the drive and returns what
// it prints; it must succeed.
func (d *drive) sh(script string) string {
	d.t.Helper()
	out, err := d.shell(script)
	if err != nil {
		d.t.Fatalf("%s: %v\n%s", script, err, out)
	}
	return out
}

func (d *drive) shell(script string) (string, error) {
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	base := d.command("sh", "-c", script)
	cmd := exec.CommandContext(ctx, base.Path, base.Args[1:]...)
	cmd.Env, cmd.SysProcAttr, cmd.Dir = base.Env, base.SysProcAttr, d.mnt
	out, err := cmd.CombinedOutput()
	return string(out), err
}

// path returns a path in the mount.
func (d *drive) path(p string) string { return filepath.Join(d.mnt, p) }

// set sets a switch of the emulator.
func (d *drive) set(name, value string) {
	d.t.Helper()
	if err := d.emu.Set(name, value); err != nil {
		d.t.Fatal(err)
	}
}

// calls returns what the emulator counted while f ran.
func (d *drive) calls(f func()) emulator.Counts {
	d.emu.ResetCounts()
	f()
	return d.emu.Counts()
}

// wantCalls checks the calls of f against exact numbers; operations that are not
// named must not happen.
func (d *drive) wantCalls(what string, want map[string]int64, f func()) emulator.Counts {
	d.t.Helper()
	got := d.calls(f)
	for op, n := range got.Calls {
		if n != want[op] {
			d.t.Errorf("%s: %d %s calls, want %d", what, n, op, want[op])
		}
	}
	for op, n := range want {
		if got.Calls[op] == 0 && n != 0 {
			d.t.Errorf("%s: no %s call, want %d", what, op, n)
		}
	}
	return got
}

// lines hands out the lines of a program as they come.
type lines struct{ ch chan string }

func (l *lines) follow(r io.Reader) {
	ch := make(chan string, 1000)
	l.ch = ch
	go func() {
		defer close(ch)
		for s := bufio.NewScanner(r); s.Scan(); {
			ch <- s.Text()
		}
	}()
}

func (l *lines) next(timeout time.Duration) (string, error) {
	select {
	case line, ok := <-l.ch:
		if !ok {
			return "", io.EOF
		}
		return line, nil
	case <-time.After(timeout):
		return "", fmt.Errorf("nothing for %v", timeout)
	}
}

type syncBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *syncBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *syncBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}

func (b *syncBuffer) Reset() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.b.Reset()
}
