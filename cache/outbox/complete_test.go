package outbox

import (
	"context"
	"fmt"
	"io"
	"testing"
	"testing/synctest"
	"time"

	"losantfs/remote"
)

// distant is a service whose answers take their time.
type distant struct{ *shelf }

const distance = 50 * time.Millisecond

func (s distant) List(ctx context.Context, o remote.ListOptions) (remote.Page, error) {
	time.Sleep(distance)
	s.mu.Lock()
	s.calls["list"]++
	s.mu.Unlock()
	return s.shelf.List(ctx, o)
}

func (s distant) Create(ctx context.Context, n remote.NewEntry) (remote.Entry, remote.Ticket, error) {
	time.Sleep(distance)
	return s.shelf.Create(ctx, n)
}

// Upload leaves it to a later listing to show what arrived.
func (s distant) Upload(ctx context.Context, t remote.Ticket, name string, r io.ReaderAt, size int64, sum string) error {
	time.Sleep(distance)
	return s.shelf.Upload(ctx, t, name, r, size, sum)
}

// One listing shows the end of all uploads that end about the same time.
func TestListingsThatShowTheEnd(t *testing.T) {
	for _, c := range []struct {
		files, uploads int
		lists          int
	}{
		{1, 64, 1},
		{50, 64, 1},
		{128, 64, 1},
		{200, 20, 4}, // 10 times 100 ms
	} {
		t.Run(fmt.Sprint(c.files, " files, ", c.uploads, " at once"), func(t *testing.T) {
			dir := t.TempDir()
			synctest.Test(t, func(t *testing.T) {
				s := newShelf()
				b := openBoxOf(t, dir, s, distant{s})
				b.o.Uploads, b.o.Settle = c.uploads, time.Second
				for i := range c.files {
					b.Release(saveNew(t, b, fmt.Sprint("f", i), fmt.Sprint(i)), true)
				}
				b.Start()
				for len(b.Owed("")) > 0 {
					time.Sleep(10 * time.Millisecond)
				}
				for call, want := range map[string]int{"create": c.files, "upload": c.files, "list": c.lists} {
					if got := s.count(call); got != want {
						t.Errorf("%d %s calls, want %d", got, call, want)
					}
				}
				b.Abandon()
			})
		})
	}
}
