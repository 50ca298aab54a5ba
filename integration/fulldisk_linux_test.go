package integration

import (
	"bytes"
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// With no room for the cache, content passes through memory.
func TestFullDiskUnderTheCache(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("needs root to mount a small disk")
	}
	data := content("data", 100<<20)
	emu := newEmulator(t)
	emu.PutFile(emu.Application(), "public", "/big", data)
	for i := range 30 {
		emu.PutFile(emu.Application(), "public", "/small"+strings.Repeat("x", i), content("small", 10_000+i))
	}
	d := newDrive(t, emu, os.Geteuid())
	disk := filepath.Join(d.home, "disk")
	if err := os.Mkdir(disk, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Mount("tmpfs", disk, "tmpfs", 0, "size=1m,mode=0700"); err != nil {
		t.Fatal(err)
	}
	defer func() {
		d.stop()
		if err := syscall.Unmount(disk, 0); err != nil {
			t.Error(err)
		}
	}()
	d.mount("--space", "public", "--cache-dir", filepath.Join(disk, "cache"))
	f, err := os.Open(d.path("big"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	d.emu.ResetCounts()
	got, err := io.ReadAll(f)
	if err != nil || !bytes.Equal(got, data) {
		t.Errorf("%d bytes, %v", len(got), err)
	}
	if n := d.emu.Counts().ContentBytes; n != int64(len(data)) {
		t.Errorf("%d bytes were fetched of a file of %d", n, len(data))
	}
	for i := range 30 {
		got, err := os.ReadFile(d.path("small" + strings.Repeat("x", i)))
		if err != nil || !bytes.Equal(got, content("small", 10_000+i)) {
			t.Errorf("small file %d: %d bytes, %v", i, len(got), err)
		}
	}
	if !strings.Contains(d.stderr.String(), "not kept") {
		t.Errorf("a full disk is not said:\n%s", d.stderr.String())
	}
	if n := strings.Count(d.stderr.String(), "not kept"); n > 1 {
		t.Errorf("a full disk is said %d times", n)
	}
}
