package draft

import (
	"bytes"
	"context"
	"crypto/md5"
	"encoding/hex"
	"errors"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) {
	if os.Getenv(childEnv) != "" {
		child()
	}
	goleak.VerifyTestMain(m)
}

// fakeBase serves bytes from memory and counts what is fetched.
type fakeBase struct {
	data []byte
	gate chan struct{} // when set, a fetch waits for it

	mu     sync.Mutex
	calls  int
	bytes  int64
	dead   error
	active int
	closed int
	early  bool // closed while it was being read
}

func newBase(size int) *fakeBase {
	data := make([]byte, size)
	r := rand.NewChaCha8([32]byte{1})
	_, _ = r.Read(data)
	return &fakeBase{data: data}
}

func (b *fakeBase) ReadAt(ctx context.Context, p []byte, off int64) (int, error) {
	b.mu.Lock()
	b.active++
	b.mu.Unlock()
	defer func() {
		b.mu.Lock()
		defer b.mu.Unlock()
		b.active--
	}()
	if b.gate != nil {
		select {
		case <-b.gate:
		case <-ctx.Done():
			return 0, ctx.Err()
		}
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.dead != nil {
		return 0, b.dead
	}
	b.calls++
	n, err := bytes.NewReader(b.data).ReadAt(p, off)
	b.bytes += int64(n)
	return n, err
}

func (b *fakeBase) Close() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.closed++
	b.early = b.early || b.active > 0
}

func (b *fakeBase) fetched() int64 {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.bytes
}

func create(t *testing.T, b *fakeBase) *Draft {
	t.Helper()
	d, err := Create(filepath.Join(t.TempDir(), "drafts", "1"), b, int64(len(b.data)))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(d.Close)
	return d
}

// reopen is what a start after a kill does: nothing was closed.
func reopen(t *testing.T, d *Draft, b *fakeBase) *Draft {
	t.Helper()
	d2, err := Open(d.path, b, int64(len(b.data)))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(d2.Close)
	return d2
}

func write(t *testing.T, d *Draft, p []byte, off int64) {
	t.Helper()
	if n, err := d.WriteAt(t.Context(), p, off); n != len(p) || err != nil {
		t.Fatalf("writing %d bytes at %d: %d, %v", len(p), off, n, err)
	}
}

func truncate(t *testing.T, d *Draft, size int64) {
	t.Helper()
	if err := d.Truncate(t.Context(), size); err != nil {
		t.Fatal(err)
	}
}

func wantContent(t *testing.T, d *Draft, want []byte) {
	t.Helper()
	got := make([]byte, len(want)+10)
	n, err := d.ReadAt(t.Context(), got, 0)
	size, _ := d.Size()
	if n != len(want) || err != io.EOF || size != int64(n) || !bytes.Equal(got[:n], want) {
		t.Fatalf("read %d bytes of %d, %v; they are right: %v", n, len(want), err, bytes.Equal(got[:n], want))
	}
}

// with returns data with p written at off.
func with(data, p []byte, off int) []byte {
	data = append(bytes.Clone(data), make([]byte, max(0, off+len(p)-len(data)))...)
	copy(data[off:], p)
	return data
}

func wantFetched(t *testing.T, b *fakeBase, want int64) {
	t.Helper()
	if got := b.fetched(); got != want {
		t.Fatalf("%d bytes of the base were fetched, want %d", got, want)
	}
}

func TestOnlyWhatIsNeededOfTheBaseIsFetched(t *testing.T) {
	const size = 10*BlockSize + 1000
	for _, c := range []struct {
		name   string
		change func(t *testing.T, d *Draft)
		want   int64
	}{
		{"create", func(*testing.T, *Draft) {}, 0},
		{"overwrite blocks", func(t *testing.T, d *Draft) { write(t, d, make([]byte, 3*BlockSize), BlockSize) }, 0},
		{"part of a block", func(t *testing.T, d *Draft) { write(t, d, []byte("x"), BlockSize) }, BlockSize},
		{"the same block twice", func(t *testing.T, d *Draft) { write(t, d, []byte("x"), 5); write(t, d, []byte("x"), 9) }, BlockSize},
		{"both ends of a long write", func(t *testing.T, d *Draft) { write(t, d, make([]byte, 3*BlockSize), 10) }, 2 * BlockSize},
		{"the short last block", func(t *testing.T, d *Draft) { write(t, d, make([]byte, 1000), 10*BlockSize) }, 0},
		{"a part of the short last block", func(t *testing.T, d *Draft) { write(t, d, make([]byte, 999), 10*BlockSize) }, 1000},
		{"append", func(t *testing.T, d *Draft) { write(t, d, make([]byte, 100), size) }, 0},
		{"append after a gap", func(t *testing.T, d *Draft) { write(t, d, make([]byte, 100), 2*size) }, 0},
		{"truncate to 0", func(t *testing.T, d *Draft) { truncate(t, d, 0) }, 0},
		{"truncate inside a block", func(t *testing.T, d *Draft) { truncate(t, d, BlockSize+10) }, 0},
		{"grow", func(t *testing.T, d *Draft) { truncate(t, d, 20*BlockSize) }, 0},
		{"read", func(t *testing.T, d *Draft) { _, _ = d.ReadAt(t.Context(), make([]byte, 2), BlockSize-1) }, 2 * BlockSize},
		{"complete a cut one", func(t *testing.T, d *Draft) {
			truncate(t, d, BlockSize+10)
			write(t, d, []byte("x"), 3*BlockSize)
			if err := d.Complete(t.Context()); err != nil {
				t.Fatal(err)
			}
		}, BlockSize + 10},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := newBase(size)
			c.change(t, create(t, b))
			wantFetched(t, b, c.want)
		})
	}
}

func TestCutBytesOfTheBaseStayCut(t *testing.T) {
	b := newBase(3*BlockSize + 7)
	d := create(t, b)
	truncate(t, d, BlockSize+10)
	if d.BaseSize() != BlockSize+10 {
		t.Errorf("%d bytes of the base may show", d.BaseSize())
	}
	truncate(t, d, 2*BlockSize)
	write(t, d, []byte("end"), 3*BlockSize)
	want := with(b.data[:BlockSize+10], []byte("end"), 3*BlockSize)
	wantContent(t, reopen(t, d, b), want)
	wantContent(t, d, want)
}

// A kill between any two steps of a cut leaves it done or not done.
func TestKillDuringACut(t *testing.T) {
	const cut = BlockSize + 100
	steps := []func(d *Draft) error{
		func(d *Draft) error { return d.blocks.setHeader(header{shown: cut, cutting: true}) },
		func(d *Draft) error { return d.data.Truncate(cut) },
		func(d *Draft) error { return d.blocks.setHeader(header{shown: cut}) },
	}
	for killed := range len(steps) + 1 {
		b := newBase(3 * BlockSize)
		d := create(t, b)
		write(t, d, []byte("local"), 2*BlockSize+5)
		want := with(b.data, []byte("local"), 2*BlockSize+5)
		for _, step := range steps[:killed] {
			if err := step(d); err != nil {
				t.Fatal(err)
			}
			want = want[:cut]
		}
		d = reopen(t, d, b)
		wantContent(t, d, want)
		write(t, d, []byte("more"), 4*BlockSize)
		wantContent(t, reopen(t, d, b), with(want, []byte("more"), 4*BlockSize))
	}
}

func TestBlockWithoutItsMarkIsTheBases(t *testing.T) {
	b := newBase(2 * BlockSize)
	d := create(t, b)
	if _, err := d.data.WriteAt([]byte("killed before the mark"), 10); err != nil {
		t.Fatal(err)
	}
	wantContent(t, reopen(t, d, b), b.data)
}

func TestBaseIsClosedWhenNoLongerNeeded(t *testing.T) {
	for name, change := range map[string]func(d *Draft) error{
		"complete":  func(d *Draft) error { return d.Complete(t.Context()) },
		"overwrite": func(d *Draft) error { _, err := d.WriteAt(t.Context(), make([]byte, 2*BlockSize), 0); return err },
		"truncate":  func(d *Draft) error { return d.Truncate(t.Context(), 0) },
		"close":     func(d *Draft) error { d.Close(); return nil },
	} {
		b := newBase(BlockSize + 5)
		d := create(t, b)
		if d.IsComplete() || b.closed != 0 {
			t.Errorf("%s: complete from the start", name)
		}
		if err := change(d); err != nil || b.closed != 1 || d.IsComplete() == (name == "close") {
			t.Errorf("%s: %v; closed %d times, complete: %v", name, err, b.closed, d.IsComplete())
		}
		d.Close()
		if b.closed != 1 {
			t.Errorf("%s: closed %d times", name, b.closed)
		}
	}
}

func TestOpenWithoutABase(t *testing.T) {
	b := newBase(BlockSize + 5)
	d := create(t, b)
	write(t, d, make([]byte, BlockSize), 0)
	if _, err := Open(d.path, nil, BlockSize+5); !errors.Is(err, ErrIncomplete) {
		t.Errorf("with a block missing: %v", err)
	}
	write(t, d, make([]byte, 5), BlockSize)
	d2, err := Open(d.path, nil, BlockSize+5)
	if err != nil || !d2.IsComplete() || d2.BaseSize() != 0 {
		t.Fatalf("with all blocks: %v", err)
	}
	d2.Close()
	if b2 := newBase(BlockSize + 5); true {
		if reopen(t, d, b2); b2.closed != 1 {
			t.Error("a base that is not needed was kept")
		}
	}
	if _, err := Create(d.path, nil, 0); !errors.Is(err, os.ErrExist) {
		t.Errorf("a second draft at the same path: %v", err)
	}
	if _, err := Create(d.path+"2", nil, 1); err == nil {
		t.Error("a draft over a byte of nothing")
	}
}

func TestBaseThatIsTooShortIsAnError(t *testing.T) {
	b := newBase(BlockSize)
	d, err := Create(filepath.Join(t.TempDir(), "1"), b, 2*BlockSize)
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	if err := d.Complete(t.Context()); !errors.Is(err, io.ErrUnexpectedEOF) || d.IsComplete() {
		t.Error(err)
	}
}

func TestLocalBlocksDoNotWaitForAFetch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBase(4 * BlockSize)
		d := create(t, b)
		write(t, d, make([]byte, BlockSize), 0)
		b.gate = make(chan struct{})
		ctx, cancel := context.WithCancel(t.Context())
		first, second := make(chan error, 1), make(chan error, 1)
		go func() { _, err := d.ReadAt(ctx, make([]byte, 10), 2*BlockSize); first <- err }()
		go func() { _, err := d.WriteAt(t.Context(), []byte("x"), 2*BlockSize+3); second <- err }()
		synctest.Wait()
		if n, err := d.ReadAt(t.Context(), make([]byte, BlockSize), 0); n != BlockSize || err != nil {
			t.Errorf("a local block: %d, %v", n, err)
		}
		write(t, d, make([]byte, BlockSize), 0)
		write(t, d, []byte("end"), 4*BlockSize)
		d.SetModTime(time.Unix(1, 0))
		if size, when := d.Size(); size != 4*BlockSize+3 || when.Unix() != 1 || d.BaseSize() != 4*BlockSize {
			t.Error(size, when)
		}
		cancel()
		if err := <-first; !errors.Is(err, context.Canceled) {
			t.Errorf("interrupted: %v", err)
		}
		close(b.gate)
		if err := <-second; err != nil || b.calls != 1 {
			t.Errorf("the other: %v after %d fetches", err, b.calls)
		}
	})
}

// What came from the base late does not replace what was written or cut meanwhile.
func TestFetchThatIsOvertaken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBase(4 * BlockSize)
		b.gate = make(chan struct{})
		d := create(t, b)
		done := make(chan error, 2)
		go func() { _, err := d.ReadAt(t.Context(), make([]byte, 1), 0); done <- err }()
		go func() { _, err := d.ReadAt(t.Context(), make([]byte, 1), 3*BlockSize); done <- err }()
		synctest.Wait()
		local := bytes.Repeat([]byte("l"), BlockSize)
		write(t, d, local, 0)
		truncate(t, d, 3*BlockSize+10)
		write(t, d, []byte("x"), 3*BlockSize+20)
		close(b.gate)
		if err := errors.Join(<-done, <-done); err != nil {
			t.Error(err)
		}
		want := with(b.data[:3*BlockSize+10], local, 0)
		wantContent(t, d, with(want, []byte("x"), 3*BlockSize+20))
	})
}

func TestFetchThatIsNoLongerNeededEndsWell(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBase(2 * BlockSize)
		b.gate = make(chan struct{})
		d := create(t, b)
		done := make(chan error, 1)
		go func() { _, err := d.ReadAt(t.Context(), make([]byte, 1), 0); done <- err }()
		synctest.Wait()
		truncate(t, d, 0)
		if err := <-done; err != io.EOF || b.closed != 1 || b.early {
			t.Errorf("the read: %v; the base was closed %d times", err, b.closed)
		}
		d2 := reopen(t, create(t, b), b)
		go func() { _, err := d2.ReadAt(t.Context(), make([]byte, 1), 0); done <- err }()
		synctest.Wait()
		d2.Close()
		if err := <-done; !errors.Is(err, os.ErrClosed) {
			t.Errorf("closed: %v", err)
		}
	})
}

func TestMD5IsThatOfTheContent(t *testing.T) {
	b := newBase(BlockSize + 5)
	d := create(t, b)
	if _, err := d.MD5(); !errors.Is(err, ErrIncomplete) {
		t.Errorf("incomplete: %v", err)
	}
	truncate(t, d, 0)
	var model []byte
	check := func(what string, ordered int64) {
		t.Helper()
		if d.ordered != ordered {
			t.Errorf("%s: %d bytes count as written in order, want %d", what, d.ordered, ordered)
		}
		want := md5.Sum(model)
		if got, err := d.MD5(); got != hex.EncodeToString(want[:]) || err != nil {
			t.Errorf("%s: %s, %v", what, got, err)
		}
	}
	for i := range 5 {
		p := bytes.Repeat([]byte{byte(i)}, 1000)
		write(t, d, p, int64(len(model)))
		model = append(model, p...)
	}
	check("in order", 5000)
	write(t, d, []byte("gap"), 6000)
	model = with(model, []byte("gap"), 6000)
	check("after a gap", 5000)
	write(t, d, []byte("over"), 100)
	model = with(model, []byte("over"), 100)
	check("overwritten", 0)
	truncate(t, d, 50)
	model = model[:50]
	check("cut", 0)
	write(t, d, []byte("append"), 50)
	model = with(model, []byte("append"), 50)
	check("appended", 56)
	if err := d.Allocate(0, 1000, false); err != nil {
		t.Fatal(err)
	}
	model = with(model, nil, 1000)
	check("grown", 56)
}

func TestSnapshotAndReader(t *testing.T) {
	b := newBase(20*BlockSize + 5)
	d := create(t, b)
	path := filepath.Join(t.TempDir(), "new", "copy")
	if err := d.Snapshot(path); !errors.Is(err, ErrIncomplete) {
		t.Errorf("incomplete: %v", err)
	}
	if _, err := d.Reader().ReadAt(make([]byte, 1), 0); !errors.Is(err, ErrIncomplete) {
		t.Errorf("reader of an incomplete draft: %v", err)
	}
	if err := d.Complete(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := d.Snapshot(path); err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile(path)
	if err != nil || !bytes.Equal(got, b.data) {
		t.Errorf("the copy: %d bytes, %v", len(got), err)
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Error(info.Mode(), err)
	}
	if err := d.Snapshot(path); !errors.Is(err, os.ErrExist) {
		t.Errorf("over a file: %v", err)
	}
	got, err = io.ReadAll(io.NewSectionReader(d.Reader(), 0, 1<<40))
	if err != nil || !bytes.Equal(got, b.data) {
		t.Errorf("the reader: %d bytes, %v", len(got), err)
	}
}

func TestCopyOfADraftThatChangesIsNone(t *testing.T) {
	d := create(t, newBase(0))
	write(t, d, make([]byte, 100), 0)
	changing := readerFunc(func(p []byte) (int, error) {
		write(t, d, []byte("x"), 0)
		return len(p), nil
	})
	if err := d.copyUnchanged(io.Discard, changing, 100, d.Generation()); err != ErrChanged {
		t.Error(err)
	}
}

type readerFunc func(p []byte) (int, error)

func (f readerFunc) Read(p []byte) (int, error) { return f(p) }

func TestChangesAreAnnounced(t *testing.T) {
	d := create(t, newBase(BlockSize))
	var seen []int64
	d.OnChange(func() {
		size, _ := d.Size()
		seen = append(seen, size)
		if len(seen) == 3 {
			d.OnChange(nil)
		}
	})
	last := d.Generation()
	for i, change := range []func(){
		func() { write(t, d, []byte("x"), BlockSize) },
		func() { truncate(t, d, 10) },
		func() { _ = d.Allocate(0, 20, false) },
		func() { write(t, d, []byte("x"), 0) },
	} {
		change()
		if now := d.Generation(); now <= last {
			t.Errorf("change %d: generation %d after %d", i, now, last)
		} else {
			last = now
		}
	}
	if len(seen) != 3 || seen[0] != BlockSize || seen[1] != BlockSize+1 || seen[2] != 10 {
		t.Errorf("announced at the sizes %v", seen)
	}
	truncate(t, d, 20)
	if _, err := d.ReadAt(t.Context(), make([]byte, 5), 0); err != nil || d.Generation() != last {
		t.Errorf("%v; generation %d after %d without a change", err, d.Generation(), last)
	}
}

func TestTimesSurviveARestart(t *testing.T) {
	b := newBase(2 * BlockSize)
	d := create(t, b)
	set := time.Unix(1_700_000_000, 123_456_789)
	d.SetModTime(set)
	if _, err := d.ReadAt(t.Context(), make([]byte, 1), 0); err != nil {
		t.Fatal(err)
	}
	if _, got := reopen(t, d, b).Size(); !got.Equal(set) {
		t.Errorf("%v, want %v: a fetch is no change", got, set)
	}
	write(t, d, []byte("x"), 0)
	_, now := d.Size()
	if _, got := reopen(t, d, b).Size(); !got.Equal(now) || time.Since(now).Abs() > time.Minute {
		t.Errorf("%v after the restart, %v before", got, now)
	}
}

func TestFilesArePrivateAndGoAway(t *testing.T) {
	d := create(t, newBase(10))
	if err := d.Sync(); err != nil {
		t.Fatal(err)
	}
	dir := filepath.Dir(d.path)
	for path, want := range map[string]os.FileMode{dir: 0o700, d.path: 0o600, d.path + BlocksExt: 0o600} {
		if info, err := os.Stat(path); err != nil || info.Mode().Perm() != want {
			t.Errorf("%s: %v, want %v", path, err, want)
		}
	}
	d.Remove()
	if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
		t.Errorf("left: %v, %v", left, err)
	}
	for what, err := range map[string]error{
		"write": second(d.WriteAt(t.Context(), []byte("x"), 0)), "read": second(d.ReadAt(t.Context(), make([]byte, 1), 0)),
		"sync": d.Sync(), "allocate": d.Allocate(0, 1, true), "truncate": d.Truncate(t.Context(), 5),
	} {
		if !errors.Is(err, os.ErrClosed) {
			t.Errorf("%s of a closed one: %v", what, err)
		}
	}
}

func second(_ int, err error) error { return err }

func TestDamagedBlocksFileIsAnError(t *testing.T) {
	b := newBase(BlockSize)
	for _, raw := range [][]byte{nil, []byte("losantfs draft 9\n"), make([]byte, 100), bytes.Repeat([]byte{255}, 100)} {
		d := create(t, b)
		if err := os.WriteFile(d.path+BlocksExt, raw, 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := Open(d.path, b, BlockSize); err == nil {
			t.Errorf("%q was taken for blocks", raw)
		}
	}
	if b.closed != 0 {
		t.Error("the base is the caller's after an error")
	}
}

func TestManyAtOnce(t *testing.T) {
	b := newBase(8*BlockSize + 100)
	d := create(t, b)
	var wg sync.WaitGroup
	want := bytes.Clone(b.data)
	for i := range 16 { // each has half a block of its own
		off := i * BlockSize / 2
		p := bytes.Repeat([]byte{byte(i + 1)}, 1000)
		copy(want[off+10:], p)
		wg.Go(func() {
			write(t, d, p, int64(off+10))
			if n, err := d.ReadAt(t.Context(), p, int64(off+10)); err != nil || n != len(p) || p[0] != byte(i+1) {
				t.Errorf("%d: read %d, %v", i, n, err)
			}
			if err := d.Sync(); err != nil {
				t.Error(err)
			}
			d.Size()
			d.BaseSize()
			d.OnChange(func() { d.Generation() })
			_, _ = d.Reader().ReadAt(make([]byte, 10), 0)
			for _, err := range []error{d.Snapshot(d.path + string(rune('a'+i))), sumError(d)} {
				if err != nil && err != ErrIncomplete && err != ErrChanged {
					t.Error(err)
				}
			}
		})
	}
	wg.Go(func() {
		if err := d.Complete(t.Context()); err != nil {
			t.Error(err)
		}
	})
	wg.Wait()
	wantContent(t, d, want)
	wantFetched(t, b, int64(len(b.data)))
}

func sumError(d *Draft) error { _, err := d.MD5(); return err }
