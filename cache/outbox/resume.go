package outbox

import (
	"context"
	"strings"
	"time"
)

// Resume tries again at once what failed for want of an answer or of a right: the
// service answers again.
func (b *Outbox) Resume() {
	b.mu.Lock()
	defer b.mu.Unlock()
	resume := func(t *task) {
		if !t.refused {
			t.wait = time.Time{}
		}
	}
	for _, n := range b.nodes {
		resume(&n.task)
	}
	for _, g := range b.gone {
		resume(&g.task)
	}
	for _, d := range b.begun {
		resume(&d.task)
	}
	for _, m := range b.moves {
		resume(&m.task)
	}
	b.poke()
}

// Shown returns where a directory of the service is seen.
func (b *Outbox) Shown(remoteDir string) string {
	b.mu.Lock()
	defer b.mu.Unlock()
	for at := strings.TrimSuffix(remoteDir, "/"); at != ""; at = at[:strings.LastIndexByte(at, '/')] {
		if n := b.dirs[at]; n != nil {
			return n.path() + remoteDir[len(at):]
		}
	}
	return remoteDir
}

// AwaitMoves returns once no folder is on its way on the service, which shows a part of
// it then, or when ctx ends. It is for those that an earlier mount has begun: what this
// one moves is shown as it was known before.
func (b *Outbox) AwaitMoves(ctx context.Context) {
	for b.movesFolder() && sleep(ctx, 10*time.Millisecond) == nil {
	}
}

func (b *Outbox) movesFolder() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, m := range b.moves {
		if m.Of.Dir {
			return true
		}
	}
	return false
}
