package integration

import (
	"io"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// cachedPages returns how many pages of a file the kernel holds.
func (d *drive) cachedPages(path string) int {
	d.t.Helper()
	n, err := strconv.Atoi(strings.TrimSpace(d.sh("fincore -nb -o PAGES " + path)))
	if err != nil {
		d.t.Fatal(err)
	}
	return n
}

// TestKernelKeepsWhatItHolds changes a file and its attributes, and has it uploaded:
// the kernel holds its content all the time, also for who has it mapped.
func TestKernelKeepsWhatItHolds(t *testing.T) {
	t.Parallel()
	wantPrograms(t, "fincore")
	d := dancing(t, filled(map[string]string{"/f": string(content("f", 400_000))}), "--settle", "100ms")
	d.sh("cat f > /dev/null")
	all := d.cachedPages("f")
	if all < 400_000/os.Getpagesize() {
		t.Fatalf("the kernel holds %d pages of 400,000 bytes", all)
	}
	const stat = "stat -c '%s %Y %Z %i' f"
	for _, script := range []string{"printf X | dd of=f bs=1 seek=5 conv=notrunc status=none", "touch f", "touch -d 2020-01-02 f", "chmod 600 f", "mv f g; mv g f", "cat f > /dev/null"} {
		d.sh(script)
		before := d.sh(stat)
		d.flush()
		time.Sleep(1100 * time.Millisecond) // the kernel asks again
		if after := d.sh(stat); after != before {
			t.Errorf("%s: stat changed with the upload from %s to %s", script, before, after)
		}
		if n := d.cachedPages("f"); n < all*9/10 { // some may go for want of memory, all for a wrong reason
			t.Errorf("%s: the kernel holds %d pages, before %d", script, n, all)
		}
	}
}

// TestKernelSeesEachChange looks at files through all that can be stale: handles,
// names, attributes and pages.
func TestKernelSeesEachChange(t *testing.T) {
	d := dancing(t, filled(map[string]string{"/f": "the first content", "/g": "the other", "/d/x": "x"}), "--settle", "100ms")
	want := func(path, content string) {
		t.Helper()
		info, err := os.Stat(d.path(path))
		if err != nil || info.Size() != int64(len(content)) {
			t.Errorf("stat of %s: %v, %v, want %d bytes", path, info, err, len(content))
		}
		if data, err := os.ReadFile(d.path(path)); err != nil || string(data) != content {
			t.Errorf("%s has %q, %v, want %q", path, data, err, content)
		}
	}
	gone := func(path string) {
		t.Helper()
		if _, err := os.Stat(d.path(path)); !os.IsNotExist(err) {
			t.Errorf("%s: %v, want no such file", path, err)
		}
	}
	do := func(err error) {
		t.Helper()
		if err != nil {
			t.Error(err)
		}
	}
	held := func(f *os.File, content string) {
		t.Helper()
		data, err := io.ReadAll(io.NewSectionReader(f, 0, 1<<20))
		if info, serr := f.Stat(); err != nil || serr != nil || string(data) != content || info.Size() != int64(len(content)) {
			t.Errorf("the open file has %q, %v, %v, want %q", data, err, serr, content)
		}
	}
	for _, settle := range []time.Duration{0, 300 * time.Millisecond} { // owed, and sent
		do(os.WriteFile(d.path("f"), []byte("the first content"), 0o644))
		do(os.WriteFile(d.path("g"), []byte("the other"), 0o644))
		time.Sleep(settle)
		want("f", "the first content")
		old, err := os.Open(d.path("f"))
		if err != nil {
			t.Fatal(err)
		}
		held(old, "the first content")
		do(os.Rename(d.path("g"), d.path("f")))
		want("f", "the other")
		gone("g")
		held(old, "the first content")
		time.Sleep(settle)
		held(old, "the first content")
		do(old.Close())

		both, err := os.OpenFile(d.path("f"), os.O_RDWR, 0)
		if err != nil {
			t.Fatal(err)
		}
		reader, err := os.Open(d.path("f"))
		if err != nil {
			t.Fatal(err)
		}
		held(reader, "the other")
		_, err = both.WriteAt([]byte("OTHER and more"), 4)
		do(err)
		held(reader, "the OTHER and more")
		want("f", "the OTHER and more")
		do(os.Truncate(d.path("f"), 9)) // truncate(2)
		held(reader, "the OTHER")
		do(os.Truncate(d.path("f"), 12))
		held(both, "the OTHER\x00\x00\x00")
		do(os.WriteFile(d.path("f"), []byte("new"), 0o644))
		held(reader, "new")
		do(os.Remove(d.path("f")))
		gone("f")
		held(reader, "new")
		do(os.WriteFile(d.path("f"), []byte("another file"), 0o644))
		want("f", "another file")
		held(reader, "new")
		do(both.Close())
		do(reader.Close())
		time.Sleep(settle)

		do(os.Rename(d.path("d"), d.path("e")))
		gone("d/x")
		want("e/x", "x")
		do(os.Mkdir(d.path("d"), 0o755))
		gone("d/x")
		do(os.Remove(d.path("d")))
		time.Sleep(settle)
		do(os.Rename(d.path("e"), d.path("d")))
		want("d/x", "x")
		do(unix.Renameat2(unix.AT_FDCWD, d.path("f"), unix.AT_FDCWD, d.path("d/x"), unix.RENAME_EXCHANGE))
		want("f", "x")
		want("d/x", "another file")
		do(os.WriteFile(d.path("d/x"), []byte("x"), 0o644))
	}
	d.flush()
	d.wantSame(map[string]string{"/f": "x", "/d": "dir", "/d/x": "x"})
}

// TestCreationOfWhatHasJustComeFromElsewhere creates a name that the kernel believes
// to be free: what is there now is opened, as open(2) promises without O_EXCL.
func TestCreationOfWhatHasJustComeFromElsewhere(t *testing.T) {
	d := dancing(t, filled(map[string]string{"/f": "x"}), "--poll-interval", "0")
	for name, flags := range map[string]int{"appended": os.O_APPEND, "emptied": os.O_TRUNC, "exclusive": os.O_EXCL} {
		if _, err := os.Stat(d.path(name)); !os.IsNotExist(err) {
			t.Fatal(err)
		}
		d.emu.PutFile(d.app, "public", "/"+name, []byte("theirs."))
		f, err := os.OpenFile(d.path(name), os.O_WRONLY|os.O_CREATE|flags, 0o600)
		if flags == os.O_EXCL {
			if !os.IsExist(err) {
				t.Errorf("%s: %v, want EEXIST", name, err)
			}
			continue
		}
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if _, err := f.WriteString("ours."); err != nil {
			t.Error(err)
		}
		if err := f.Close(); err != nil {
			t.Error(err)
		}
	}
	d.flush()
	d.wantSame(map[string]string{"/f": "x", "/appended": "theirs.ours.", "/emptied": "ours.", "/exclusive": "theirs."})
}
