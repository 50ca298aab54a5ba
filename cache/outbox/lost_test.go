package outbox

import (
	"context"
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
