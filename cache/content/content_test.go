package content

import (
	"bytes"
	"context"
	"crypto/md5"
	"encoding/hex"
	"errors"
	"io"
	"io/fs"
	"log/slog"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"
	"pgregory.net/rapid"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// fakeSource serves bytes from memory and counts what is fetched of each.
type fakeSource struct {
	mu         sync.Mutex
	data       []byte
	fetches    int
	bytes      int64
	wrong      int   // fetches yet to come that have a flipped byte
	fail       error // of the next fetch, half way
	dead       error // of every fetch
	distrusted int
	gate       chan struct{}
}

func newSource(size int) *fakeSource {
	data := make([]byte, size)
	r := rand.NewChaCha8([32]byte{byte(size)})
	_, _ = r.Read(data)
	return &fakeSource{data: data}
}

func (s *fakeSource) Fetch(ctx context.Context, off, n int64, w io.Writer) error {
	s.mu.Lock()
	if s.dead != nil {
		defer s.mu.Unlock()
		return s.dead
	}
	s.fetches++
	part := bytes.Clone(s.data[off : off+n])
	if s.wrong > 0 {
		s.wrong--
		part[0] ^= 1
	}
	fail, gate := s.fail, s.gate
	s.fail = nil
	if fail != nil {
		part = part[:len(part)/2]
	}
	s.bytes += int64(len(part))
	s.mu.Unlock()
	if gate != nil {
		select {
		case <-gate:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	if _, err := io.Copy(w, oneAndAHalfBlocks(bytes.NewReader(part))); err != nil {
		return err
	}
	return fail
}

// oneAndAHalfBlocks makes reads straddle blocks.
func oneAndAHalfBlocks(r io.Reader) io.Reader {
	return struct{ io.Reader }{io.MultiReader(io.LimitReader(r, BlockSize*3/2), r)}
}

func (s *fakeSource) Distrust() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.distrusted++
}

func (s *fakeSource) md5() string {
	sum := md5.Sum(s.data)
	return hex.EncodeToString(sum[:])
}

func (s *fakeSource) open(st *Store) *Reader {
	k := Key{ID: "5c8e6b0f2f4d2a0007d1a001", Version: s.md5(), Size: int64(len(s.data))}
	return NewReader(st.File(k, s.md5(), s))
}

func openStore(t interface {
	Helper()
	Fatal(...any)
}, dir string, limit int64) *Store {
	t.Helper()
	s, err := Open(dir, limit, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func readAll(ctx context.Context, r *Reader) ([]byte, error) {
	var out bytes.Buffer
	buf := make([]byte, 128<<10)
	for {
		n, err := r.ReadAt(ctx, buf, int64(out.Len()))
		out.Write(buf[:n])
		if err == io.EOF {
			return out.Bytes(), nil
		}
		if err != nil {
			return out.Bytes(), err
		}
	}
}

func TestEachBlockIsFetchedOnceWhoeverReads(t *testing.T) {
	for _, size := range []int{1, 4096, BlockSize, SmallFile, SmallFile + 1, 3<<20 + 17} {
		st := openStore(t, t.TempDir(), 1<<30)
		src := newSource(size)
		var wg sync.WaitGroup
		for range 20 {
			wg.Go(func() {
				r := src.open(st)
				defer r.Close()
				got, err := readAll(t.Context(), r)
				if err != nil || !bytes.Equal(got, src.data) {
					t.Errorf("%d bytes: read %d, %v", size, len(got), err)
				}
			})
		}
		wg.Wait()
		st.Close()
		if src.bytes != int64(size) {
			t.Errorf("%d bytes: fetched %d", size, src.bytes)
		}
		if size <= SmallFile && src.fetches != 1 {
			t.Errorf("%d bytes: %d fetches, want 1", size, src.fetches)
		}
	}
}

func TestRandomReadFetchesItsBlocksOnly(t *testing.T) {
	st := openStore(t, t.TempDir(), 1<<30)
	defer st.Close()
	src := newSource(64 << 20)
	r := src.open(st)
	defer r.Close()
	buf := make([]byte, 4096)
	for i := range 50 {
		off := int64(i*7919%500)*(128<<10) + 1<<20
		if n, err := r.ReadAt(t.Context(), buf, off); n != len(buf) || err != nil || !bytes.Equal(buf, src.data[off:off+4096]) {
			t.Fatalf("read at %d: %d, %v", off, n, err)
		}
	}
	if src.bytes != 50*BlockSize {
		t.Errorf("50 reads of 4 KiB fetched %d bytes, want %d", src.bytes, 50*BlockSize)
	}
}

func TestContentSurvivesARestart(t *testing.T) {
	dir := t.TempDir()
	src := newSource(2<<20 + 5)
	st := openStore(t, dir, 1<<30)
	r := src.open(st)
	if _, err := readAll(t.Context(), r); err != nil {
		t.Fatal(err)
	}
	r.Close()
	st.Close()

	st = openStore(t, dir, 1<<30)
	defer st.Close()
	r = src.open(st)
	defer r.Close()
	got, err := readAll(t.Context(), r)
	if err != nil || !bytes.Equal(got, src.data) || src.bytes != int64(len(src.data)) {
		t.Errorf("after the restart: %d bytes, %v; %d fetched in all, want %d", len(got), err, src.bytes, len(src.data))
	}
}

func TestContentWithoutAnMD5IsNotTakenOver(t *testing.T) {
	dir := t.TempDir()
	src := newSource(200_000)
	for range 2 {
		st := openStore(t, dir, 1<<30)
		r := NewReader(st.File(Key{ID: "5c8e6b0f2f4d2a0007d1a001", Version: "u2026", Size: 200_000}, "", src))
		if got, err := readAll(t.Context(), r); err != nil || !bytes.Equal(got, src.data) {
			t.Errorf("%d bytes, %v", len(got), err)
		}
		r.Close()
		st.Close()
	}
	if src.bytes != 400_000 {
		t.Errorf("%d bytes were fetched by two mounts, want 400,000", src.bytes)
	}
}

func TestDamagedBlockIsFetchedAgain(t *testing.T) {
	dir := t.TempDir()
	src := newSource(10*BlockSize + 9)
	st := openStore(t, dir, 1<<30)
	r := src.open(st)
	if _, err := readAll(t.Context(), r); err != nil {
		t.Fatal(err)
	}
	r.Close()
	st.Close()
	for _, name := range files(t, dir, dataExt) {
		f, err := os.OpenFile(name, os.O_RDWR, 0)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := f.WriteAt([]byte("damage"), 3*BlockSize+100); err != nil {
			t.Fatal(err)
		}
		f.Close()
	}
	st = openStore(t, dir, 1<<30)
	defer st.Close()
	r = src.open(st)
	defer r.Close()
	got, err := readAll(t.Context(), r)
	if err != nil || !bytes.Equal(got, src.data) {
		t.Errorf("after damage: %d bytes, %v", len(got), err)
	}
	if want := int64(len(src.data) + BlockSize); src.bytes != want {
		t.Errorf("%d bytes fetched in all, want %d: the file and one block", src.bytes, want)
	}
}

func files(t *testing.T, dir, ext string) (all []string) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, _ fs.DirEntry, err error) error {
		if strings.HasSuffix(path, ext) {
			all = append(all, path)
		}
		return err
	})
	if err != nil || len(all) == 0 {
		t.Fatalf("no %s file in the cache: %v", ext, err)
	}
	return all
}

func TestWrongBytesOfASmallFileAreNotHandedOut(t *testing.T) {
	st := openStore(t, t.TempDir(), 1<<30)
	defer st.Close()
	src := newSource(100_000)
	src.wrong = 1
	r := src.open(st)
	defer r.Close()
	if got, err := readAll(t.Context(), r); err != nil || !bytes.Equal(got, src.data) || src.distrusted != 1 {
		t.Errorf("one wrong answer: %d bytes, %v, distrusted %d times; want it asked for again", len(got), err, src.distrusted)
	}

	src = newSource(100_001)
	src.wrong = 100
	r2 := src.open(st)
	defer r2.Close()
	var corrupt *CorruptError
	if got, err := readAll(t.Context(), r2); len(got) > 0 || !errors.As(err, &corrupt) {
		t.Errorf("wrong answers only: %d bytes, %v", len(got), err)
	}
}

func TestWrongBytesOfALargeFileAreNoticedBeforeItsEnd(t *testing.T) {
	for _, order := range []string{"forwards", "backwards"} {
		dir := t.TempDir()
		st := openStore(t, dir, 1<<30)
		src := newSource(3<<20 + 1)
		src.wrong = 1
		r := src.open(st)
		var err error
		if order == "forwards" {
			_, err = readAll(t.Context(), r)
		} else {
			buf := make([]byte, BlockSize)
			for b := blocks(int64(len(src.data))) - 1; b >= 0 && (err == nil || err == io.EOF); b-- {
				_, err = r.ReadAt(t.Context(), buf, b*BlockSize)
			}
		}
		var corrupt *CorruptError
		if !errors.As(err, &corrupt) || src.distrusted == 0 {
			t.Errorf("%s: %v, want a corrupt error", order, err)
		}
		// Who opens it next gets the right bytes.
		r2 := src.open(st)
		if got, err := readAll(t.Context(), r2); err != nil || !bytes.Equal(got, src.data) {
			t.Errorf("%s, opened again: %d bytes, %v", order, len(got), err)
		}
		r2.Close()
		r.Close()
		st.Close()
	}
}

func TestFailedFetchIsAnErrorOnceAndCanBeRepeated(t *testing.T) {
	st := openStore(t, t.TempDir(), 1<<30)
	defer st.Close()
	src := newSource(5 * BlockSize)
	src.dead = errors.New("the line is dead")
	r := src.open(st)
	defer r.Close()
	if _, err := readAll(t.Context(), r); !errors.Is(err, src.dead) {
		t.Errorf("%v, want %v", err, src.dead)
	}
	src.mu.Lock()
	src.dead = nil
	src.mu.Unlock()
	if got, err := readAll(t.Context(), r); err != nil || !bytes.Equal(got, src.data) {
		t.Errorf("the second time: %d bytes, %v", len(got), err)
	}
}

func TestInterruptedReadLeavesTheFetchToOthers(t *testing.T) {
	st := openStore(t, t.TempDir(), 1<<30)
	defer st.Close()
	src := newSource(1000)
	src.gate = make(chan struct{})
	a, b := src.open(st), src.open(st)
	defer a.Close()
	defer b.Close()
	ctx, cancel := context.WithCancel(t.Context())
	first, second := make(chan error, 1), make(chan error, 1)
	go func() { _, err := a.ReadAt(ctx, make([]byte, 10), 0); first <- err }()
	go func() { _, err := b.ReadAt(t.Context(), make([]byte, 10), 0); second <- err }()
	time.Sleep(20 * time.Millisecond)
	cancel()
	if err := <-first; !errors.Is(err, context.Canceled) {
		t.Errorf("interrupted: %v", err)
	}
	close(src.gate)
	if err := <-second; err != nil || src.fetches != 1 {
		t.Errorf("the other: %v after %d fetches", err, src.fetches)
	}
}

func TestCacheStaysBelowItsLimit(t *testing.T) {
	dir := t.TempDir()
	st := openStore(t, dir, 1<<20)
	defer st.Close()
	for size := 300_000; size < 300_020; size++ {
		src := newSource(size)
		r := src.open(st)
		if got, err := readAll(t.Context(), r); err != nil || !bytes.Equal(got, src.data) {
			t.Fatalf("%d bytes: %v", len(got), err)
		}
		r.Close()
		if st.Bytes() > 1<<20 {
			t.Fatalf("the cache holds %d bytes", st.Bytes())
		}
	}
	if n := len(files(t, dir, dataExt)); n != 3 {
		t.Errorf("%d files are kept, want 3", n)
	}
	// A file larger than the whole cache can be read all the same.
	src := newSource(4 << 20)
	r := src.open(st)
	defer r.Close()
	if got, err := readAll(t.Context(), r); err != nil || !bytes.Equal(got, src.data) || st.Bytes() > 1<<20 {
		t.Errorf("a large file: %d bytes, %v; the cache holds %d", len(got), err, st.Bytes())
	}
}

func TestOldestContentGoesFirstAlsoAfterARestart(t *testing.T) {
	dir := t.TempDir()
	st := openStore(t, dir, 1<<30)
	var all []*fakeSource
	for i := range 4 {
		all = append(all, newSource(200_000+i))
		r := all[i].open(st)
		if _, err := readAll(t.Context(), r); err != nil {
			t.Fatal(err)
		}
		r.Close()
		time.Sleep(10 * time.Millisecond)
	}
	r := all[0].open(st) // used again: now the youngest
	r.Close()
	st.Close()

	st = openStore(t, dir, 650_000)
	st.work.Wait() // for the scan
	st.Close()
	left := map[int]bool{}
	for _, name := range files(t, dir, dataExt) {
		info, err := os.Stat(name)
		if err != nil {
			t.Fatal(err)
		}
		left[int(info.Size())] = true
	}
	if left[200_001] || !left[200_000] || !left[200_003] {
		t.Errorf("left are %v: the least recently used should have gone", left)
	}
}

func TestCacheIsPrivate(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "cache")
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	st := openStore(t, dir, 1<<20)
	src := newSource(1000)
	r := src.open(st)
	if _, err := readAll(t.Context(), r); err != nil {
		t.Fatal(err)
	}
	r.Close()
	st.Close()
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if info, err := d.Info(); err != nil || info.Mode().Perm()&0o077 != 0 {
			t.Errorf("%s: mode %v, %v", path, info.Mode(), err)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	link := filepath.Join(t.TempDir(), "link")
	if err := os.Symlink(dir, link); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(link, 1, slog.New(slog.DiscardHandler)); err == nil {
		t.Error("a symbolic link was taken for a folder of one's own")
	}
}

func TestHostileKeysStayInTheFolder(t *testing.T) {
	parent := t.TempDir()
	st := openStore(t, filepath.Join(parent, "cache"), 1<<20)
	src := newSource(10)
	for _, evil := range []string{"../../x", "/etc/passwd", "", ".", "a\x00b", strings.Repeat("x", 5000)} {
		r := NewReader(st.File(Key{ID: evil, Version: evil, Size: 10}, "", src))
		if _, err := readAll(t.Context(), r); err != nil {
			t.Errorf("%q: %v", evil, err)
		}
		r.Close()
	}
	st.Close()
	names, err := os.ReadDir(parent)
	if err != nil || len(names) != 1 {
		t.Errorf("beside the cache folder: %v, %v", names, err)
	}
	if n := len(files(t, parent, dataExt)); n != 6 {
		t.Errorf("%d files for 6 keys", n)
	}
}

// Whatever is read in whatever order, with failures, restarts and damage on disk
// in between, is right or an error.
func TestReadsAreRightOrFail(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		dir, err := os.MkdirTemp("", "content")
		if err != nil {
			t.Fatal(err)
		}
		defer os.RemoveAll(dir)
		src := newSource(rapid.IntRange(1, 8*BlockSize).Draw(t, "size"))
		limit := rapid.SampledFrom([]int64{1 << 30, 3 * BlockSize, 0}).Draw(t, "limit")
		st := openStore(t, dir, limit)
		r := src.open(st)
		for range rapid.IntRange(1, 30).Draw(t, "steps") {
			switch rapid.IntRange(0, 9).Draw(t, "step") {
			case 0:
				src.mu.Lock()
				src.fail = errors.New("broken")
				src.mu.Unlock()
			case 1:
				// Of a larger file only the last block waits for the MD5.
				src.mu.Lock()
				if len(src.data) <= SmallFile {
					src.wrong = 1
				}
				src.mu.Unlock()
			case 2:
				r.Close()
				r = src.open(st)
			case 3:
				r.Close()
				st.Close()
				damage(t, dir)
				st = openStore(t, dir, limit)
				r = src.open(st)
			default:
				off := rapid.IntRange(0, len(src.data)).Draw(t, "off")
				p := make([]byte, rapid.IntRange(1, 3*BlockSize).Draw(t, "len"))
				n, err := r.ReadAt(context.Background(), p, int64(off))
				if err != nil && err != io.EOF {
					continue
				}
				end := min(off+len(p), len(src.data))
				if n != end-off || !bytes.Equal(p[:n], src.data[off:end]) {
					t.Fatalf("read %d bytes at %d: got %d, %v", len(p), off, n, err)
				}
			}
		}
		r.Close()
		st.Close()
	})
}

// damage flips a byte in one cached file, if there is one.
func damage(t *rapid.T, dir string) {
	found, _ := filepath.Glob(filepath.Join(dir, "*", "*"+rapid.SampledFrom([]string{dataExt, indexExt}).Draw(t, "kind")))
	for _, name := range found {
		data, err := os.ReadFile(name)
		if err != nil || len(data) == 0 {
			continue
		}
		data[rapid.IntRange(0, len(data)-1).Draw(t, "at")] ^= 0x40
		if err := os.WriteFile(name, data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
}
