package outbox

import (
	"context"
	"testing"
	"time"
)

// What begins to settle anew right after a flush has ended its settling, as a
// conflict makes it, is sent by that flush all the same.
func TestFlushOfWhatSettlesAnew(t *testing.T) {
	b := openBox(t, t.TempDir(), newShelf())
	b.o.Settle = time.Hour
	n := saveNew(t, b, "f", "content")
	b.Release(n, true)
	b.Start()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	owed := make(chan []Debt)
	b.mu.Lock()
	go func() { owed <- b.Flush(ctx, "") }()
	time.Sleep(20 * time.Millisecond)
	go func() {
		b.mu.Lock()
		defer b.mu.Unlock()
		n.touch()
		b.mark(n)
		if err := b.commit(); err != nil {
			t.Error(err)
		}
	}()
	time.Sleep(20 * time.Millisecond)
	// Who finds the lock taken again after a long wait makes it go round in turn: the
	// file begins to settle between the first two looks of the flush.
	b.mu.Unlock()
	b.mu.Lock()
	time.Sleep(20 * time.Millisecond)
	b.mu.Unlock()
	if owed := <-owed; len(owed) > 0 {
		t.Errorf("still owed: %+v", owed)
	}
}
