package outbox

import (
	"context"
	"io"
	"maps"
	"slices"
	"sync"
	"testing"
	"time"

	"losantfs/remote"
)

// lostDeletes answers no call to delete anything, and does it.
type lostDeletes struct{ *shelf }

func (s lostDeletes) Delete(ctx context.Context, id string) error {
	if err := s.shelf.Delete(ctx, id); err != nil {
		return err
	}
	return &remote.Error{Kind: remote.Unreachable, Op: "delete", Ambiguous: true}
}

// A folder takes the name of a file while it is not known that the file is deleted.
func TestFolderInThePlaceOfADeletedFile(t *testing.T) {
	s := newShelf()
	s.put("/x", "a file")
	b := openBoxOf(t, t.TempDir(), s, lostDeletes{s})
	b.Start()
	if err := b.Remove(placeOf(b, s, "x")); err != nil {
		t.Fatal(err)
	}
	for s.at("/x") != nil {
		time.Sleep(time.Millisecond)
	}
	if _, err := b.Mkdir(Place{Dir: "/", Name: "x", Seq: b.Seq()}, Attrs{}); err != nil {
		t.Fatal(err)
	}
	for end := time.Now().Add(10 * time.Second); len(b.Owed("")) > 0; {
		if _, err := b.RemoteDir("/x/"); err != nil {
			t.Fatal("the folder is not there:", err)
		}
		if time.Now().After(end) {
			t.Fatalf("still owed: %+v", b.Owed(""))
		}
	}
	if e := s.at("/x"); e == nil || !e.Dir {
		t.Errorf("the service has %+v", e)
	}
}

// waitsItsTurn has each upload wait, during which somebody else changes the file.
type waitsItsTurn struct {
	*shelf
	once sync.Once
}

func (s *waitsItsTurn) Upload(ctx context.Context, ticket remote.Ticket, name string, content io.ReaderAt, size int64, sum string) error {
	s.once.Do(func() {
		time.Sleep(2 * late)
		s.mu.Lock()
		defer s.mu.Unlock()
		for _, e := range s.entries {
			s.fill(e, []byte("theirs"))
		}
	})
	return s.shelf.Upload(ctx, ticket, name, content, size, sum)
}

// What was changed elsewhere while an upload waited for its turn is not overwritten.
func TestChangedWhileAnUploadWaits(t *testing.T) {
	s := &waitsItsTurn{shelf: newShelf()}
	s.put("/f", "before")
	b := openBoxOf(t, t.TempDir(), s.shelf, s)
	b.Start()
	place := placeOf(b, s.shelf, "f")
	n, err := b.Edit(place, b.Describe(place.Entry).ID)
	if err != nil {
		t.Fatal(err)
	}
	if err := b.Draft(n).Truncate(t.Context(), 0); err != nil {
		t.Fatal(err)
	}
	if _, err := b.Draft(n).WriteAt(t.Context(), []byte("ours"), 0); err != nil {
		t.Fatal(err)
	}
	b.Release(n, true)
	flushed(t, b)
	got := slices.Sorted(maps.Values(s.all()))
	if !slices.Equal(got, []string{"ours", "theirs"}) {
		t.Errorf("the service has %q", s.all())
	}
}
