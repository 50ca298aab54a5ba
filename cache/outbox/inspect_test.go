package outbox

import (
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"testing"
)

func wantInspected(t *testing.T, dir string, want Inspected) {
	t.Helper()
	before := filesBelow(t, dir)
	if got, err := Inspect(dir); err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("%+v, %v; want %+v", got, err, want)
	}
	if after := filesBelow(t, dir); !reflect.DeepEqual(after, before) {
		t.Errorf("the folder was changed")
	}
}

// filesBelow returns all files below a folder.
func filesBelow(t *testing.T, dir string) map[string]string {
	t.Helper()
	all := map[string]string{}
	err := filepath.WalkDir(dir, func(path string, e os.DirEntry, err error) error {
		if errors.Is(err, os.ErrNotExist) || err == nil && e.IsDir() {
			return nil
		}
		data, err := os.ReadFile(path)
		all[path] = string(data)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func TestInspect(t *testing.T) {
	dir := t.TempDir()
	wantInspected(t, filepath.Join(dir, "none"), Inspected{})
	wantInspected(t, dir, Inspected{})
	b := openBox(t, dir, newShelf())
	for _, name := range []string{"one", "two"} {
		saveNew(t, b, name, name)
	}
	wantInspected(t, dir, Inspected{InUse: true})
	owed := len(b.Owed(""))
	b.Abandon()
	wantInspected(t, dir, Inspected{Owed: owed})

	journal, err := os.ReadFile(filepath.Join(dir, "journal"))
	if err != nil {
		t.Fatal(err)
	}
	writeJournal(t, dir, append(journal, "0123"...))
	wantInspected(t, dir, Inspected{Owed: owed, Torn: true})
	writeJournal(t, dir, append(journal, "0123\n"...))
	wantInspected(t, dir, Inspected{Owed: owed, Damaged: 1})
	writeJournal(t, dir, append(journal, make([]byte, 100)...))
	wantInspected(t, dir, Inspected{Owed: owed})
	writeJournal(t, dir, journal)

	drafts, err := filepath.Glob(filepath.Join(dir, "drafts", "*"))
	if err != nil || len(drafts) != 2 { // one file for each new file
		t.Fatal(drafts, err)
	}
	for _, path := range drafts {
		if err := os.Remove(path); err != nil {
			t.Fatal(err)
		}
	}
	wantInspected(t, dir, Inspected{Owed: owed, Missing: []string{"one", "two"}})
	aside := filepath.Join(dir, "journal.damaged-1")
	if err := os.WriteFile(aside, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	wantInspected(t, dir, Inspected{Owed: owed, Missing: []string{"one", "two"}, Aside: []string{aside}})
}

// What is to be removed counts once, with all below it.
func TestInspectCountsTheRemoved(t *testing.T) {
	at := func(parent, name string, dir bool) *gone {
		return &gone{Base: &Base{Parent: parent, Name: name, Dir: dir}}
	}
	var i Inspected
	i.countGone(map[string]*gone{"1": at("/", "d", true), "2": at("/d/", "f", false), "3": at("/d/e/", "g", false),
		"4": at("/", "f", false), "5": at("/f/", "odd", false), "6": at("/dd/", "f", false)})
	if i.Owed != 4 {
		t.Errorf("%d changes, want 4", i.Owed)
	}
}
