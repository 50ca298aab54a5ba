package outbox

import (
	"context"
	"errors"
	"testing"
	"time"

	"losantfs/remote"
)

// A move that goes on at the service when this process was killed is looked at
// until it is over, also after a Flush that gave up on it.
func TestMoveOutlivesAFlush(t *testing.T) {
	dir := t.TempDir()
	s := newShelf()
	d := s.put("/d/", "")
	b := openBox(t, dir, s)
	if err := b.Rename(placeOf(b, s, "d"), placeOf(b, s, "e"), false); err != nil {
		t.Fatal(err)
	}
	b.mu.Lock()
	b.moves[d.ID] = &move{Of: BaseOf(*d), To: "/e"}
	b.marks.moves[d.ID] = true
	err := b.commit()
	b.mu.Unlock()
	if err != nil {
		t.Fatal(err)
	}
	b.Abandon()
	s.mu.Lock()
	d.Status = remote.Moving
	s.mu.Unlock()
	b = openBox(t, dir, s)
	b.Start()
	time.Sleep(50 * time.Millisecond)
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if owed := b.Flush(ctx, ""); len(owed) == 0 {
		t.Error("nothing is owed while the service moves")
	}
	if _, err := s.Move(t.Context(), d.ID, "/", "e"); err != nil {
		t.Fatal(err)
	}
	s.mu.Lock()
	d.Status = remote.Completed
	s.mu.Unlock()
	for end := time.Now().Add(5 * time.Second); len(b.Owed("")) > 0; time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("still owed: %+v", b.Owed(""))
		}
	}
}

// What is gone needs no content, and gets no draft that nobody would remove.
func TestRemovedFileGetsNoDraft(t *testing.T) {
	s := newShelf()
	s.put("/a", "content")
	b := openBox(t, t.TempDir(), s)
	b.mu.Lock()
	n := b.add(b.root, "a", false, BaseOf(*s.find("/a")))
	b.mu.Unlock()
	if err := b.Remove(placeOf(b, s, "a")); err != nil {
		t.Fatal(err)
	}
	if err := b.materialise(n); err == nil {
		t.Error("a removed file got its content")
	}
	if n.draft != nil || b.byIno[n.ino] != nil {
		t.Error("a removed file has a draft")
	}
}

// A file that is saved all the time is sent all the same, and not each time.
func TestFileIsSavedAllTheTime(t *testing.T) {
	s := newShelf()
	b := openBox(t, t.TempDir(), s)
	b.o.Settle = 100 * time.Millisecond
	b.Start()
	n := saveNew(t, b, "log", "0")
	began := time.Now()
	for i := int64(1); time.Since(began) < 4*maxSettles*b.o.Settle; i++ {
		if _, err := b.Draft(n).WriteAt(t.Context(), []byte("x"), i); err != nil {
			t.Fatal(err)
		}
		if err := b.Flushed(n); err != nil {
			t.Fatal(err)
		}
		time.Sleep(10 * time.Millisecond)
	}
	if n := s.count("upload"); n < 1 || n > 5 {
		t.Errorf("it was sent %d times in %v", n, time.Since(began))
	}
	b.Release(n, true)
	flushed(t, b)
}

// A file that is saved all the time by a new file that takes its name is sent all the
// same, and not each time.
func TestFileIsReplacedAllTheTime(t *testing.T) {
	s := newShelf()
	b := openBox(t, t.TempDir(), s)
	b.o.Settle = 100 * time.Millisecond
	b.Start()
	began := time.Now()
	for time.Since(began) < 4*maxSettles*b.o.Settle {
		b.Release(saveNew(t, b, "f.tmp", time.Now().String()), true)
		if err := b.Rename(Place{Dir: "/", Name: "f.tmp", Seq: b.Seq()}, placeOf(b, s, "f"), false); err != nil && !errors.Is(err, ErrStale) {
			t.Fatal(err)
		}
		time.Sleep(10 * time.Millisecond)
	}
	if n := s.count("upload"); n < 1 || n > 5 {
		t.Errorf("it was sent %d times in %v", n, time.Since(began))
	}
	flushed(t, b)
}
