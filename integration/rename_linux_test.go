package integration

import (
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// TestRenameFlags is renameat2(2).
func TestRenameFlags(t *testing.T) {
	d := dancing(t, filled(map[string]string{"/a": "content of a", "/b": "b", "/d/x": "x", "/e": "dir"}))
	rename := func(from, to string, flags uint) error {
		return unix.Renameat2(unix.AT_FDCWD, d.path(from), unix.AT_FDCWD, d.path(to), flags)
	}
	for _, c := range []struct {
		from, to string
		flags    uint
		want     error
	}{
		{"a", "b", unix.RENAME_NOREPLACE, unix.EEXIST},
		{"a", "c", unix.RENAME_NOREPLACE, nil},
		{"c", "a", unix.RENAME_NOREPLACE, nil},
		{"a", "absent", unix.RENAME_EXCHANGE, unix.ENOENT},
		{"absent", "a", unix.RENAME_EXCHANGE, unix.ENOENT},
		{"a", "b", unix.RENAME_EXCHANGE, nil},
		{"a", "a", unix.RENAME_NOREPLACE, unix.EEXIST},
		{"d", "e", unix.RENAME_EXCHANGE, unix.EINVAL},
		{"a", "f", unix.RENAME_WHITEOUT, unix.EINVAL},
		{"a", "e", 0, unix.EISDIR},
		{"e", "a", 0, unix.ENOTDIR},
		{"e", "d", 0, unix.ENOTEMPTY},
		{"d", "d/y", 0, unix.EINVAL},
		{"absent", "a", 0, unix.ENOENT},
	} {
		if err := rename(c.from, c.to, c.flags); err != c.want {
			t.Errorf("rename %s to %s with %x: %v, want %v", c.from, c.to, c.flags, err, c.want)
		}
	}
	want := map[string]string{"/a": "b", "/b": "content of a", "/d": "dir", "/d/x": "x", "/e": "dir"}
	d.wantMount(want)
	d.settled(20 * time.Second)
	d.wantService(want)
	if err := rename("a", "d/x", unix.RENAME_EXCHANGE); err != nil { // in two folders, and settled
		t.Error(err)
	}
	want["/a"], want["/d/x"] = "x", "b"
	d.settled(20 * time.Second)
	d.wantSame(want)
}
