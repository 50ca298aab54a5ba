package integration

import (
	"os"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// TestTruncateIsSaved changes lengths by path: no program closes the file, and it
// survives a kill all the same.
func TestTruncateIsSaved(t *testing.T) {
	d := dancing(t, filled(map[string]string{"/f": before, "/g": "g"}), "--settle", "1m")
	id := d.id("/f")
	for path, size := range map[string]int64{"f": 10, "g": 5} {
		if err := os.Truncate(d.path(path), size); err != nil {
			t.Fatal(err)
		}
	}
	d.kill()
	d.mount("--space", "public", "--write", "background")
	want := map[string]string{"/f": before[:10], "/g": "g\x00\x00\x00\x00"}
	d.wantMount(want)
	d.flush()
	d.wantService(want)
	if d.id("/f") != id {
		t.Error("the id changed")
	}
}

// TestEmptiedAndWrittenSlowly opens a file with O_TRUNC and writes much later: what
// is between, an empty file, is never sent.
func TestEmptiedAndWrittenSlowly(t *testing.T) {
	d := dancing(t, filled(map[string]string{"/f": before}), "--settle", "50ms")
	d.sh("cat f > /dev/null")
	got := d.calls(func() {
		d.sh("exec 3> f; sleep 1; echo text >&3; exec 3>&-")
		d.flush()
	})
	wantWrites(t, got, map[string]int64{"patch": 1, "form": 1})
	if got.Calls["content"] != 0 {
		t.Errorf("the content that goes was fetched: %v", got.Calls)
	}
	d.wantSame(map[string]string{"/f": "text\n"})
}

// TestMknodOfAFile makes files with mknod(2), as few programs do.
func TestMknodOfAFile(t *testing.T) {
	d := dancing(t, nil)
	for _, mode := range []uint32{0o640, unix.S_IFREG | 0o640} {
		if err := unix.Mknod(d.path("f"), mode, 0); err != nil {
			t.Fatal(err)
		}
		if err := unix.Mknod(d.path("f"), mode, 0); err != unix.EEXIST {
			t.Errorf("again: %v, want EEXIST", err)
		}
		if got := d.sh("stat -c '%s %a %F' f"); got != "0 640 regular empty file\n" {
			t.Errorf("stat gives %q", got)
		}
		d.flush()
		d.wantService(map[string]string{"/f": ""})
		if err := os.WriteFile(d.path("f"), []byte("text"), 0); err != nil {
			t.Fatal(err)
		}
		d.flush()
		d.wantService(map[string]string{"/f": "text"})
		d.sh("rm f")
	}
}

// TestSyncOfFolders syncs whatever can be opened.
func TestSyncOfFolders(t *testing.T) {
	d := mounted(t, sample, "--write", "background", "--settle", "1m")
	d.sh("mkdir public/dir; echo text > public/dir/f; echo text > private/g")
	for _, path := range []string{"", "public", "public/dir", "public/dir/f", "private", "private/p"} {
		f, err := os.Open(d.path(path))
		if err != nil {
			t.Fatal(err)
		}
		if err := f.Sync(); err != nil {
			t.Errorf("fsync of %q: %v", path, err)
		}
		f.Close()
	}
	d.kill()
	d.mount("--write", "background")
	if got := d.sh("cat public/dir/f private/g"); got != "text\ntext\n" {
		t.Errorf("after a kill: %q", got)
	}
}

// TestFoldersOfSpacesStay: they are the mount's, and no change of the application.
func TestFoldersOfSpacesStay(t *testing.T) {
	d := mounted(t, sample, "--write", "background")
	for _, script := range []string{"rmdir public", "rm -rf public && false", "mv public other", "mkdir other", "touch other", "mv public/f .", "mv public private/", "ln -s f g", "chmod 700 ."} {
		if script == "rm -rf public && false" {
			d.sh("mkdir public/d && mv public/f public/d/")
		}
		if out, err := d.shell(script); err == nil {
			t.Errorf("%s succeeds: %s", script, out)
		}
		if got := d.sh("ls"); got != "private\npublic\n" {
			t.Fatalf("after %s there is %q", script, got)
		}
	}
	// From one space to the other a file is copied.
	d.sh("echo text > public/new && mv public/new private/ && cat private/new && ! test -e public/new")
}

// TestAttributesOfTheRoot has a copy into the root of the drive succeed: it ends with
// the attributes of the root.
func TestAttributesOfTheRoot(t *testing.T) {
	wantPrograms(t, "rsync tar")
	d := dancing(t, nil)
	d.putTree("src", samples())
	d.sh(`touch -d 2020-01-02 "$HOME/src"; rsync -a "$HOME/src/" . && rsync -ai "$HOME/src/" . | grep . && exit 1; cp -a "$HOME/src/." . && tar c -C "$HOME/src" . | tar x`)
	d.flush()
	d.wantSame(samples())
}

// TestTimes sets them as programs do.
func TestTimes(t *testing.T) {
	d := dancing(t, filled(map[string]string{"/f": "x", "/d": "dir"}))
	for _, path := range []string{"f", "d"} {
		mtime := func() time.Time {
			info, err := os.Stat(d.path(path))
			if err != nil {
				t.Fatal(err)
			}
			return info.ModTime()
		}
		d.sh("touch -d 2020-01-02 " + path)
		old := mtime()
		d.sh("touch -a " + path)
		if !mtime().Equal(old) || old.Year() != 2020 {
			t.Errorf("touch -a of %s changes %v to %v", path, old, mtime())
		}
		d.sh("touch " + path) // to now, in the words of the kernel
		if now := mtime(); time.Since(now).Abs() > 10*time.Second {
			t.Errorf("touch of %s sets %v", path, now)
		}
		if err := unix.UtimesNanoAt(unix.AT_FDCWD, d.path(path), []unix.Timespec{{Nsec: unix.UTIME_NOW}, {Sec: 1, Nsec: 2}}, 0); err != nil || !mtime().Equal(time.Unix(1, 2)) {
			t.Errorf("utimensat of %s: %v, %v", path, err, mtime())
		}
	}
}

// TestProgramThatIsKilled has written and does not get to close.
func TestProgramThatIsKilled(t *testing.T) {
	d := dancing(t, filled(map[string]string{"/old": string(content("old", 1<<20))}))
	want := content("old", 1<<20)
	copy(want, "data\n")
	for _, file := range []string{"new", "old"} {
		if out, err := d.shell("exec 3<> " + file + "; echo data >&3; kill -9 $$"); err == nil {
			t.Errorf("it was not killed: %s", out)
		}
	}
	time.Sleep(time.Second) // the kernel closes the files after that
	d.flush()
	d.wantSame(map[string]string{"/new": "data\n", "/old": string(want)})
}
