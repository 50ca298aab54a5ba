package integration

import (
	"os"
	"strings"
	"testing"
	"time"

	"losantfs/remote/emulator"
)

// through mounts an application so that closing a file waits for the service.
func through(t *testing.T, files map[string]string) *drive {
	t.Helper()
	d := mounted(t, func(emu *emulator.Server) { filled(files)(emu) }, "--space", "public", "--write", "through", "--settle", "1m")
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("the program logged:\n%s", d.stderr.String())
		}
	})
	return d
}

// TestWriteThrough has the service hold what was saved once close and fsync return,
// whatever the settle.
func TestWriteThrough(t *testing.T) {
	d := through(t, map[string]string{"/f": before})
	want := map[string]string{"/f": "text", "/dir": "dir", "/dir/new": "new"}
	got := d.calls(func() {
		if err := os.WriteFile(d.path("f"), []byte("text"), 0o644); err != nil {
			t.Error(err)
		}
		// A shell closes a duplicate of what it opened before anything is written.
		d.sh("mkdir dir; echo -n new > dir/new")
	})
	wantWrites(t, got, map[string]int64{"patch": 1, "form": 2, "create": 2})
	d.wantService(want)
	f, err := os.OpenFile(d.path("f"), os.O_WRONLY|os.O_APPEND, 0)
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if _, err := f.WriteString("+"); err != nil {
			t.Error(err)
		}
		if err := f.Sync(); err != nil {
			t.Error(err)
		}
		want["/f"] += "+"
		d.wantService(want)
	}
	wantWrites(t, d.calls(func() { // nothing is new
		if err := f.Close(); err != nil {
			t.Error(err)
		}
	}), nil)
	if err := os.Truncate(d.path("f"), 2); err != nil {
		t.Error(err)
	}
	want["/f"] = "te"
	d.wantService(want)
}

// TestWriteThroughTellsErrors has close say what the service refuses; the content
// stays here all the same.
func TestWriteThroughTellsErrors(t *testing.T) {
	t.Parallel()
	d := through(t, map[string]string{"/f": before, "/g": before})
	d.set("error-ops", "patch,create,form")
	d.set("error-status", "403")
	d.set("error-rate", "1")
	for _, path := range []string{"f", "new"} {
		if err := os.WriteFile(d.path(path), []byte("text"), 0o644); err == nil {
			t.Errorf("saving %s succeeds", path)
		} else if !strings.HasPrefix(err.Error(), "close ") || !os.IsPermission(err) {
			t.Errorf("saving %s: %v, want that close is not permitted", path, err)
		}
		if data, err := os.ReadFile(d.path(path)); err != nil || string(data) != "text" {
			t.Errorf("%s has %q here, %v", path, data, err)
		}
	}
	// Ctrl-C ends the wait, and loses nothing.
	d.set("error-rate", "0")
	d.set("hang-count", "100")
	d.put("text", "text")
	start := time.Now()
	if out, err := d.shell(`timeout -s INT 0.5 cp "$HOME/text" g`); err == nil || time.Since(start) > 5*time.Second {
		t.Errorf("an interrupted save ends after %v: %v, %s", time.Since(start), err, out)
	}
	d.set("hang-count", "0")
	d.set("error-ops", "")
	d.flush()
	d.wantService(map[string]string{"/f": "text", "/g": "text", "/new": "text"})
}
