package integration

import (
	"fmt"
	"io/fs"
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

func wantPrograms(t *testing.T, names string) {
	t.Helper()
	for _, name := range strings.Fields(names) {
		if _, err := exec.LookPath(name); err != nil {
			t.Fatalf("the test needs %s: %v; make test installs it", name, err)
		}
	}
}

// dancing mounts an application to be written to. When the test fails, what the
// program logged is shown; when it hangs, also what it is doing.
func dancing(t *testing.T, fill func(*emulator.Server), args ...string) *drive {
	t.Helper()
	d := writable(t, fill, args...)
	process := d.cmd.Process
	hung := time.AfterFunc(150*time.Second, func() {
		t.Error("hung: the program is ended and shows its goroutines")
		_ = process.Signal(syscall.SIGQUIT)
	})
	t.Cleanup(func() {
		hung.Stop()
		if t.Failed() {
			t.Logf("the program logged:\n%s", d.stderr.String())
		}
	})
	return d
}

func (d *drive) remount() {
	d.t.Helper()
	d.stop()
	d.mount("--space", "public", "--write", "background")
}

// put writes a file beside the mount.
func (d *drive) put(name, content string) {
	d.t.Helper()
	path := filepath.Join(d.home, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		d.t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
		d.t.Fatal(err)
	}
}

var writing = []string{"create", "patch", "move", "delete", "upload", "form"}

// wantWrites checks the calls that change something; looking is not counted.
func wantWrites(t *testing.T, got emulator.Counts, want map[string]int64) {
	t.Helper()
	for _, op := range writing {
		if got.Calls[op] != want[op] {
			t.Errorf("%d %s calls, want %d (all: %v)", got.Calls[op], op, want[op], got.Calls)
		}
	}
}

// watchNames looks again and again at what the service has, until the function it
// returns is called, which returns the names it has seen that are not in want.
func (d *drive) watchNames(want map[string]string) func() []string {
	seen := map[string]bool{}
	look := func() {
		for _, it := range d.emu.Items(d.app, "public") {
			if _, ok := want[it.Path()]; !ok {
				seen[it.Path()] = true
			}
		}
	}
	stop := make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() {
		for {
			select {
			case <-stop:
				return
			case <-time.After(10 * time.Millisecond):
				look()
			}
		}
	})
	return sync.OnceValue(func() (names []string) {
		close(stop)
		wg.Wait()
		look()
		for name := range seen {
			names = append(names, name)
		}
		return names
	})
}

// tree reads a folder.
func tree(t testing.TB, root string) map[string]string {
	t.Helper()
	all := map[string]string{}
	err := filepath.WalkDir(root, func(path string, e fs.DirEntry, err error) error {
		if err != nil || path == root {
			return err
		}
		name := strings.TrimPrefix(path, root)
		if e.IsDir() {
			all[name] = "dir"
			return nil
		}
		data, err := os.ReadFile(path)
		all[name] = string(data)
		return err
	})
	if err != nil {
		t.Error(err)
	}
	return all
}

// differences describes how two trees differ.
func differences(got, want map[string]string) string {
	var b strings.Builder
	for p, c := range want {
		switch g, ok := got[p]; {
		case !ok:
			fmt.Fprintf(&b, "  %s is missing\n", p)
		case g != c:
			fmt.Fprintf(&b, "  %s has %d bytes, not the right %d\n", p, len(g), len(c))
		}
	}
	for p := range got {
		if _, ok := want[p]; !ok {
			fmt.Fprintf(&b, "  %s should not be there\n", p)
		}
	}
	return b.String()
}

func (d *drive) wantMount(want map[string]string) {
	d.t.Helper()
	if diff := differences(tree(d.t, d.mnt), want); diff != "" {
		d.t.Errorf("the mount differs:\n%s", diff)
	}
}

// wantSame checks that the service, the mount, and the mount after a remount hold
// the same.
func (d *drive) wantSame(want map[string]string) {
	d.t.Helper()
	if diff := differences(d.service(), want); diff != "" {
		d.t.Errorf("the service differs:\n%s", diff)
	}
	d.wantMount(want)
	d.remount()
	d.wantMount(want)
}

// filled is a fill with files by path.
func filled(files map[string]string) func(*emulator.Server) {
	return func(emu *emulator.Server) {
		for p, c := range files {
			if c == "dir" {
				emu.PutDir(emu.Application(), "public", p)
			} else {
				emu.PutFile(emu.Application(), "public", p, []byte(c))
			}
		}
	}
}
