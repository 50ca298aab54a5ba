package outbox

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"losantfs/remote"
)

// FuzzJournal mounts over any bytes as a journal.
func FuzzJournal(f *testing.F) {
	f.Add([]byte(nil))
	f.Add([]byte("\n"))
	f.Add([]byte("00000000 \n\x00\x00\x00"))
	f.Add(lineOf(1, []byte(`[{"n":1,"s":{"p":0,"name":"a","draft":true}}]`)))
	f.Add(append(lineOf(2, []byte(`null`)), lineOf(1, []byte(`[]`))...))
	f.Fuzz(func(t *testing.T, journal []byte) { wantSound(t, journal) })
}

// FuzzRecords mounts over a journal of good lines that say anything: each line of the
// input is one.
func FuzzRecords(f *testing.F) {
	base := `{"id":"1","dir":"/","name":"a"}`
	for _, records := range []string{
		`[{"n":1,"s":{"p":0,"name":"a","d":true}},{"n":2,"s":{"p":1,"name":"b","draft":true}}]` + "\n" + `[{"n":1}]`,
		`[{"n":1,"s":{"p":1,"name":"a","d":true}}]`,
		`[{"n":1,"s":{"p":2,"name":"a","d":true}},{"n":2,"s":{"p":1,"name":"b","d":true}}]`,
		`[{"n":1,"s":{"p":0,"name":"../../x","draft":true}}]` + "\n" + `[{"n":2,"s":{"p":0,"name":"..","draft":true}}]`,
		`[{"n":1,"s":{"p":0,"name":"a","draft":true}}]` + "\n" + `[{"n":2,"s":{"p":0,"name":"a","draft":true}}]`,
		`[{"n":1,"s":{"p":0,"name":"a","draft":true,"entry":` + base + `}}]` + "\n" + `[{"g":"1","gs":{"base":` + base + `}}]`,
		`[{"g":"1","gs":{}},{"g":"2","gs":{"base":` + base + `}},{"g":"1","gs":{"base":{"id":"1","dir":"","name":"x"}}}]`,
		`[{"m":"1","ms":{}},{"m":"1","ms":{"of":` + base + `,"to":"x"}},{"b":"x","bs":{}},{"b":"/x","bs":{"new":true}}]`,
		`[{"m":"1","ms":{"of":` + base + `,"to":"/x"}}]`,
		`[{"e":"1","a":{"mode":511,"mtime":"2026-11-22T00:00:00Z"}},{"e":"1"},{}]`,
		`[{"n":18446744073709551615,"s":{"p":0,"name":"a","draft":true}}]`,
		`[{"n":1,"s":{"p":0,"name":"a","from":{"id":"1","dir":"/","name":"a","size":-5}}}]`,
		`[{"n":1,"s":{"p":0,"name":"a","from":{"id":"1","dir":"/","name":"a","size":9223372036854775807},"draft":true,"entry":` + base + `}}]`,
	} {
		f.Add(records)
	}
	f.Fuzz(func(t *testing.T, records string) {
		var journal []byte
		for i, body := range strings.Split(records, "\n") {
			journal = append(journal, lineOf(i+1, []byte(body))...)
		}
		wantSound(t, journal)
	})
}

// FuzzStates mounts over records of which each can be, but not with all others: each
// six bytes are one.
func FuzzStates(f *testing.F) {
	f.Add([]byte("\x00\x01\x00\x00\x01\x00" + "\x00\x02\x01\x01\x06\x01")) // a file in a folder
	f.Add([]byte("\x00\x01\x02\x00\x01\x00" + "\x00\x02\x01\x00\x01\x00")) // each in the other
	f.Add([]byte("\x00\x01\x00\x00\x06\x01" + "\x00\x02\x00\x00\x06\x02")) // one name
	f.Add([]byte("\x00\x01\x00\x00\x06\x01" + "\x00\x02\x00\x01\x06\x01")) // one entry
	f.Add([]byte("\x00\x01\x00\x00\x06\x01" + "\x02\x00\x00\x00\x00\x01" + "\x03\x00\x00\x00\x00\x01" + "\x04\x00\x00\x01\x00\x01"))
	f.Add([]byte("\x02\x00\x00\x00\x00\x01" + "\x00\x10\x00\x00\x00\x01" + "\x03\x00\x01\x01\x00\x01")) // gone, and needed after all
	f.Fuzz(func(t *testing.T, what []byte) {
		var journal []byte
		for line := 1; len(what) >= 6; what = what[6:] {
			id, parent, name, flags, entry := uint64(what[1]%5+1), uint64(what[2]%6), string(rune('a'+what[3]%3)), what[4], what[5]%4
			base := &Base{ID: fmt.Sprint(entry), Parent: []string{"/", "/a/", "/a/b/"}[what[3]%3], Name: name, Dir: flags&1 != 0}
			r := record{Node: id}
			switch what[0] % 6 {
			case 0:
				r.State = &state{Parent: parent, Name: name, Dir: base.Dir, Draft: flags&2 != 0 && !base.Dir, Local: flags&32 != 0}
				r.State.Written = r.State.Draft && flags&4 != 0
				if entry > 0 && flags&8 == 0 {
					r.State.Entry = base
				}
				if entry > 0 && flags&16 == 0 && !base.Dir {
					r.State.From = base
				}
			case 1: // it is no more
			case 2:
				r = record{Gone: base.ID, GoneState: &gone{Base: base}}
			case 3:
				r = record{Begun: base.place(), BegunState: &begun{Dir: base.Dir, New: flags&2 != 0}}
			case 4:
				r = record{Move: base.ID, MoveState: &move{Of: base, To: "/" + name}}
			case 5:
				line++ // some are missing
			}
			body, err := json.Marshal([]record{r})
			must(t, err)
			journal = append(journal, lineOf(line, body)...)
			line++
		}
		wantSound(t, journal)
	})
}

// wantSound opens an outbox over a journal and checks that it is one: with a tree of
// names that can be, and the same when it is opened again.
func wantSound(t *testing.T, journal []byte) {
	t.Helper()
	top := t.TempDir()
	dir := filepath.Join(top, "in", "owed")
	must(t, os.MkdirAll(filepath.Join(dir, "drafts"), 0o700))
	must(t, os.WriteFile(filepath.Join(dir, "drafts", "1"), []byte("one"), 0o600))
	writeJournal(t, dir, journal)
	b := openBox(t, dir, newShelf())
	first := soundness(t, b)
	b.Close()
	again := openBox(t, dir, newShelf())
	if second := soundness(t, again); first != second {
		t.Errorf("at first\n%s\nthen\n%s", first, second)
	}
	again.Close()
	must(t, filepath.WalkDir(top, func(path string, _ fs.DirEntry, err error) error {
		if len(path) > len(top) && !strings.HasPrefix(path, dir) && path != filepath.Dir(dir) {
			t.Errorf("there is %s now", path)
		}
		return err
	}))
	kept, _ := os.ReadFile(filepath.Join(dir, "drafts", "1"))
	all, err := SetAside(dir)
	must(t, err)
	whole := slices.ContainsFunc(all, func(a Aside) bool { data, err := os.ReadFile(a.Path); return err == nil && string(data) == "one" })
	if string(kept) != "one" && !whole && !bytes.Contains(journal, []byte(`"n":1`)) {
		t.Error("a draft that nobody gave up is gone")
	}
}

// soundness checks the invariants of an outbox, and describes it.
func soundness(t *testing.T, b *Outbox) string {
	t.Helper()
	b.Owed("")
	b.Conflicts()
	b.due(time.Now().Add(time.Hour))
	b.mu.Lock()
	defer b.mu.Unlock()
	var lines []string
	for id, n := range b.nodes {
		if n == b.root {
			continue
		}
		if !remote.ValidName(n.Name) || n.parent.children[n.Name] != n || b.nodes[n.parent.id] != n.parent || !n.parent.Dir {
			t.Errorf("node %d is called %q in %q", id, n.Name, n.parent.path())
		}
		if e := n.Entry; e != nil && (b.owner[e.ID] != n || b.gone[e.ID] != nil) {
			t.Errorf("node %d has the entry %+v, which is not its own", id, e)
		}
		if n.Draft != (n.draft != nil) && n.lost == nil || n.Dir && n.draft != nil {
			t.Errorf("node %d has no draft, or has one: %+v", id, n.state)
		}
		lines = append(lines, fmt.Sprint("node ", n.path(), n.Dir, n.Entry, n.From, n.Draft, n.lost != nil))
	}
	for id, g := range b.gone {
		if b.gonePlaces[g.Base.place()] == nil || g.Base.ID != id {
			t.Errorf("%s is gone in part", id)
		}
		lines = append(lines, fmt.Sprint("gone ", *g.Base))
	}
	for at := range b.begun {
		lines = append(lines, "begun "+at)
	}
	for id := range b.moves {
		lines = append(lines, "move "+id)
	}
	for id, a := range b.attrs {
		text, _ := json.Marshal(a)
		lines = append(lines, "attributes "+id+string(text))
	}
	slices.Sort(lines)
	return strings.Join(lines, "\n")
}

// FuzzDamage damages a good journal: each byte triple of the input says what is done
// and where.
func FuzzDamage(f *testing.F) {
	for _, damage := range []string{"", "\x00\x01\x00", "\x01\x00\x10", "\x02\x00\x02", "\x03\x00\x05", "\x04\x00\x03", "\x05\x00\x02", "\x02\x00\x01\x01\x00\x99"} {
		f.Add([]byte(damage))
	}
	o := newOwing(f)
	good, err := os.ReadFile(o.path("journal"))
	must(f, err)
	f.Fuzz(func(t *testing.T, what []byte) {
		journal := bytes.Clone(good)
		cut := false
		for ; len(what) >= 3 && len(journal) > 0; what = what[3:] {
			at := int(what[1])<<8 + int(what[2])
			lines := bytes.SplitAfter(journal, []byte("\n"))
			i := at % len(lines)
			switch what[0] % 6 {
			case 0:
				journal[at%len(journal)] ^= 1 << (at % 7)
			case 1:
				journal, cut = journal[:at%len(journal)], true
			case 2:
				lines, cut = slices.Delete(lines, i, i+1), true
				journal = bytes.Join(lines, nil)
			case 3:
				journal = bytes.Join(slices.Insert(lines, i, bytes.Clone(lines[i])), nil)
			case 4:
				lines = append(lines, bytes.Clone(lines[i]))
				journal = bytes.Join(lines, nil)
			case 5:
				clear(journal[at%len(journal) : min(len(journal), at%len(journal)+at%50)])
			}
		}
		c := o.clone(t)
		writeJournal(t, c.dir, journal)
		if cut {
			c.mend(t, "/undone") // the last lines are missing, which cannot be known
		} else {
			c.mend(t)
		}
	})
}
