package tree

import (
	"encoding/binary"
	"io"
	"slices"
	"time"

	"losantfs/remote"
)

// Snapshot is what a tree knows, to be kept until the next mount.
type Snapshot struct {
	Since, AsOf time.Time
	Whole       bool // all directories were known
	listings    []saved
}

// saved is one directory of a snapshot.
type saved struct {
	dir string
	*Listing
}

// Snapshot returns what is watched: of anything else it would not be known later
// whether it still holds.
func (t *Tree) Snapshot() *Snapshot {
	t.mu.Lock()
	defer t.mu.Unlock()
	s := &Snapshot{Since: t.since, AsOf: t.asOf, Whole: t.whole.known}
	for _, dir := range t.listings.Keys() {
		if l, ok := t.listings.Get(dir); ok && t.isWatchedLocked(l) && !t.frozen(dir) {
			s.listings = append(s.listings, saved{dir, l})
		}
	}
	return s
}

// Restore makes a snapshot known again, in a tree that knows nothing yet. A look
// has to find out whether it still holds.
func (t *Tree) Restore(s *Snapshot) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.since, t.asOf, t.whole.known = s.Since, s.AsOf, s.Whole
	for _, saved := range s.listings {
		t.store(saved.dir, saved.Listing)
	}
}

// Version returns a number that changes with what is known.
func (t *Tree) Version() uint64 {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.version
}

// WithoutURLs takes out the URLs of all files.
func (s *Snapshot) WithoutURLs() {
	for i := range s.listings {
		l := *s.listings[i].Listing
		l.shown, l.moving = withoutURLs(l.Entries()), slices.Clone(l.moving)
		for k := range l.moving {
			l.moving[k].URL = ""
		}
		s.listings[i].Listing = &l
	}
}

func withoutURLs(entries []remote.Entry) (p packed) {
	p.grow(len(entries))
	for i := range entries {
		entries[i].URL = ""
		p.add(&entries[i])
	}
	return p
}

// Encode writes a snapshot: its times, whether all is known, and the directories up to
// the end. Of each there is its path, when it was fetched, how many entries are hidden,
// and what is shown and what is moving, each as its words and its records.
func (s *Snapshot) Encode(w io.Writer) error {
	b := appendTime(appendTime(nil, s.Since), s.AsOf)
	whole := byte(0)
	if s.Whole {
		whole = 1
	}
	_, err := w.Write(append(b, whole))
	for _, l := range s.listings {
		if err != nil {
			break
		}
		var moving packed
		for i := range l.moving {
			moving.add(&l.moving[i])
		}
		b = appendTime(appendText(b[:0], l.dir), l.Fetched)
		b = binary.AppendUvarint(b, uint64(l.Hidden))
		_, err = w.Write(moving.appendTo(l.shown.appendTo(b)))
	}
	return err
}

func (p *packed) appendTo(b []byte) []byte {
	b = binary.AppendUvarint(b, uint64(len(p.words)))
	for _, word := range p.words {
		b = appendText(b, word)
	}
	b = binary.AppendUvarint(b, uint64(len(p.data)))
	return append(b, p.data...)
}

// DecodeSnapshot reads what [Snapshot.Encode] wrote, and keeps data. It fails rather
// than return what no tree can hold.
func DecodeSnapshot(data []byte) (*Snapshot, error) {
	r := &reader{b: data}
	s := &Snapshot{Since: r.time(), AsOf: r.time()}
	s.Whole = r.uvarint() == 1
	for len(r.b) > 0 {
		dir := string(r.text())
		l := &Listing{Fetched: r.time(), Hidden: int(r.uvarint())}
		l.shown = r.packed()
		moving := r.packed()
		l.moving = moving.entries()
		l.Moving = len(l.moving)
		if r.bad || !l.tally() {
			break
		}
		s.listings = append(s.listings, saved{dir, l})
	}
	if r.bad || len(r.b) > 0 {
		return nil, errPacked
	}
	return s, nil
}

func (r *reader) packed() (p packed) {
	n := r.uvarint()
	if n > mostWords {
		r.bad = true
		return p
	}
	for range n {
		p.words = append(p.words, string(r.text()))
	}
	p.data = r.text()
	for in := (reader{b: p.data, words: p.words}); len(in.b) > 0; {
		if in.record(); in.bad {
			r.bad = true
			return packed{}
		}
		p.ends = append(p.ends, len(p.data)-len(in.b))
	}
	p.clip()
	return p
}

// tally counts what is shown, and reports whether that is a listing: names that can be
// shown, in their order, each once.
func (l *Listing) tally() bool {
	last := ""
	for i := range l.shown.len() {
		r := l.shown.at(i)
		e := remote.Entry{Name: string(r.name), Dir: r.is(isDir), Size: r.size, Status: r.status}
		if e.ID = string(r.id); r.is(hexID) {
			e.ID = anyID // it is one
		}
		if len(r.movedTo) > 0 {
			e.MovedTo = anyID
		}
		if fateOf(&e) != shown || i > 0 && e.Name <= last {
			return false
		}
		l.count(&e, 1)
		last = e.Name
	}
	return true
}

const anyID = "000000000000000000000000"
