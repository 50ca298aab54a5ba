package outbox

import (
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
