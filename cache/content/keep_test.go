package content

import (
	"bytes"
	"errors"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"sync"
	"syscall"
	"testing"
	"time"
)

func (s *fakeSource) key() Key {
	return Key{ID: "5c8e6b0f2f4d2a0007d1a001", Version: s.md5(), Size: int64(len(s.data))}
}

// draftOf puts the content of a source into a file and returns its name and that of
// a link to it.
func draftOf(t *testing.T, s *fakeSource) (draft, link string) {
	t.Helper()
	draft = filepath.Join(t.TempDir(), "draft")
	link = draft + ".link"
	if err := errors.Join(os.WriteFile(draft, s.data, 0o600), os.Link(draft, link)); err != nil {
		t.Fatal(err)
	}
	return draft, link
}

// keep keeps a link to a draft and returns the name of the draft.
func keep(t *testing.T, st *Store, s *fakeSource, k Key) string {
	t.Helper()
	draft, link := draftOf(t, s)
	if err := st.Keep(k, link); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Lstat(link); err == nil {
		t.Error("the file that was handed in is still there")
	}
	return draft
}

func wantRead(t *testing.T, r *Reader, s *fakeSource, fetched int64) {
	t.Helper()
	got, err := readAll(t.Context(), r)
	if err != nil || !bytes.Equal(got, s.data) {
		t.Errorf("%d bytes, right: %v, %v", len(got), bytes.Equal(got, s.data), err)
	}
	wantFetched(t, s, fetched)
}

func wantFetched(t *testing.T, s *fakeSource, want int64) {
	t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.bytes != want {
		t.Errorf("%d bytes were fetched, want %d", s.bytes, want)
	}
}

// wantCounted compares what the store counts with what one that is opened anew
// finds, and that nothing else is in the folder.
func wantCounted(t *testing.T, st *Store, versions int) {
	t.Helper()
	st2 := openStore(t, st.dir, 1<<40)
	defer st2.Close()
	st2.work.Wait()
	if st.Bytes() != st2.Bytes() || st2.lru.Len() != versions || st.lru.Len() != versions {
		t.Errorf("%d bytes of %d versions are counted; on disk are %d of %d, want %d versions", st.Bytes(), st.lru.Len(), st2.Bytes(), st2.lru.Len(), versions)
	}
	all, _ := filepath.Glob(filepath.Join(st.dir, "*", "*"))
	if len(all) != 2*versions {
		t.Errorf("%d files: %v", len(all), all)
	}
}

func TestKeptContentIsNotFetched(t *testing.T) {
	for _, size := range []int{0, 1, BlockSize, 3*BlockSize + 5} {
		for _, known := range []bool{true, false} {
			dir := t.TempDir()
			src := newSource(size)
			sum := ""
			if known {
				sum = src.md5()
			}
			st := openStore(t, dir, 1<<30)
			st.work.Wait()
			keep(t, st, src, src.key())
			wantCounted(t, st, min(1, size))
			for range 2 { // in this mount and after a restart
				r := NewReader(st.File(src.key(), sum, src))
				wantRead(t, r, src, 0)
				wantCounted(t, st, min(1, size))
				r.Close()
				st.Close()
				st = openStore(t, dir, 1<<30)
				st.work.Wait()
			}
			st.Close()
		}
	}
}

func TestKeepCountsWhatIsOnDisk(t *testing.T) {
	st := openStore(t, t.TempDir(), 1<<30)
	defer st.Close()
	src := &fakeSource{data: make([]byte, 1<<20)}
	copy(src.data, "all but the first block is a hole")
	draft := filepath.Join(t.TempDir(), "draft")
	if err := errors.Join(os.WriteFile(draft, src.data[:100], 0o600), os.Truncate(draft, 1<<20)); err != nil {
		t.Fatal(err)
	}
	if err := st.Keep(src.key(), draft); err != nil {
		t.Fatal(err)
	}
	if n := st.Bytes(); n > 64<<10 {
		t.Errorf("%d bytes are counted for 100", n)
	}
	wantCounted(t, st, 1)
	r := src.open(st)
	defer r.Close()
	wantRead(t, r, src, 0)
	wantCounted(t, st, 1)
}

// What has another name is not written to, whatever is wrong with it.
func TestKeptFileIsNeverWrittenTo(t *testing.T) {
	for name, harm := range map[string]func(t *testing.T, st *Store, draft, data, index string) error{
		"a block":   func(_ *testing.T, _ *Store, _, _, _ string) error { return nil },
		"longer":    func(_ *testing.T, _ *Store, draft, _, _ string) error { return os.Truncate(draft, 10*BlockSize) },
		"shorter":   func(_ *testing.T, _ *Store, draft, _, _ string) error { return os.Truncate(draft, 2*BlockSize) },
		"empty":     func(_ *testing.T, _ *Store, draft, _, _ string) error { return os.Truncate(draft, 0) },
		"no index":  func(_ *testing.T, _ *Store, _, _, index string) error { return os.Remove(index) },
		"cut index": func(_ *testing.T, _ *Store, _, _, index string) error { return os.Truncate(index, indexHeader+4) },
		"bad index": func(_ *testing.T, _ *Store, _, _, index string) error { return os.Truncate(index, 5) },
		"no data":   func(_ *testing.T, _ *Store, _, data, _ string) error { return os.Remove(data) },
		"one name": func(_ *testing.T, _ *Store, draft, _, index string) error {
			return errors.Join(os.Remove(draft), os.Truncate(index, indexHeader+4))
		},
	} {
		for _, known := range []bool{true, false} {
			t.Run(name, func(t *testing.T) {
				src := newSource(3*BlockSize + 5)
				sum := ""
				if known {
					sum = src.md5()
				}
				st := openStore(t, t.TempDir(), 1<<30)
				defer st.Close()
				draft := keep(t, st, src, src.key())
				n := src.key().name()
				f, err := os.OpenFile(draft, os.O_RDWR, 0)
				if err != nil {
					t.Fatal(err)
				}
				defer f.Close()
				if _, err := f.WriteAt([]byte("changed"), BlockSize+7); err != nil {
					t.Fatal(err)
				}
				if err := harm(t, st, draft, st.path(n, dataExt), st.path(n, indexExt)); err != nil {
					t.Fatal(err)
				}
				draftIs := func() []byte { // also when it has no name any more
					all, err := io.ReadAll(io.NewSectionReader(f, 0, 1<<30))
					if err != nil {
						t.Fatal(err)
					}
					return all
				}
				before := draftIs()
				want := int64(len(src.data))
				r := NewReader(st.File(src.key(), sum, src))
				defer r.Close()
				wantRead(t, r, src, want)
				if after := draftIs(); !bytes.Equal(before, after) {
					t.Errorf("the draft was written to: %d bytes, then %d", len(before), len(after))
				}
			})
		}
	}
}

func TestKeepThatFindsNoRoom(t *testing.T) {
	dir := t.TempDir()
	st := openStore(t, dir, 1<<20)
	defer st.Close()
	st.work.Wait()
	small := newSource(100_000)
	keep(t, st, small, small.key())
	wantCounted(t, st, 1)
	large := newSource(2 << 20)
	keep(t, st, large, large.key())
	wantCounted(t, st, 1) // the other is not pushed out in vain
	held := newSource(800_000)
	r := held.open(st)
	wantRead(t, r, held, 800_000)
	other := newSource(700_000)
	keep(t, st, other, other.key())
	if st.Bytes() > 1<<20 {
		t.Errorf("%d bytes are kept", st.Bytes())
	}
	wantRead(t, r, held, 800_000)
	part := newSource(600_000) // open in part, with no room for the whole
	r2 := part.open(st)
	if _, err := r2.ReadAt(t.Context(), make([]byte, 10), 5*BlockSize); err != nil {
		t.Fatal(err)
	}
	keep(t, st, part, part.key())
	wantCounted(t, st, 2)
	wantRead(t, r2, part, 600_000)
	r2.Close()
	st.Discard(part.key())
	r.Close()
	keep(t, st, other, other.key())
	wantCounted(t, st, 1)
	r = other.open(st)
	defer r.Close()
	wantRead(t, r, other, 0)
}

func TestKeepOnAFullDisk(t *testing.T) {
	st := openStore(t, t.TempDir(), 1<<30)
	defer st.Close()
	src := newSource(3 * BlockSize)
	_, link := draftOf(t, src)
	signal.Ignore(syscall.SIGXFSZ)
	defer signal.Reset(syscall.SIGXFSZ)
	var was syscall.Rlimit
	if err := errors.Join(syscall.Getrlimit(syscall.RLIMIT_FSIZE, &was), syscall.Setrlimit(syscall.RLIMIT_FSIZE, &syscall.Rlimit{Cur: 70, Max: was.Max})); err != nil {
		t.Fatal(err)
	}
	err := st.Keep(src.key(), link)
	if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &was); err != nil {
		t.Fatal(err)
	}
	if !errors.Is(err, syscall.EFBIG) {
		t.Errorf("%v, want no room for the index", err)
	}
	if _, err := os.Lstat(link); err == nil {
		t.Error("the file is still there")
	}
	wantCounted(t, st, 0)
}

func TestKeepOfAWrongFile(t *testing.T) {
	st := openStore(t, t.TempDir(), 1<<30)
	defer st.Close()
	src := newSource(1000)
	_, link := draftOf(t, src)
	symlink := link + "2"
	if err := os.Symlink(link, symlink); err != nil {
		t.Fatal(err)
	}
	k := src.key()
	k.Size--
	if st.Keep(src.key(), symlink) == nil || st.Keep(k, link) == nil || st.Keep(src.key(), link) == nil {
		t.Error("kept a link, a file of another size or nothing")
	}
	wantCounted(t, st, 0)
}

func TestKeepFromAnotherFileSystem(t *testing.T) {
	dir, err := os.MkdirTemp("/dev/shm", "content")
	if err != nil {
		t.Skip(err)
	}
	defer os.RemoveAll(dir)
	st := openStore(t, dir, 1<<30)
	defer st.Close()
	src := newSource(3*BlockSize + 5)
	keep(t, st, src, src.key())
	r := src.open(st)
	defer r.Close()
	wantRead(t, r, src, 0)
	wantCounted(t, st, 1)
}

// Who has a version open goes on, with what was kept from the next read on.
func TestKeepWhileOpen(t *testing.T) {
	for _, known := range []bool{true, false} {
		st := openStore(t, t.TempDir(), 1<<30)
		src := newSource(20 * BlockSize)
		sum := ""
		want := int64(len(src.data))
		if known {
			sum, want = src.md5(), BlockSize
		}
		r := NewReader(st.File(src.key(), sum, src))
		if n, err := r.ReadAt(t.Context(), make([]byte, 10), 10*BlockSize); n != 10 || err != nil {
			t.Fatal(n, err)
		}
		before := r.f()
		keep(t, st, src, src.key())
		wantRead(t, r, src, want)
		wantCounted(t, st, 1)
		before.mu.Lock()
		if before.closed != known {
			t.Errorf("the file that was open before is closed: %v", before.closed)
		}
		before.mu.Unlock()
		r.Close()
		if n := len(st.files); n != 0 {
			t.Errorf("%d files are open", n)
		}
		st.Close()
	}
}

// A read that waits for the network is not disturbed.
func TestKeepDuringAFetch(t *testing.T) {
	st := openStore(t, t.TempDir(), 1<<30)
	defer st.Close()
	src := newSource(20 * BlockSize)
	src.gate = make(chan struct{})
	r := src.open(st)
	defer r.Close()
	done := make(chan error, 1)
	p := make([]byte, 1000)
	go func() { _, err := r.ReadAt(t.Context(), p, 10*BlockSize); done <- err }()
	for src.started() == 0 {
		time.Sleep(time.Millisecond)
	}
	keep(t, st, src, src.key())
	close(src.gate)
	if err := <-done; err != nil || !bytes.Equal(p, src.data[10*BlockSize:][:1000]) {
		t.Error(err)
	}
	wantRead(t, r, src, BlockSize)
	wantCounted(t, st, 1)
}

func (s *fakeSource) started() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.fetches
}

func TestUnfinishedFilesAreCleanedUp(t *testing.T) {
	dir := t.TempDir()
	st := openStore(t, dir, 1<<30)
	src := newSource(1000)
	keep(t, st, src, src.key())
	st.Close()
	n := src.key().name()
	for _, name := range []string{st.path(n, ".1.data"+newExt), st.path(n, ".1.index"+newExt)} {
		if err := os.WriteFile(name, nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(filepath.Join(dir, "x"+newExt), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	st = openStore(t, dir, 1<<30)
	st.work.Wait()
	st.Close()
	wantCounted(t, st, 1)
	if _, err := os.Lstat(filepath.Join(dir, "x"+newExt)); err != nil {
		t.Error("another's file was removed")
	}
}

func TestDiscard(t *testing.T) {
	for _, open := range []bool{false, true} {
		st := openStore(t, t.TempDir(), 1<<30)
		src := newSource(5*BlockSize + 5)
		wrong := newSource(5*BlockSize + 5)
		wrong.data = bytes.Repeat([]byte("w"), len(src.data))
		draft := keep(t, st, wrong, src.key())
		var r *Reader
		if open {
			r = src.open(st)
			if n, err := r.ReadAt(t.Context(), make([]byte, 1000), 0); n != 1000 || err != nil {
				t.Fatal(n, err)
			}
		}
		st.Discard(src.key())
		if !open {
			wantCounted(t, st, 0)
			r = src.open(st)
		}
		wantRead(t, r, src, int64(len(src.data)))
		wantCounted(t, st, 1)
		if after, err := os.ReadFile(draft); err != nil || !bytes.Equal(after, wrong.data) {
			t.Error("the draft was changed", err)
		}
		r.Close()
		st.Close()
	}
}

// A fetch under way of what is discarded ends, and the read begins anew.
func TestDiscardDuringAFetch(t *testing.T) {
	st := openStore(t, t.TempDir(), 1<<30)
	defer st.Close()
	src := newSource(20 * BlockSize)
	src.gate = make(chan struct{})
	r := src.open(st)
	defer r.Close()
	done := make(chan error, 1)
	go func() { _, err := r.ReadAt(t.Context(), make([]byte, 10), 0); done <- err }()
	for src.started() == 0 {
		time.Sleep(time.Millisecond)
	}
	st.Discard(src.key())
	for src.started() == 1 {
		time.Sleep(time.Millisecond)
	}
	close(src.gate)
	if err := <-done; err != nil {
		t.Error(err)
	}
}

func TestDiscardDuringKeep(t *testing.T) {
	st := openStore(t, t.TempDir(), 1<<30)
	defer st.Close()
	src := newSource(1000)
	k := src.key()
	data, index := st.path(k.name(), ".1.data"+newExt), st.path(k.name(), ".1.index"+newExt)
	if err := errors.Join(os.MkdirAll(filepath.Dir(data), 0o700), os.WriteFile(data, src.data, 0o600), os.WriteFile(index, nil, 0o600)); err != nil {
		t.Fatal(err)
	}
	if !st.beginKeep(k.name()) || st.beginKeep(k.name()) {
		t.Error("two keep the same version")
	}
	st.Discard(k)
	if err := st.install(k.name(), 12288, data, index); err != nil || st.Bytes() != 0 {
		t.Errorf("what was discarded is kept: %d bytes, %v", st.Bytes(), err)
	}
}

// While files get other names nobody opens or evicts them.
func TestNamesThatChange(t *testing.T) {
	st := openStore(t, t.TempDir(), 1<<30)
	defer st.Close()
	st.work.Wait()
	src := newSource(1000)
	keep(t, st, src, src.key())
	n := src.key().name()
	st.mu.Lock()
	st.renaming[n] = true
	st.mu.Unlock()
	st.MakeRoom()
	wantCounted(t, st, 1)
	opened := make(chan *Reader)
	go func() { opened <- src.open(st) }()
	select {
	case <-opened:
		t.Fatal("opened")
	case <-time.After(20 * time.Millisecond):
	}
	st.mu.Lock()
	st.endRenamingLocked(n)
	st.mu.Unlock()
	r := <-opened
	wantRead(t, r, src, 0)
	r.Close()
}

// A scan does not count what went away since it saw it.
func TestScanOfWhatGoesAway(t *testing.T) {
	st := openStore(t, t.TempDir(), 1<<30)
	st.Close()
	src := newSource(1000)
	keep(t, st, src, src.key())
	st.mu.Lock()
	st.lru.Remove(src.key().name())
	st.gone = map[string]bool{src.key().name(): true}
	st.mu.Unlock()
	st.ctx = t.Context()
	st.scan()
	if st.Bytes() != 0 || st.gone != nil {
		t.Errorf("%d bytes are counted", st.Bytes())
	}
}

// Readers, Keep, Discard, Same and a limit that evicts, all at once: what is read is
// right.
func TestAllAtOnce(t *testing.T) {
	st := openStore(t, t.TempDir(), 40*BlockSize)
	src := newSource(16*BlockSize + 77)
	keys := []Key{src.key(), src.key(), src.key()}
	keys[1].ID, keys[2].ID = "5c8e6b0f2f4d2a0007d1a002", "5c8e6b0f2f4d2a0007d1a003"
	end := time.Now().Add(time.Second)
	var wg sync.WaitGroup
	for i := range 4 {
		wg.Go(func() {
			for n := i; time.Now().Before(end); n++ {
				r := NewReader(st.File(keys[n%3], src.md5(), src))
				for off := int64(n%16) * BlockSize; ; off += 100_000 {
					p := make([]byte, 100_000)
					got, err := r.ReadAt(t.Context(), p, off)
					if got > 0 && !bytes.Equal(p[:got], src.data[off:off+int64(got)]) {
						t.Error("wrong bytes")
					}
					if err != nil && err != io.EOF {
						t.Error(err)
					}
					if err != nil || got < len(p) {
						break
					}
				}
				r.Close()
			}
		})
	}
	wg.Go(func() {
		for n := 0; time.Now().Before(end); n++ {
			draft, link := draftOf(t, src)
			if err := st.Keep(keys[n%3], link); err != nil {
				t.Error(err)
			}
			os.Remove(draft)
			if n%4 == 0 {
				st.Discard(keys[n%3])
			}
		}
	})
	wg.Go(func() {
		for n := 0; time.Now().Before(end); n++ {
			st.Same(keys[n%3], keys[(n+1)%3])
			time.Sleep(time.Millisecond)
		}
	})
	wg.Wait()
	for _, k := range keys { // what is counted is counted anew
		r := NewReader(st.File(k, src.md5(), src))
		_, err := readAll(t.Context(), r)
		if err != nil {
			t.Error(err)
		}
		r.Close()
	}
	if n := len(st.files); n != 0 || st.Bytes() > 40*BlockSize {
		t.Errorf("%d files are open, %d bytes kept", n, st.Bytes())
	}
	wantCounted(t, st, st.lru.Len())
	st.Close()
}
