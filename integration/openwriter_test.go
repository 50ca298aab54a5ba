package integration

import (
	"bytes"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"
)

// TestReplacedUnderAnIdleWriter has a file open for writing that others replace: who
// opens it from then on reads the new version, and what the writer then writes is
// kept beside it.
func TestReplacedUnderAnIdleWriter(t *testing.T) {
	d := dancing(t, filled(map[string]string{"/f.txt": "the old one", "/g": "x"}), "--settle", "100ms", "--poll-interval", "300ms")
	d.sh("cat f.txt")
	w, err := os.OpenFile(d.path("f.txt"), os.O_WRONLY|os.O_APPEND, 0)
	if err != nil {
		t.Fatal(err)
	}
	d.emu.PutFile(d.app, "public", "/f.txt", []byte("their new content"))
	d.within(time.Now().Add(10*time.Second), "what is read", func() string { return d.bytes("f.txt") }, "their new content")
	if info, err := os.Stat(d.path("f.txt")); err != nil || info.Size() != 17 {
		t.Errorf("stat: %v, %v", info, err)
	}
	if _, err := w.WriteString(", and ours"); err != nil {
		t.Error(err)
	}
	if err := w.Close(); err != nil {
		t.Error(err)
	}
	d.flush()
	got := map[string]bool{}
	for _, item := range d.emu.Items(d.app, "public") {
		data, _ := d.emu.Content(d.app, "public", item.ParentDirectory+item.Name)
		got[string(data)] = true
	}
	if len(got) != 3 || !got["their new content"] || !got["the old one, and ours"] {
		t.Errorf("the service has %v", got)
	}
}

// What was replaced elsewhere while a program here has the version before open for
// writing can be read, and not changed before that ends: nothing is mixed up.
func TestChangesOfWhatWasReplacedUnderAWriter(t *testing.T) {
	d := dancing(t, filled(map[string]string{"/f": "the old one"}), "--settle", "100ms", "--poll-interval", "300ms")
	d.sh("cat f")
	w, err := os.OpenFile(d.path("f"), os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	d.emu.PutFile(d.app, "public", "/f", []byte("the new one"))
	d.within(time.Now().Add(10*time.Second), "what is read", func() string { return d.bytes("f") }, "the new one")
	for what, err := range map[string]error{
		"writing": os.WriteFile(d.path("f"), []byte("mine"), 0o644), "truncate": os.Truncate(d.path("f"), 3), "chmod": os.Chmod(d.path("f"), 0o600),
		"rename": os.Rename(d.path("f"), d.path("g")), "remove": os.Remove(d.path("f")),
	} {
		if !isErrno(err, syscall.EBUSY) {
			t.Errorf("%s: %v, want EBUSY", what, err)
		}
	}
	if err := w.Close(); err != nil {
		t.Error(err)
	}
	d.within(time.Now().Add(5*time.Second), "writing after that", func() string {
		if err := os.WriteFile(d.path("f"), []byte("mine"), 0o644); err != nil {
			return err.Error()
		}
		return d.bytes("f")
	}, "mine")
	d.flush()
	if got, _ := d.emu.Content(d.app, "public", "/f"); string(got) != "mine" {
		t.Errorf("the service has %q", got)
	}
}

// The mode of what is kept of a changed file says nothing where its blocks do.
func TestModesOfTheStateFolder(t *testing.T) {
	d := dancing(t, filled(map[string]string{"/big": string(content("big", 640_000))}), "--settle", "100ms")
	w, err := os.OpenFile(d.path("big"), os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	d.kill()
	drafts, err := filepath.Glob(filepath.Join(d.home, ".local/state/losantfs/owed/*/public-0/drafts/*"))
	if err != nil || len(drafts) == 0 {
		t.Fatal(drafts, err)
	}
	for _, path := range drafts {
		if err := os.Chmod(path, 0o700); err != nil {
			t.Fatal(err)
		}
	}
	d.mount("--space", "public", "--write", "background", "--settle", "100ms")
	d.flush()
	if got, _ := d.emu.Content(d.app, "public", "/big"); !bytes.Equal(got, content("big", 640_000)) {
		t.Error("the service has another content")
	}
}
