package outbox

import (
	"context"
	"io"
	"strings"
	"sync"
	"testing"
	"time"

	"losantfs/remote"
)

// slowStore has all of the first upload long before it answers. Who does not wait for
// the answer has sent it all the same: it arrives last.
type slowStore struct {
	*shelf
	once   sync.Once
	has    chan struct{} // closed: all of the first upload
	answer chan struct{}
	late   sync.WaitGroup
}

func (s *slowStore) Upload(ctx context.Context, t remote.Ticket, name string, r io.ReaderAt, size int64, sum string) error {
	first := false
	s.once.Do(func() { first = true })
	if !first {
		return s.shelf.Upload(ctx, t, name, r, size, sum)
	}
	data, err := io.ReadAll(io.NewSectionReader(r, 0, size))
	if err != nil {
		return err
	}
	close(s.has)
	select {
	case <-s.answer:
	case <-ctx.Done():
		s.late.Go(func() {
			time.Sleep(300 * time.Millisecond)
			_ = s.shelf.Upload(context.WithoutCancel(ctx), t, name, strings.NewReader(string(data)), size, sum)
		})
		return ctx.Err()
	}
	return s.shelf.Upload(ctx, t, name, strings.NewReader(string(data)), size, sum)
}

// TestWhatWasSentIsNotOvertaken changes a file, or puts another one into its place,
// when all of it was sent and the store has not answered.
func TestWhatWasSentIsNotOvertaken(t *testing.T) {
	for name, change := range map[string]func(*testing.T, *Outbox, *shelf, *Node){
		"written": func(t *testing.T, b *Outbox, _ *shelf, n *Node) {
			if _, err := b.Draft(n).WriteAt(t.Context(), []byte("two"), 0); err != nil {
				t.Fatal(err)
			}
			if err := b.Flushed(n); err != nil {
				t.Fatal(err)
			}
		},
		"replaced": func(t *testing.T, b *Outbox, s *shelf, _ *Node) {
			saveNew(t, b, "tmp", "two")
			if err := b.Rename(placeOf(b, s, "tmp"), placeOf(b, s, "f"), false); err != nil {
				t.Fatal(err)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := &slowStore{shelf: newShelf(), has: make(chan struct{}), answer: make(chan struct{})}
			b := openBoxOf(t, t.TempDir(), s.shelf, s)
			n := saveNew(t, b, "f", "one")
			b.Start()
			<-s.has
			change(t, b, s.shelf, n)
			time.Sleep(100 * time.Millisecond)
			close(s.answer)
			flushed(t, b)
			s.late.Wait()
			if got := s.all(); len(got) != 1 || got["/f"] != "two" {
				t.Errorf("the service has %q", got)
			}
		})
	}
}
