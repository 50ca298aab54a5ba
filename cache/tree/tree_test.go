package tree

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"losantfs/remote"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// fakeLister answers with what it is told, after gate lets it.
type fakeLister struct {
	mu      sync.Mutex
	entries map[string][]remote.Entry
	err     error
	calls   int
	gate    chan struct{} // nil: open
}

func (f *fakeLister) ListDirectory(ctx context.Context, dir string) ([]remote.Entry, error) {
	f.mu.Lock()
	f.calls++
	entries, err, gate := f.entries[dir], f.err, f.gate
	f.mu.Unlock()
	if gate != nil {
		select {
		case <-gate:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	return entries, err
}

func (f *fakeLister) ListAll(context.Context) ([]remote.Entry, error) {
	return nil, errors.New("nobody watches")
}

func (f *fakeLister) set(change func()) {
	f.mu.Lock()
	defer f.mu.Unlock()
	change()
}

func (f *fakeLister) count() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.calls
}

func file(name string, size int64) remote.Entry {
	return remote.Entry{ID: fmt.Sprintf("%024x", len(name)*1000+int(size)), Name: name, Parent: "/", Size: size, Status: remote.Completed}
}

var discard = slog.New(slog.DiscardHandler)

func newTree(t *testing.T, ttl time.Duration, entries ...remote.Entry) (*Tree, *fakeLister) {
	f := &fakeLister{entries: map[string][]remote.Entry{"/": entries}}
	tr := New(f, ttl, discard)
	t.Cleanup(tr.Close)
	return tr, f
}

func known(t *Tree, dir, name string) (remote.Entry, bool) {
	l, ok := t.Listed(dir)
	if !ok {
		return remote.Entry{}, false
	}
	return l.Get(name)
}

func TestListingIsFetchedOnceAndProvesAbsence(t *testing.T) {
	tr, f := newTree(t, time.Hour, file("a", 1), file("b", 2))
	f.gate = make(chan struct{})
	var wg sync.WaitGroup
	for range 20 {
		wg.Go(func() {
			if e, _, err := tr.Lookup(t.Context(), "/", "b"); err != nil || e.Size != 2 {
				t.Errorf("Lookup(b) = %v, %v", e, err)
			}
		})
	}
	time.Sleep(20 * time.Millisecond)
	close(f.gate)
	wg.Wait()
	_, ttl, err := tr.Lookup(t.Context(), "/", "c")
	if remote.KindOf(err) != remote.NotFound || ttl < 59*time.Minute {
		t.Errorf("Lookup(c) = %v for %v, want not found for an hour", err, ttl)
	}
	if f.count() != 1 {
		t.Errorf("%d listings were fetched, want 1", f.count())
	}
	if files, bytes := tr.Usage(); files != 2 || bytes != 3 {
		t.Errorf("Usage = %d files, %d bytes, want 2, 3", files, bytes)
	}
}

func TestOldListingIsFetchedAgain(t *testing.T) {
	tr, f := newTree(t, 30*time.Millisecond, file("a", 1))
	if _, _, err := tr.Lookup(t.Context(), "/", "a"); err != nil {
		t.Fatal(err)
	}
	f.set(func() { f.entries["/"] = []remote.Entry{file("a", 7)} })
	time.Sleep(40 * time.Millisecond)
	if e, _, err := tr.Lookup(t.Context(), "/", "a"); err != nil || e.Size != 7 {
		t.Errorf("after the change elsewhere: %v, %v, want size 7", e, err)
	}
	if files, bytes := tr.Usage(); files != 1 || bytes != 7 {
		t.Errorf("Usage = %d files, %d bytes, want 1, 7", files, bytes)
	}
}

func TestFailureIsNotAnEmptyDirectory(t *testing.T) {
	tr, f := newTree(t, 20*time.Millisecond, file("a", 1))
	f.err = &remote.Error{Kind: remote.Unreachable, Op: "list"}
	if _, err := tr.List(t.Context(), "/"); remote.KindOf(err) != remote.Unreachable {
		t.Fatalf("first listing: %v, want unreachable", err)
	}
	f.set(func() { f.err = nil })
	if _, _, err := tr.Lookup(t.Context(), "/", "a"); err != nil {
		t.Fatalf("after the outage: %v", err)
	}

	f.set(func() { f.err = &remote.Error{Kind: remote.Unreachable, Op: "list"} })
	time.Sleep(30 * time.Millisecond)
	if _, _, err := tr.Lookup(t.Context(), "/", "a"); err != nil {
		t.Errorf("a known file during an outage: %v", err)
	}
	if since, err := tr.Offline(); since.IsZero() || err == nil {
		t.Error("the outage is not shown")
	}
	calls := f.count()
	for range 100 {
		_, _, _ = tr.Lookup(t.Context(), "/", "a")
	}
	if f.count() != calls {
		t.Errorf("%d calls during the pause after a failure, want none", f.count()-calls)
	}
}

func TestKnownListingIsShownWhileTheServiceHangs(t *testing.T) {
	tr, f := newTree(t, time.Millisecond, file("a", 1))
	if _, err := tr.List(t.Context(), "/"); err != nil {
		t.Fatal(err)
	}
	f.set(func() { f.gate = make(chan struct{}) })
	time.Sleep(2 * time.Millisecond)
	began := time.Now()
	if _, _, err := tr.Lookup(t.Context(), "/", "a"); err != nil {
		t.Fatal(err)
	}
	if waited := time.Since(began); waited > patience+time.Second {
		t.Errorf("waited %v for a hanging service, want about %v", waited, patience)
	}
	began = time.Now()
	if _, _, err := tr.Lookup(t.Context(), "/", "a"); err != nil || time.Since(began) > patience/2 {
		t.Errorf("the next lookup took %v, %v, want at once", time.Since(began), err)
	}
}

func TestVanishedDirectory(t *testing.T) {
	tr, f := newTree(t, time.Millisecond, file("a", 1))
	if _, err := tr.List(t.Context(), "/"); err != nil {
		t.Fatal(err)
	}
	f.set(func() { f.err = &remote.Error{Kind: remote.NotFound, Op: "list"} })
	time.Sleep(2 * time.Millisecond)
	if _, err := tr.List(t.Context(), "/"); remote.KindOf(err) != remote.NotFound {
		t.Errorf("List = %v, want not found", err)
	}
	if _, ok := known(tr, "/", "a"); ok {
		t.Error("the listing of a directory that is gone is still known")
	}
}

func TestForgetBeatsAListingUnderWay(t *testing.T) {
	tr, f := newTree(t, time.Hour, file("old", 1))
	gate := make(chan struct{})
	f.gate = gate
	done := make(chan error, 1)
	go func() { _, err := tr.List(t.Context(), "/"); done <- err }()
	for f.count() == 0 {
		time.Sleep(time.Millisecond)
	}
	tr.Forget("/")
	f.set(func() { f.entries["/"], f.gate = []remote.Entry{file("new", 1)}, nil })
	close(gate)
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	if _, _, err := tr.Lookup(t.Context(), "/", "new"); err != nil {
		t.Errorf("the listing that began before Forget was kept: %v", err)
	}
}

func TestInterruptedReaderLeavesTheFetchToOthers(t *testing.T) {
	tr, f := newTree(t, time.Hour, file("a", 1))
	f.gate = make(chan struct{})
	ctx, cancel := context.WithCancel(t.Context())
	first, second := make(chan error, 1), make(chan error, 1)
	go func() { _, err := tr.List(ctx, "/"); first <- err }()
	go func() { _, err := tr.List(t.Context(), "/"); second <- err }()
	time.Sleep(20 * time.Millisecond)
	cancel()
	if err := <-first; !errors.Is(err, context.Canceled) {
		t.Errorf("interrupted reader: %v", err)
	}
	close(f.gate)
	if err := <-second; err != nil || f.count() != 1 {
		t.Errorf("the other reader: %v after %d calls, want its listing after 1", err, f.count())
	}
}

func TestWhatAListingShows(t *testing.T) {
	now := time.Now()
	id := func(n int) string { return fmt.Sprintf("%024x", n) }
	l := newListing(pointers([]remote.Entry{
		{ID: id(1), Name: "good"},
		{ID: id(2), Name: ".."}, {ID: id(3), Name: "."}, {ID: id(4), Name: ""}, {ID: id(5), Name: "a/b"},
		{ID: id(6), Name: "nul\x00"}, {ID: id(7), Name: "line\nbreak"}, {ID: "../../etc/passwd", Name: "id"},
		{ID: id(8), Name: string(make([]byte, 256))},
		{ID: id(9), Name: "going", Status: remote.Deleting},
		{ID: id(10), Name: "moved", Status: remote.Moving, MovedTo: id(11)},
		{ID: id(12), Name: "twice", Updated: now}, {ID: id(13), Name: "twice", Updated: now.Add(time.Hour)},
		{ID: id(14), Name: "both", Updated: now.Add(time.Hour)}, {ID: id(15), Name: "both", Dir: true, Updated: now},
	}), now)
	var got []string
	for _, e := range l.Entries() {
		got = append(got, e.Name+" "+e.ID[22:])
	}
	if want := fmt.Sprint([]string{"both 0f", "good 01", "twice 0d"}); fmt.Sprint(got) != want {
		t.Errorf("shown: %v, want %v", got, want)
	}
	if l.Hidden != 10 {
		t.Errorf("%d hidden, want 10", l.Hidden)
	}
}
