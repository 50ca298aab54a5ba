package outbox

import (
	"bytes"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"losantfs/cache/draft"
)

// Whatever is damaged on disk, the mount comes up, what is still recorded is sent,
// nothing is removed or replaced that was not certainly to be, and what is not used is
// shown.

// owing is a folder in which an outbox of some changes was killed before it sent any
// of them, and the service they are for.
type owing struct {
	s   *shelf
	dir string
}

// written are the contents that only the folder has.
var written = []string{"new", "edited", "again", "inside"}

func newOwing(t testing.TB) owing {
	t.Helper()
	s := newShelf()
	for _, p := range []string{"/kept", "/edited", "/removed", "/moved", "/undone", "/folder/", "/folder/in it"} {
		s.put(p, "the service's "+p)
	}
	o := owing{s, t.TempDir()}
	b := openBox(t, o.dir, s)
	saveNew(t, b, "new", "new")
	n, err := b.Edit(placeOf(b, s, "edited"), b.Describe(s.at("/edited")).ID)
	must(t, err)
	must(t, b.Draft(n).Truncate(t.Context(), 0))
	_, err = b.Draft(n).WriteAt(t.Context(), []byte("edited"), 0)
	must(t, err)
	must(t, b.Flushed(n))
	must(t, b.Remove(placeOf(b, s, "removed")))
	must(t, b.Remove(placeOf(b, s, "undone")))
	must(t, b.Rename(placeOf(b, s, "moved"), placeOf(b, s, "renamed"), false))
	n, err = b.Create(placeOf(b, s, "undone"), Attrs{}) // and so it is not removed
	must(t, err)
	_, err = b.Draft(n).WriteAt(t.Context(), []byte("again"), 0)
	must(t, err)
	must(t, b.Flushed(n))
	_, err = b.Mkdir(placeOf(b, s, "made"), Attrs{})
	must(t, err)
	n, err = b.Create(Place{Dir: "/made/", Name: "in", Seq: b.Seq(), Bases: []*Base{nil}}, Attrs{})
	must(t, err)
	_, err = b.Draft(n).WriteAt(t.Context(), []byte("inside"), 0)
	must(t, err)
	must(t, b.Flushed(n))
	b.Abandon()
	return o
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// clone returns the same folder and service once more.
func (o owing) clone(t testing.TB) owing {
	t.Helper()
	c := owing{newShelf(), t.TempDir()}
	must(t, os.CopyFS(c.dir, os.DirFS(o.dir)))
	c.s.last, c.s.content = o.s.last, maps.Clone(o.s.content)
	for id, e := range o.s.entries {
		e := *e
		c.s.entries[id] = &e
	}
	return c
}

func (o owing) path(name string) string { return filepath.Join(o.dir, name) }

// has returns all contents that the service, or what was set aside, has.
func (o owing) has(t testing.TB) map[string]bool {
	t.Helper()
	has := map[string]bool{}
	for _, content := range o.s.all() {
		has[content] = true
	}
	all, err := SetAside(o.dir)
	must(t, err)
	for _, a := range all {
		data, _ := os.ReadFile(a.Path)
		has[string(data)] = true
	}
	return has
}

// mend mounts after a damage, sends what is owed and checks what must hold. It
// returns what was set aside.
func (o owing) mend(t testing.TB, besides ...string) []Aside {
	t.Helper()
	before := o.s.all()
	b := openBox(t, o.dir, o.s)
	b.Start()
	flushed(t, b)
	b.Close()
	after, has := o.s.all(), o.has(t)
	for _, p := range []string{"/kept", "/folder/", "/folder/in it"} {
		if content, ok := after[p]; !ok || content != before[p] {
			t.Errorf("%s was touched: %q, %v", p, content, ok)
		}
	}
	for _, content := range written {
		if !has[content] && !slices.Contains(besides, content) {
			t.Errorf("what was saved as %q is lost: the service has %q", content, after)
		}
	}
	for p, may := range map[string][]string{
		"/edited": {before["/edited"], "edited"}, "/undone": {before["/undone"], "again"}, "/removed": {before["/removed"], "gone"},
	} {
		content, ok := after[p]
		if !ok {
			content = "gone"
		}
		if !slices.Contains(may, content) && !slices.Contains(besides, p) {
			t.Errorf("%s is %q on the service", p, content)
		}
	}
	if !has[before["/moved"]] {
		t.Error("what was only renamed is lost")
	}
	aside, err := SetAside(o.dir)
	must(t, err)
	openBox(t, o.dir, o.s).Close()
	if again, err := SetAside(o.dir); err != nil || !slices.Equal(again, aside) {
		t.Errorf("after another mount are set aside %v, before %v: %v", again, aside, err)
	}
	return aside
}

func TestNothingIsDamaged(t *testing.T) {
	o := newOwing(t)
	if aside := o.mend(t); len(aside) > 0 {
		t.Errorf("set aside: %v", aside)
	}
	want := map[string]string{"/kept": "the service's /kept", "/edited": "edited", "/new": "new", "/renamed": "the service's /moved", "/undone": "again",
		"/folder/": "", "/folder/in it": "the service's /folder/in it", "/made/": "", "/made/in": "inside"}
	if got := o.s.all(); !maps.Equal(got, want) {
		t.Errorf("the service has %q, want %q", got, want)
	}
}

// A journal that ends too early is one of a machine that lost power: it says what
// was true then, and what was saved since is set aside.
func TestJournalIsCutAnywhere(t *testing.T) {
	o := newOwing(t)
	journal, err := os.ReadFile(o.path("journal"))
	must(t, err)
	for n := 0; n < len(journal); n += 1 + len(journal)/40 {
		t.Run(fmt.Sprint(n), func(t *testing.T) {
			c := o.clone(t)
			writeJournal(t, c.dir, journal[:n])
			if aside := c.mend(t, "/undone"); slices.ContainsFunc(aside, func(a Aside) bool { return strings.Contains(a.Path, damagedExt) }) {
				t.Errorf("a line that was not finished is called a damage: %v", aside)
			}
		})
	}
}

func TestJournalHasAFlippedBit(t *testing.T) {
	o := newOwing(t)
	journal, err := os.ReadFile(o.path("journal"))
	must(t, err)
	for n := 0; n < len(journal); n += 1 + len(journal)/60 {
		t.Run(fmt.Sprint(n), func(t *testing.T) {
			c := o.clone(t)
			damaged := bytes.Clone(journal)
			damaged[n] ^= 1 << (n % 8)
			writeJournal(t, c.dir, damaged)
			if aside := c.mend(t); len(aside) == 0 {
				t.Error("nothing is set aside")
			} else if copied, err := os.ReadFile(aside[0].Path); err != nil || !bytes.Equal(copied, damaged) {
				t.Errorf("the journal is not kept as it was: %v", err)
			}
			if _, ok := c.s.all()["/removed"]; !ok && n > bytes.LastIndex(journal, []byte(`"g":`)) {
				t.Error("something was removed although a later line could have said otherwise")
			}
		})
	}
}

// Lines that are missing or there twice are damage, although each is good.
func TestJournalHasWrongLines(t *testing.T) {
	o := newOwing(t)
	journal, err := os.ReadFile(o.path("journal"))
	must(t, err)
	lines := bytes.SplitAfter(bytes.TrimSuffix(journal, []byte("\n")), []byte("\n"))
	lines[len(lines)-1] = append(slices.Clip(lines[len(lines)-1]), '\n')
	for i := range lines {
		for what, changed := range map[string][][]byte{
			"missing": slices.Delete(slices.Clone(lines), i, i+1),
			"twice":   slices.Insert(slices.Clone(lines), i, lines[i]),
			"last":    append(slices.Clone(lines), lines[i]),
		} {
			if what == "missing" && i == len(lines)-1 {
				continue // which cannot be known
			}
			t.Run(fmt.Sprint(what, i), func(t *testing.T) {
				c := o.clone(t)
				writeJournal(t, c.dir, bytes.Join(changed, nil))
				if aside := c.mend(t); len(aside) == 0 {
					t.Error("nothing is set aside")
				}
			})
		}
	}
}

// wrecks are what may stand in the place of a file.
var wrecks = map[string]func(path string) error{
	"missing": os.RemoveAll,
	"empty":   func(path string) error { return os.WriteFile(path, nil, 0o600) },
	"garbage": func(path string) error {
		return os.WriteFile(path, bytes.Repeat([]byte("\xff\x00garbage\n"), 100), 0o600)
	},
	"folder": func(path string) error { return os.MkdirAll(filepath.Join(path, "x"), 0o700) },
	"link":   func(path string) error { return os.Symlink("/nowhere/at/all", path) },
}

func TestFilesAreWrecked(t *testing.T) {
	o := newOwing(t)
	drafts, err := os.ReadDir(o.path("drafts"))
	must(t, err)
	names := []string{"journal", "journal.new", "lock", "drafts", "set-aside"}
	for _, f := range drafts {
		names = append(names, filepath.Join("drafts", f.Name()))
	}
	for _, name := range names {
		for kind, wreck := range wrecks {
			t.Run(name+" "+kind, func(t *testing.T) {
				c := o.clone(t)
				var lost []string // which is not there any more
				for _, f := range names {
					if data, err := os.ReadFile(c.path(f)); err == nil && (f == name || strings.HasPrefix(f, name+"/")) {
						lost = append(lost, string(data))
					}
				}
				must(t, os.RemoveAll(c.path(name)))
				must(t, wreck(c.path(name)))
				c.survives(t, name, lost)
			})
		}
	}
}

// survives is mend where a draft may be gone for good, which is told, or be shorter,
// which nobody can know.
func (o owing) survives(t *testing.T, name string, lost []string) {
	t.Helper()
	if !strings.HasPrefix(name, "drafts") || strings.HasSuffix(name, draft.BlocksExt) {
		o.mend(t, lost...)
		return
	}
	b := openBox(t, o.dir, o.s)
	b.Start()
	for _, d := range b.Flush(t.Context(), "") {
		if d.State != Failed || d.Err == nil {
			t.Errorf("still owed: %+v", d)
		}
	}
	b.Close()
	after, has := o.s.all(), o.has(t)
	for _, p := range []string{"/kept", "/edited", "/undone"} {
		if _, ok := after[p]; !ok {
			t.Errorf("%s was removed", p)
		}
	}
	for _, content := range written {
		if !has[content] && !slices.Contains(lost, content) {
			t.Errorf("what was saved as %q is lost", content)
		}
	}
}
