package outbox

import (
	"os"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"losantfs/remote"
)

// FuzzConflictName makes names beside any name.
func FuzzConflictName(f *testing.F) {
	for _, name := range []string{"a", "a.txt", ".bashrc", "a.tar.gz", "...", "a.", strings.Repeat("é", 127), strings.Repeat("x", 255),
		"a." + strings.Repeat("x", 253), "." + strings.Repeat("\U0001f600", 63), "a (conflict 2026-11-22 host).txt"} {
		f.Add(name, 1)
		f.Add(name, 12345)
	}
	f.Fuzz(func(t *testing.T, name string, i int) {
		if !remote.ValidName(name) || i < 1 || i > 1<<30 {
			return
		}
		at := time.Date(2026, 11, 22, 0, 0, 0, 0, time.UTC)
		got, next := conflictName(name, at, i), conflictName(name, at, i+1)
		if !remote.ValidName(got) || got == name || got == next {
			t.Errorf("beside %q (%d bytes) is %q (%d bytes), then %q", name, len(name), got, len(got), next)
		}
		if aside := asideName(name); !remote.ValidName(aside) || aside == name {
			t.Errorf("%q waits as %q", name, aside)
		}
	})
}

// FuzzSetAsideName sets a draft aside that belongs to a file of any name: it stays in
// its folder, and is shown.
func FuzzSetAsideName(f *testing.F) {
	for _, name := range []string{"", "a", "..", "../../x", "/etc/passwd", "a/b", "a\x00", strings.Repeat("x", 255), "a-b-c", "x.blocks", "\xff", "a\nb"} {
		f.Add(name)
	}
	b := openBox(f, f.TempDir(), newShelf())
	f.Fuzz(func(t *testing.T, name string) {
		must(t, os.WriteFile(b.draftPath(7), []byte(name), 0o600))
		must(t, b.setAside(7, unreadable, name))
		all, err := SetAside(b.o.Dir)
		must(t, err)
		if len(all) != 1 || !utf8.ValidString(all[0].Path) || all[0].Reason != reasons[unreadable] || time.Since(all[0].Since) > time.Hour {
			t.Fatalf("%q: set aside are %+v", name, all)
		}
		data, err := os.ReadFile(all[0].Path)
		must(t, err)
		if string(data) != name {
			t.Errorf("%q: it holds %q", name, data)
		}
		must(t, os.Remove(all[0].Path))
	})
}
