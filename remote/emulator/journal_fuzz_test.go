package emulator

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// FuzzJournal starts over any bytes as a journal: it is refused, or what it says stays
// in the folder and is the same the next time.
func FuzzJournal(f *testing.F) {
	const id, app = "61f1f1f1f1f1f1f1f1f1f1f1", `{"app":{"id":"61f1f1f1f1f1f1f1f1f1f1f1","name":"a"}}` + "\n"
	entry := func(more string) string {
		return app + `{"entry":{"id":"` + id + `","app":"` + id + `","space":"public","name":"x","parent":"/","status":"completed"` + more + `}}` + "\n"
	}
	f.Add([]byte(nil))
	f.Add([]byte(app + `{"gone":"` + id + `"}` + "\n" + `{"ticket":"t"}` + "\n{"))
	f.Add([]byte(entry("")))
	f.Add([]byte(entry(`,"object":"x"`)))
	f.Add([]byte(entry(`,"object":"../../outside","incoming":"../../outside"`)))
	f.Add([]byte(entry(`,"moveInto":"`+id+`","dir":true`) + entry(`,"dir":true,"name":"/"`)))
	f.Add([]byte(`{"meta":{"secret":"no hex"}}` + "\n"))
	f.Add([]byte("null\n[]\n"))
	f.Fuzz(func(t *testing.T, journal []byte) {
		top := t.TempDir()
		outside := filepath.Join(top, "outside")
		if err := os.WriteFile(outside, []byte("kept"), 0o600); err != nil {
			t.Fatal(err)
		}
		dir := filepath.Join(top, "a", "b")
		if err := os.MkdirAll(dir, 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, "journal"), journal, 0o600); err != nil {
			t.Fatal(err)
		}
		apps, entries, ok := reopened(t, dir)
		if apps2, entries2, ok2 := reopened(t, dir); ok && (!ok2 || apps != apps2 || entries != entries2) {
			t.Errorf("%d applications and %d entries, then %d and %d (%v)", apps, entries, apps2, entries2, ok2)
		}
		err := filepath.WalkDir(top, func(path string, _ fs.DirEntry, err error) error {
			if !strings.HasPrefix(path, dir) && !strings.HasPrefix(dir, path) && path != outside {
				t.Errorf("there is %s now", path)
			}
			return err
		})
		if kept, readErr := os.ReadFile(outside); err != nil || readErr != nil || string(kept) != "kept" {
			t.Errorf("a file outside of the folder: %v, %v", err, readErr)
		}
	})
}

// reopened loads a folder and changes what it can.
func reopened(t *testing.T, dir string) (apps, entries int, ok bool) {
	t.Helper()
	st, err := openState(dir)
	if err != nil {
		return 0, 0, false
	}
	defer st.journal.close()
	for _, e := range st.entries {
		if e.object != "" {
			if f, err := st.objects.open(e.object); err == nil {
				f.Close()
			}
		}
	}
	if err := st.compact(); err != nil {
		t.Error(err)
	}
	apps, entries = len(st.apps), len(st.entries)
	for _, e := range st.entries {
		st.drop(e) // with its content
	}
	return apps, entries, true
}
