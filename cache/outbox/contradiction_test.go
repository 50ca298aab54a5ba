package outbox

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"losantfs/cache/draft"
)

// A draft over a base of which it is not known any more what counts is set aside
// with all that it has, and the service keeps what it has.
func TestBlocksOfADraftAreDamaged(t *testing.T) {
	s, dir := newShelf(), t.TempDir()
	old := strings.Repeat("old ", draft.BlockSize)
	s.put("/big", old)
	b := openBox(t, dir, s)
	n, err := b.Edit(placeOf(b, s, "big"), b.Describe(s.at("/big")).ID)
	must(t, err)
	_, err = b.Draft(n).WriteAt(t.Context(), []byte("new"), draft.BlockSize)
	must(t, err)
	must(t, b.Flushed(n))
	b.Abandon()
	blocks, err := os.ReadFile(b.draftPath(n.id) + draft.BlocksExt)
	must(t, err)
	o := owing{s, dir}
	for i := range 8 * len(blocks) {
		if i%7 > 0 && i < 8*64 {
			continue
		}
		c := o.clone(t)
		damaged := bytes.Clone(blocks)
		damaged[i/8] ^= 1 << (i % 8)
		c.wantBigAside(t, n.id, damaged)
	}
	for i := 0; i < len(blocks); i += 5 {
		o.clone(t).wantBigAside(t, n.id, blocks[:i])
	}
}

func (o owing) wantBigAside(t *testing.T, id uint64, blocks []byte) {
	t.Helper()
	before := o.s.all()
	must(t, os.WriteFile(filepath.Join(o.dir, "drafts", fmt.Sprint(id)+draft.BlocksExt), blocks, 0o600))
	b := openBox(t, o.dir, o.s)
	b.Start()
	flushed(t, b)
	b.Close()
	if !maps.Equal(o.s.all(), before) {
		t.Error("the service has something else")
	}
	journals, drafts := aside(t, o.dir)
	if journals > 0 || len(drafts) != 1 || drafts[0][draft.BlockSize:draft.BlockSize+3] != "new" {
		t.Errorf("set aside are %d journals and %d drafts", journals, len(drafts))
	}
	all, _ := SetAside(o.dir)
	if !strings.HasSuffix(all[0].Path, "-big") || !strings.Contains(all[0].Reason, "cannot be read") {
		t.Errorf("set aside: %+v", all)
	}
}

// A last line counts when only its end is damaged.
func TestEndOfTheJournalIsDamaged(t *testing.T) {
	for _, end := range []string{"", "\v"} {
		dir := t.TempDir()
		three(t, dir)
		b := openBox(t, dir, newShelf())
		must(t, b.Remove(Place{Dir: "/", Name: "three", Seq: b.Seq()}))
		b.Abandon()
		data, err := os.ReadFile(filepath.Join(dir, "journal"))
		must(t, err)
		writeJournal(t, dir, append(data[:len(data)-1], end...))
		b = openBox(t, dir, newShelf())
		if v, _, err := b.Look("/", "three"); v != nil || err != nil {
			t.Errorf("what was removed is there: %+v, %v", v, err)
		}
		saveNew(t, b, "four", "content of four")
		b.Abandon()
		wantAfterMounts(t, dir, map[string]string{"/one": "content of one", "/two": "content of two", "/four": "content of four"}, 0)
	}
}

// Of what cannot be true together, what was recorded last is.
func TestRecordsContradict(t *testing.T) {
	file := func(id uint64, name string, entry *Base) record {
		return record{Node: id, State: &state{Name: name, Draft: true, Written: true, Entry: entry}}
	}
	s := newShelf()
	e := BaseOf(*s.put("/e", "service"))
	taken := BaseOf(*s.put("/taken", "service"))
	records := []record{
		file(1, "same", nil), file(2, "same", nil), // one name
		file(3, "e", e), {Gone: e.ID, GoneState: &gone{Base: e}}, // removed after it was written
		file(4, "first", taken), file(5, "taken", taken), // one entry
	}
	dir := t.TempDir()
	must(t, os.Mkdir(filepath.Join(dir, "drafts"), 0o700))
	var journal []byte
	for i, r := range records {
		if r.Node != 0 {
			must(t, os.WriteFile(filepath.Join(dir, "drafts", fmt.Sprint(r.Node)), fmt.Appendf(nil, "draft %d", r.Node), 0o600))
		}
		body, err := json.Marshal([]record{r})
		must(t, err)
		journal = append(journal, lineOf(10+i, body)...) // and those before are missing
	}
	writeJournal(t, dir, journal)
	b := openBox(t, dir, s)
	b.Start()
	flushed(t, b)
	if got, want := s.all(), map[string]string{"/same": "draft 2", "/taken": "draft 5"}; !maps.Equal(got, want) {
		t.Errorf("the service has %q, want %q", got, want)
	}
	if journals, drafts := aside(t, dir); journals != 1 || !slices.Equal(drafts, []string{"draft 1", "draft 3", "draft 4"}) {
		t.Errorf("set aside are %d journals and %q", journals, drafts)
	}
}

// What was removed or is new in the journal after the damage is certain.
func TestRemovedAfterTheDamage(t *testing.T) {
	s, dir := newShelf(), t.TempDir()
	s.put("/before", "before")
	s.put("/after", "after")
	b := openBox(t, dir, s)
	must(t, b.Remove(placeOf(b, s, "before")))
	saveNew(t, b, "lost", "lost")
	must(t, b.Remove(placeOf(b, s, "after")))
	b.Abandon()
	journal, err := os.ReadFile(filepath.Join(dir, "journal"))
	must(t, err)
	writeJournal(t, dir, damage(journal, "lost"))
	b = openBox(t, dir, s)
	b.Start()
	flushed(t, b)
	if got, want := s.all(), map[string]string{"/before": "before"}; !maps.Equal(got, want) {
		t.Errorf("the service has %q, want %q", got, want)
	}
}

// What arrived for a file whose records are lost is not taken for a leftover.
func TestArrivedForWhatIsLost(t *testing.T) {
	s, dir := newShelf(), t.TempDir()
	b := openBox(t, dir, s)
	must(t, b.update(func() {
		b.setBegun("/sent", nil, func(d *begun) { d.New, d.Sent = true, d.Sent.add(s.put("/sent", "sent").MD5()) })
	}))
	saveNew(t, b, "lost", "lost")
	must(t, b.update(func() {
		b.setBegun("/also", nil, func(d *begun) { d.New, d.Sent = true, d.Sent.add(s.put("/also", "also").MD5()) })
	}))
	b.Abandon()
	journal, err := os.ReadFile(filepath.Join(dir, "journal"))
	must(t, err)
	writeJournal(t, dir, damage(journal, "lost"))
	b = openBox(t, dir, s)
	b.Start()
	flushed(t, b)
	if got := s.all(); len(got) != 2 {
		t.Errorf("the service has %q", got)
	}
}

// A node that a damage left without its folder must not be sent to another place.
func TestFolderOfAFileIsLost(t *testing.T) {
	s, dir := newShelf(), t.TempDir()
	s.put("/dir/", "")
	in := s.put("/dir/in", "old")
	b := openBox(t, dir, s)
	p := Place{Dir: "/dir/", Name: "in", Entry: in, Seq: b.Seq(), Bases: []*Base{BaseOf(*s.at("/dir"))}}
	n, err := b.Edit(p, b.Describe(in).ID)
	must(t, err)
	_, err = b.Draft(n).WriteAt(t.Context(), []byte("new"), 0)
	must(t, err)
	must(t, b.Flushed(n))
	b.Abandon()
	journal, err := os.ReadFile(filepath.Join(dir, "journal"))
	must(t, err)
	lines := bytes.SplitAfter(journal, []byte("\n"))
	lines[0][12] ^= 1 // where the folder is
	writeJournal(t, dir, bytes.Join(lines, nil))
	b = openBox(t, dir, s)
	b.Start()
	flushed(t, b)
	if got, want := s.all(), map[string]string{"/dir/": "", "/dir/in": "old"}; !maps.Equal(got, want) {
		t.Errorf("the service has %q, want %q", got, want)
	}
	if journals, drafts := aside(t, dir); journals != 1 || !slices.Equal(drafts, []string{"new"}) {
		t.Errorf("set aside are %d journals and %q", journals, drafts)
	}
}
