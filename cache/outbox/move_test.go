package outbox

import (
	"context"
	"maps"
	"strings"
	"testing"
	"time"

	"losantfs/remote"
)

// A service may keep the id of what it moves, or not.
func TestMove(t *testing.T) {
	for _, keep := range []bool{false, true} {
		name := "with new ids"
		if keep {
			name = "keeping ids"
		}
		t.Run(name, func(t *testing.T) {
			for _, p := range []string{"f", "d"} {
				t.Run(p, func(t *testing.T) {
					s := newShelf()
					s.keepID = keep
					s.put("/f", "of f")
					s.put("/d/", "")
					s.put("/d/g", "of g")
					want := s.all()
					b := openBox(t, t.TempDir(), s)
					b.Start()
					old := s.at("/" + p)
					if err := b.Rename(placeOf(b, s, p), placeOf(b, s, "x"), false); err != nil {
						t.Fatal(err)
					}
					flushed(t, b)
					if p == "f" {
						want["/x"] = want["/f"]
						delete(want, "/f")
					} else {
						want["/x/"], want["/x/g"] = "", want["/d/g"]
						delete(want, "/d/")
						delete(want, "/d/g")
					}
					if got := s.all(); !maps.Equal(got, want) {
						t.Errorf("the service has %v, want %v", got, want)
					}
					if n := s.count("move"); n != 1 {
						t.Errorf("it was moved %d times", n)
					}
					now := s.at("/x")
					if e, ok := s.believed[now.ID]; !ok || e.Name != "x" {
						t.Errorf("the rest of the cache believes in %+v", s.believed)
					}
					wantWhither(t, b, old.ID, now.ID)
					// And on.
					if err := b.Rename(placeOf(b, s, "x"), placeOf(b, s, "y"), false); err != nil {
						t.Fatal(err)
					}
					flushed(t, b)
					if s.at("/y") == nil || s.at("/x") != nil {
						t.Errorf("the service has %v", s.all())
					}
					wantWhither(t, b, old.ID, s.at("/y").ID)
				})
			}
		})
	}
}

// wantWhither asks what an entry has become, which takes no time.
func wantWhither(t *testing.T, b *Outbox, old, now string) {
	t.Helper()
	done := make(chan string, 1)
	go func() { done <- b.Whither(old) }()
	select {
	case got := <-done:
		if got != now {
			t.Errorf("what was %s is %s, want %s", old, got, now)
		}
	case <-time.After(5 * time.Second):
		t.Fatal("no answer to what an entry has become")
	}
}

// A service that tidies names up makes no files that nobody asked for, and is not
// asked again and again.
func TestServiceChangesNames(t *testing.T) {
	tidy := func(name string) string { return strings.ReplaceAll(name, "?", "_") }
	refused := func(t *testing.T, b *Outbox) {
		t.Helper()
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		owed := b.Flush(ctx, "")
		if ctx.Err() != nil || len(owed) != 1 || owed[0].Path != "/what?" || owed[0].State != Failed || remote.KindOf(owed[0].Err) != remote.Invalid {
			t.Errorf("owed is %+v", owed)
		}
	}
	t.Run("of a new file", func(t *testing.T) {
		s := newShelf()
		s.name = tidy
		b := openBox(t, t.TempDir(), s)
		b.Start()
		n := saveNew(t, b, "what?", "mine")
		b.Release(n, true)
		refused(t, b)
		if got := s.all(); len(got) != 0 {
			t.Errorf("the service has %v", got)
		}
		if err := b.Rename(placeOf(b, s, "what?"), placeOf(b, s, "good"), false); err != nil {
			t.Fatal(err)
		}
		flushed(t, b)
		if got := s.all(); len(got) != 1 || got["/good"] != "mine" {
			t.Errorf("the service has %v", got)
		}
	})
	for _, p := range []string{"f", "d"} {
		t.Run("of "+p+", which is renamed", func(t *testing.T) {
			s := newShelf()
			s.name = tidy
			s.put("/f", "of f")
			s.put("/d/", "")
			s.put("/d/g", "of g")
			b := openBox(t, t.TempDir(), s)
			b.Start()
			if err := b.Rename(placeOf(b, s, p), placeOf(b, s, "what?"), false); err != nil {
				t.Fatal(err)
			}
			refused(t, b)
			moves := s.count("move")
			time.Sleep(300 * time.Millisecond)
			if n := s.count("move"); n != moves || n > 2 {
				t.Errorf("it was moved %d times, and %d times since it was refused", n, n-moves)
			}
			if err := b.Rename(placeOf(b, s, "what?"), placeOf(b, s, "good"), false); err != nil {
				t.Fatal(err)
			}
			flushed(t, b)
			if s.at("/good") == nil || s.at("/what_") != nil || s.at("/"+p) != nil {
				t.Errorf("the service has %v", s.all())
			}
		})
	}
}
