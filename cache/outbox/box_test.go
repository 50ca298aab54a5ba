package outbox

import (
	"context"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"losantfs/remote"
)

// openBox opens the outbox of a folder. It sends nothing before Start.
func openBox(t testing.TB, dir string, s *shelf) *Outbox {
	t.Helper()
	return openBoxOf(t, dir, s, s)
}

// openBoxOf opens the outbox of a folder for a service that puts things on a shelf.
func openBoxOf(t testing.TB, dir string, s *shelf, service Service) *Outbox {
	t.Helper()
	b, err := Open(Options{Dir: dir, Space: remote.Public, Settle: 5 * time.Millisecond, Uploads: 2, Service: service, Known: known{s: s},
		Local: func(string) bool { return false }, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(b.Abandon)
	return b
}

// placeOf returns a place in the root as it is now.
func placeOf(b *Outbox, s *shelf, name string) Place {
	return Place{Dir: "/", Name: name, Entry: s.at("/" + name), Seq: b.Seq()}
}

// saveNew makes a file, which is recorded, and leaves it open.
func saveNew(t testing.TB, b *Outbox, name, data string) *Node {
	t.Helper()
	n, err := b.Create(Place{Dir: "/", Name: name, Seq: b.Seq()}, Attrs{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := b.Draft(n).WriteAt(t.Context(), []byte(data), 0); err != nil {
		t.Fatal(err)
	}
	if err := b.Flushed(n); err != nil {
		t.Fatal(err)
	}
	return n
}

// owedContents returns what is in the drafts of all files that are owed, by path.
func owedContents(t *testing.T, b *Outbox) map[string]string {
	t.Helper()
	b.mu.Lock()
	defer b.mu.Unlock()
	all := map[string]string{}
	for _, n := range b.nodes {
		if n.draft == nil {
			continue
		}
		size, _ := n.draft.Size()
		p := make([]byte, size)
		if _, err := n.draft.ReadAt(t.Context(), p, 0); err != nil && size > 0 {
			t.Errorf("%s: %v", n.path(), err)
		}
		all[n.path()] = string(p)
	}
	return all
}

// aside returns what was set aside: how many journals, and the contents of drafts,
// sorted.
func aside(t *testing.T, dir string) (journals int, drafts []string) {
	t.Helper()
	all, err := SetAside(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, a := range all {
		if a.Reason == "" || time.Since(a.Since) > time.Hour {
			t.Errorf("set aside: %+v", a)
		}
		if strings.HasPrefix(filepath.Base(a.Path), "journal.") {
			journals++
			continue
		}
		data, err := os.ReadFile(a.Path)
		if err != nil {
			t.Fatal(err)
		}
		drafts = append(drafts, string(data))
	}
	slices.Sort(drafts)
	return journals, drafts
}

// flushed waits until nothing is owed.
func flushed(t testing.TB, b *Outbox) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	if owed := b.Flush(ctx, ""); len(owed) > 0 {
		t.Fatalf("still owed: %+v", owed)
	}
}
