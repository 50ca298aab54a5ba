package outbox

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
)

// What was recorded is there after a kill; what the journal does not know of any
// more, because it is damaged, is set aside for people to look at.

// three makes three files in a folder, kills the outbox and returns its journal.
func three(t *testing.T, dir string) []byte {
	t.Helper()
	b := openBox(t, dir, newShelf())
	for _, name := range []string{"one", "two", "three"} {
		saveNew(t, b, name, "content of "+name)
	}
	b.Abandon()
	data, err := os.ReadFile(filepath.Join(dir, "journal"))
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func writeJournal(t testing.TB, dir string, data []byte) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(dir, "journal"), data, 0o600); err != nil {
		t.Fatal(err)
	}
}

// wantAfterMounts mounts several times and compares, each time, what is restored
// and what is set aside.
func wantAfterMounts(t *testing.T, dir string, restored map[string]string, journals int, drafts ...string) {
	t.Helper()
	slices.Sort(drafts)
	for i := range 3 {
		b := openBox(t, dir, newShelf())
		got := owedContents(t, b)
		b.Close()
		if !maps.Equal(got, restored) {
			t.Errorf("mount %d has %v, want %v", i+1, got, restored)
		}
		gotJournals, gotDrafts := aside(t, dir)
		if gotJournals != journals || !slices.Equal(gotDrafts, drafts) {
			t.Errorf("after mount %d are aside %d parts of the journal and %q, want %d and %q", i+1, gotJournals, gotDrafts, journals, drafts)
		}
	}
}

var allThree = map[string]string{"/one": "content of one", "/two": "content of two", "/three": "content of three"}

func TestKilled(t *testing.T) {
	dir := t.TempDir()
	three(t, dir)
	wantAfterMounts(t, dir, allThree, 0)
}

func TestLineIsCutOffByAKill(t *testing.T) {
	for _, n := range []int{1, 5, 9, 60} {
		dir := t.TempDir()
		data := three(t, dir)
		lines := bytes.SplitAfter(data, []byte("\n"))
		writeJournal(t, dir, append(data, lines[0][:n]...))
		wantAfterMounts(t, dir, allThree, 0)
	}
}

// What is damaged says no more, and what comes after it still counts.
func TestJournalIsDamaged(t *testing.T) {
	contents := map[string]string{"one": "content of one", "two": "content of two", "three": "content of three"}
	for lost := range contents {
		dir := t.TempDir()
		writeJournal(t, dir, damage(three(t, dir), lost))
		restored := maps.Clone(allThree)
		delete(restored, "/"+lost)
		wantAfterMounts(t, dir, restored, 1, contents[lost])
	}
}

// damage flips a bit in each line of a journal that has some text.
func damage(journal []byte, text string) []byte {
	lines := bytes.SplitAfter(journal, []byte("\n"))
	for _, line := range lines {
		if i := bytes.Index(line, []byte(`"`+text+`"`)); i >= 0 {
			line[i+1] ^= 1
		}
	}
	return bytes.Join(lines, nil)
}

// A file system may leave zeros where the machine lost power.
func TestJournalEndsInZeros(t *testing.T) {
	dir := t.TempDir()
	data := three(t, dir)
	i := bytes.Index(data, []byte(`"three"`))
	i = bytes.LastIndexByte(data[:i], '\n') + 1
	clear(data[i:])
	writeJournal(t, dir, data)
	wantAfterMounts(t, dir, map[string]string{"/one": "content of one", "/two": "content of two"}, 0, "content of three")
}

func TestJournalIsMissing(t *testing.T) {
	dir := t.TempDir()
	three(t, dir)
	if err := os.Remove(filepath.Join(dir, "journal")); err != nil {
		t.Fatal(err)
	}
	wantAfterMounts(t, dir, map[string]string{}, 0, "content of one", "content of two", "content of three")
}

// What is made after a damage does not take the place of what was set aside.
func TestFilesAreMadeAfterADamage(t *testing.T) {
	dir := t.TempDir()
	writeJournal(t, dir, damage(three(t, dir), "three"))
	b := openBox(t, dir, newShelf())
	saveNew(t, b, "four", "content of four")
	b.Abandon()
	wantAfterMounts(t, dir, map[string]string{"/one": "content of one", "/two": "content of two", "/four": "content of four"}, 1, "content of three")
}

// A draft that the journal has let go of is not worth keeping.
func TestDraftsOfRemovedFilesGo(t *testing.T) {
	dir := t.TempDir()
	b := openBox(t, dir, newShelf())
	n := saveNew(t, b, "one", "content of one")
	b.Release(n, true)
	if err := b.Remove(Place{Dir: "/", Name: "one", Seq: b.Seq()}); err != nil {
		t.Fatal(err)
	}
	b.Abandon()
	wantAfterMounts(t, dir, map[string]string{}, 0)
	if left, _ := os.ReadDir(filepath.Join(dir, "drafts")); len(left) > 0 {
		t.Errorf("%d drafts are left", len(left))
	}
}

// The journal is written anew while others write, and loses nothing.
func TestJournalIsCompactedUnderLoad(t *testing.T) {
	dir := t.TempDir()
	b := openBox(t, dir, newShelf())
	var nodes []*Node
	for i := range 20 {
		nodes = append(nodes, saveNew(t, b, fmt.Sprint("file ", i), fmt.Sprint("content ", i)))
	}
	const each = 2 * compactAfter / 4
	var work sync.WaitGroup
	for w := range 4 {
		work.Go(func() {
			for i := range each {
				// Much is written again and again, some of it once.
				n, err := nodes[w*5+i%5], error(nil)
				if i%10 == 0 {
					err = b.update(func() { b.setAttrs(fmt.Sprint(w, "/", i), Attrs{Mode: 1}) })
				} else {
					err = b.SetAttrs(Nowhere, n.ino, func(a *Attrs) { a.Mode = uint32(w<<20 + i) })
				}
				if err == nil && i%1000 == 0 {
					err = b.Sync()
				}
				if err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	work.Wait()
	b.Abandon()
	data, err := os.ReadFile(filepath.Join(dir, "journal"))
	if err != nil {
		t.Fatal(err)
	}
	if lines := bytes.Count(data, []byte("\n")); lines >= 2*compactAfter {
		t.Errorf("the journal has %d lines", lines)
	}
	b = openBox(t, dir, newShelf())
	if got := owedContents(t, b); len(got) != 20 || got["/file 7"] != "content 7" {
		t.Errorf("restored are %v", got)
	}
	for _, n := range b.nodes {
		for _, was := range nodes {
			if n.Name == was.Name && n.Attrs.Mode != was.Attrs.Mode {
				t.Errorf("%s has mode %o, had %o", n.Name, n.Attrs.Mode, was.Attrs.Mode)
			}
		}
	}
	if want := 4 * each / 10; len(b.attrs) != want {
		t.Errorf("of what was written once are left %d, want %d", len(b.attrs), want)
	}
	b.Close() // it may have been compacting again
	if left, _ := filepath.Glob(filepath.Join(dir, "journal.*")); len(left) > 0 {
		t.Errorf("beside the journal are %s", strings.Join(left, ", "))
	}
}

// What cannot be recorded is refused, or recorded once there is room again.
func TestJournalFindsNoRoom(t *testing.T) {
	dir := t.TempDir()
	b := openBox(t, dir, newShelf())
	one := saveNew(t, b, "one", "first")
	full := func(err error) {
		b.mu.Lock()
		defer b.mu.Unlock()
		b.journal.broken = err
	}
	full(syscall.ENOSPC)
	if _, err := b.Create(Place{Dir: "/", Name: "two", Seq: b.Seq()}, Attrs{}); !errors.Is(err, syscall.ENOSPC) {
		t.Errorf("a file was made: %v", err)
	}
	if v, _, _ := b.Look("/", "two"); v != nil {
		t.Error("a file is seen that could not be made")
	}
	if _, err := b.Draft(one).WriteAt(t.Context(), []byte("FIRST"), 0); err != nil {
		t.Fatal(err)
	}
	if err := b.Flushed(one); !errors.Is(err, syscall.ENOSPC) {
		t.Errorf("a change was recorded: %v", err)
	}
	if err := b.Sync(); !errors.Is(err, syscall.ENOSPC) {
		t.Errorf("a change is safe: %v", err)
	}
	full(nil)
	if err := b.Sync(); err != nil {
		t.Error(err)
	}
	saveNew(t, b, "two", "second")
	b.Abandon()
	wantAfterMounts(t, dir, map[string]string{"/one": "FIRST", "/two": "second"}, 0)
}
