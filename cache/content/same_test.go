package content

import (
	"bytes"
	"errors"
	"testing"
)

var errGone = errors.New("the entry is gone")

func movedKey(s *fakeSource) Key {
	k := s.key()
	k.ID = "5c8e6b0f2f4d2a0007d1a0ff"
	return k
}

// moved returns the source of an entry after its move.
func moved(s *fakeSource) *fakeSource {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.dead = errGone
	return &fakeSource{data: s.data}
}

func TestSame(t *testing.T) {
	src := newSource(10*BlockSize + 5)
	st := openStore(t, t.TempDir(), 1<<30)
	defer st.Close()
	st.work.Wait()
	to := movedKey(src)
	st.Same(src.key(), to) // of nothing
	wantCounted(t, st, 0)
	r := src.open(st)
	wantRead(t, r, src, int64(len(src.data)))
	r.Close()
	now := moved(src)
	st.Same(src.key(), src.key())
	st.Same(src.key(), to)
	wantCounted(t, st, 1)
	r = NewReader(st.File(to, src.md5(), now))
	defer r.Close()
	wantRead(t, r, now, 0)
	wantCounted(t, st, 1)
}

// Also before the scan has found what an earlier mount left.
func TestSameBeforeTheScan(t *testing.T) {
	dir := t.TempDir()
	st := openStore(t, dir, 1<<30)
	src := newSource(100_000)
	keep(t, st, src, src.key())
	st.Close()
	empty := openStore(t, t.TempDir(), 1<<30)
	empty.Close()
	st.gone, st.lru = map[string]bool{}, empty.lru
	st.Same(src.key(), movedKey(src))
	if !st.gone[src.key().name()] {
		t.Error("a scan that has seen the old name would count it")
	}
	wantCounted(t, st, 1)
}

func TestSameWhileOpen(t *testing.T) {
	src := newSource(10*BlockSize + 5)
	st := openStore(t, t.TempDir(), 1<<30)
	defer st.Close()
	st.work.Wait()
	r := src.open(st)
	defer r.Close()
	if _, err := r.ReadAt(t.Context(), make([]byte, 6*BlockSize), 0); err != nil {
		t.Fatal(err)
	}
	r.f().idle()
	has := src.bytes
	now := moved(src)
	st.Same(src.key(), movedKey(src))
	wantCounted(t, st, 1)
	p := make([]byte, 6*BlockSize)
	if _, err := r.ReadAt(t.Context(), p, 0); err != nil || !bytes.Equal(p, src.data[:len(p)]) {
		t.Errorf("what is there: %v", err)
	}
	if has < int64(len(src.data)) {
		if _, err := readAll(t.Context(), r); !errors.Is(err, errGone) {
			t.Errorf("what is not there, of the old entry: %v", err)
		}
	}
	// Who opens it under the new id shares it, and brings the source for all.
	r2 := NewReader(st.File(movedKey(src), src.md5(), now))
	defer r2.Close()
	wantRead(t, r, now, int64(len(src.data))-has)
	wantRead(t, r2, now, int64(len(src.data))-has)
	wantCounted(t, st, 1)
}

// f returns the file that r reads.
func (r *Reader) f() *File {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.used.f
}

// idle returns once no fetch is under way.
func (f *File) idle() {
	for {
		f.mu.Lock()
		var fl *flight
		for _, fl = range f.flights {
			break
		}
		running := f.running
		f.mu.Unlock()
		if running == 0 {
			return
		}
		if fl != nil {
			fl.mu.Lock()
			changed := fl.changed
			fl.mu.Unlock()
			<-changed
		}
	}
}

// When both are open, all read what the one that has more holds.
func TestSameWhileBothAreOpen(t *testing.T) {
	for _, more := range []bool{true, false} {
		src := newSource(10*BlockSize + 5)
		st := openStore(t, t.TempDir(), 1<<30)
		now := &fakeSource{data: src.data}
		r := src.open(st)
		r2 := NewReader(st.File(movedKey(src), src.md5(), now))
		full, part := r, r2
		if !more {
			full, part = r2, r
		}
		for r, n := range map[*Reader]int{full: 5, part: 1} { // far enough in to fetch no more
			if _, err := r.ReadAt(t.Context(), make([]byte, n*BlockSize), 5*BlockSize); err != nil {
				t.Fatal(err)
			}
		}
		moved(src)
		rest := int64(len(src.data)) - 5*BlockSize
		st.Same(src.key(), movedKey(src))
		if more {
			wantRead(t, r, now, BlockSize+rest)
			wantRead(t, r2, now, BlockSize+rest)
			wantCounted(t, st, 1)
		} else {
			wantRead(t, r2, now, 5*BlockSize+rest)
			wantCounted(t, st, 2)
		}
		r.Close()
		r2.Close()
		if n := len(st.files); n != 0 {
			t.Errorf("%d files are open", n)
		}
		st.Close()
	}
}

// Nothing but its source says that parts of content without an MD5 are of one
// version. Content that is whole can be moved.
func TestSameWithoutAnMD5(t *testing.T) {
	for _, whole := range []bool{true, false} {
		src := newSource(10*BlockSize + 5)
		st := openStore(t, t.TempDir(), 1<<30)
		r := NewReader(st.File(src.key(), "", src))
		if _, err := r.ReadAt(t.Context(), make([]byte, 10), 5*BlockSize); err != nil {
			t.Fatal(err)
		}
		want := int64(len(src.data))
		if whole {
			wantRead(t, r, src, want)
			want = 0
		}
		now := moved(src)
		st.Same(src.key(), movedKey(src))
		r2 := NewReader(st.File(movedKey(src), "", now))
		wantRead(t, r2, now, want)
		if n, err := r.ReadAt(t.Context(), make([]byte, 10), 5*BlockSize); n != 10 || err != nil {
			t.Errorf("who has the old one open: %d, %v", n, err)
		}
		r.Close()
		r2.Close()
		st.Close()
	}
}

func TestSameOfKeptContent(t *testing.T) {
	src := newSource(10*BlockSize + 5)
	st := openStore(t, t.TempDir(), 1<<30)
	defer st.Close()
	keep(t, st, src, src.key())
	now := moved(src)
	st.Same(src.key(), movedKey(src))
	wantCounted(t, st, 1)
	r := NewReader(st.File(movedKey(src), "", now))
	defer r.Close()
	wantRead(t, r, now, 0)
	wantCounted(t, st, 1)
}
