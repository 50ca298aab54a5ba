package integration

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"
)

// smallDisk gives the drive a disk of its own for its cache and what it owes, and
// returns the disk's folder.
func (d *drive) smallDisk(size string) string {
	d.t.Helper()
	if os.Geteuid() != 0 {
		d.t.Skip("needs root to mount a small disk")
	}
	disk := filepath.Join(d.home, ".local") // with the state folder
	if err := os.Mkdir(disk, 0o700); err != nil {
		d.t.Fatal(err)
	}
	if err := syscall.Mount("tmpfs", disk, "tmpfs", 0, "size="+size+",mode=0700"); err != nil {
		d.t.Fatal(err)
	}
	d.t.Cleanup(func() {
		d.stop()
		if err := syscall.Unmount(disk, 0); err != nil {
			d.t.Error(err)
		}
	})
	return disk
}

// fill saves files until the disk is full, and returns those that were saved. The
// one that was not is removed, which must need no room.
func (d *drive) fill(dir string, size int) map[string]string {
	d.t.Helper()
	saved := map[string]string{}
	for i := range 1000 {
		path := fmt.Sprintf("/%s/f%03d", dir, i)
		text := string(content(path, size))
		err := os.WriteFile(d.path(path), []byte(text), 0o644)
		if err == nil {
			saved[path] = text
			continue
		}
		if !errors.Is(err, syscall.ENOSPC) {
			d.t.Errorf("%s, after %d files: %v, want ENOSPC", path, len(saved), err)
		}
		if err := os.Remove(d.path(path)); err != nil && !os.IsNotExist(err) {
			d.t.Errorf("removing a file while the disk is full: %v", err)
		}
		return saved
	}
	d.t.Fatal("the disk is never full")
	return nil
}

// TestFullDiskWhileWriting writes while there is no room for what is owed: that is
// told, what was saved before is safe and arrives, and then there is room again.
func TestFullDiskWhileWriting(t *testing.T) {
	for size, least := range map[int]int{1000: 300, 100_000: 20, 900_000: 2} {
		t.Run(fmt.Sprint(size), func(t *testing.T) {
			t.Parallel()
			d := newDrive(t, newEmulator(t), os.Geteuid())
			disk := d.smallDisk("4m")
			// The cache takes no room from what is owed here.
			d.mount("--space", "public", "--write", "background", "--settle", "1m", "--cache-dir", filepath.Join(disk, "cache"), "--cache-size", "1")
			d.sh("mkdir dir")
			want := d.fill("dir", size)
			if len(want) < least {
				t.Errorf("the disk of 4 MiB holds only %d files, want at least %d", len(want), least)
			}
			want["/dir"] = "dir"
			d.wantMount(want)
			d.flush()
			d.wantService(want)
			d.wantMount(want)
			d.wantNoDuplicates()
			more := string(content("more", 3_000_000))
			if err := os.WriteFile(d.path("dir/more"), []byte(more), 0o644); err != nil {
				t.Fatalf("after all was sent: %v\n%s", err, d.stderr.String())
			}
			want["/dir/more"] = more
			d.flush()
			d.wantService(want)
			d.wantMount(want)
		})
	}
}

// TestCacheMakesRoomForWrites fills the disk with content that is only kept: it
// goes for what somebody saves.
func TestCacheMakesRoomForWrites(t *testing.T) {
	d := newDrive(t, newEmulator(t), os.Geteuid())
	disk := d.smallDisk("8m")
	d.mount("--space", "public", "--write", "background", "--settle", "100ms", "--cache-dir", filepath.Join(disk, "cache"))
	want := map[string]string{}
	for i := range 5 {
		path := fmt.Sprint("/f", i)
		want[path] = string(content(path, 3_000_000))
		if err := os.WriteFile(d.path(path), []byte(want[path]), 0o644); err != nil {
			t.Fatalf("%s: %v\n%s", path, err, d.stderr.String())
		}
		d.flush()
	}
	d.wantService(want)
	d.wantMount(want)
}

// TestFullDiskWithoutTheService has nothing to send to: what was saved waits, over
// a kill too, and whoever makes room on the disk can go on.
func TestFullDiskWithoutTheService(t *testing.T) {
	d := newDrive(t, newEmulator(t), os.Geteuid())
	disk := d.smallDisk("8m")
	args := []string{"--space", "public", "--write", "background", "--settle", "100ms", "--cache-dir", filepath.Join(disk, "cache"), "--timeout", "2s"}
	d.mount(args...)
	d.sh("mkdir dir")
	d.flush()
	d.sh("ls dir") // what is in a folder must be known
	d.set("down", "true")
	ballast := filepath.Join(disk, "ballast")
	if err := os.WriteFile(ballast, make([]byte, 5<<20), 0o600); err != nil {
		t.Fatal(err)
	}
	want := d.fill("dir", 50_000)
	if len(want) < 10 {
		t.Errorf("only %d files have room", len(want))
	}
	want["/dir"] = "dir"
	d.wantMount(want)
	// A change of what is saved fails as a whole or is done as a whole.
	if err := os.WriteFile(d.path("dir/f000"), content("larger", 4_000_000), 0o644); !errors.Is(err, syscall.ENOSPC) {
		t.Errorf("a file that has no room: %v, want ENOSPC", err)
	}
	if err := os.Remove(d.path("dir/f000")); err != nil {
		t.Errorf("removing it: %v", err)
	}
	delete(want, "/dir/f000")
	d.wantMount(want)
	d.set("down", "false") // a mount needs it
	d.set("error-ops", "create,patch,upload,form,move,delete")
	d.set("error-rate", "1")
	d.kill()
	d.mount(args...)
	d.wantMount(want)
	if err := os.Remove(ballast); err != nil {
		t.Fatal(err)
	}
	text := string(content("room", 2_000_000))
	if err := os.WriteFile(d.path("dir/room"), []byte(text), 0o644); err != nil {
		t.Fatalf("with room again: %v\n%s", err, d.stderr.String())
	}
	want["/dir/room"] = text
	d.set("error-rate", "0")
	d.flush()
	d.wantService(want)
	d.wantMount(want)
	d.settled(time.Second)
}
