package cmd

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"sync"
	"time"

	"losantfs/cache"
	"losantfs/cache/outbox"
)

// part is what is below a path of a space.
type part struct {
	space *cache.Space
	under string // "" for everything
}

// everything returns all that can owe something.
func (d *drive) everything() []part {
	var parts []part
	for _, s := range slices.Concat(d.spaces, d.leftSpaces()) {
		parts = append(parts, part{s, ""})
	}
	return parts
}

// below returns what is at and below a path relative to the mount.
func (d *drive) below(rel string) ([]part, error) {
	name, under, err := d.split(rel)
	if err != nil {
		return nil, err
	}
	under = strings.TrimSuffix(under, "/") // "" for the root
	parts := slices.DeleteFunc(d.everything(), func(p part) bool { return name != "" && p.space.Name() != name })
	for i := range parts {
		parts[i].under = under
	}
	return parts, nil
}

// owed returns what parts owe, by path.
func (d *drive) owed(parts []part) (owed []owedChange) {
	for _, p := range parts {
		owed = append(owed, d.changes(p.space, p.space.Owed(p.under))...)
	}
	sortOwed(owed)
	return owed
}

func (d *drive) changes(space *cache.Space, debts []outbox.Debt) []owedChange {
	all := make([]owedChange, len(debts))
	for i, debt := range debts {
		all[i] = owedChange{Path: d.pathIn(space, debt.Path), State: debt.State, Bytes: debt.Bytes, Sent: debt.Sent, Since: debt.Since,
			Error: whyOwed(debt.Err)}
	}
	return all
}

// whyOwed says why a change was not sent, "" without an error.
func whyOwed(err error) string {
	switch {
	case err == nil:
		return ""
	case isForbidden(err):
		return "the token lacks the right to make this change: " + err.Error()
	}
	return err.Error()
}

func sortOwed(owed []owedChange) {
	slices.SortFunc(owed, func(a, b owedChange) int { return cmp.Compare(a.Path, b.Path) })
}

// flush sends what parts owe, also what was refused before, and returns what is
// owed still once only that is left which the service refuses, ctx ends, or the
// drive. Programs may go on writing meanwhile. It reports how it goes on. Whether the
// service is back is looked at once, rather than at the next probe.
func (d *drive) flush(ctx context.Context, parts []part, report func(drainReport)) (still []owedChange) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	done := make(chan struct{})
	var flushes, look sync.WaitGroup
	var mu sync.Mutex
	look.Go(func() { d.client.Hurry(ctx, d.app.ID) })
	for _, p := range parts {
		flushes.Go(func() {
			debts := p.space.Flush(ctx, p.under)
			mu.Lock()
			defer mu.Unlock()
			still = append(still, d.changes(p.space, debts)...)
		})
	}
	go func() {
		defer close(done)
		flushes.Wait()
	}()
	d.follow(parts, done, report)
	cancel()
	<-done
	look.Wait()
	sortOwed(still)
	return still
}

// reportPause is how often those who wait are told how it goes on.
const reportPause = 250 * time.Millisecond

// follow reports what parts owe until done is closed or nothing is sent any more.
func (d *drive) follow(parts []part, done <-chan struct{}, report func(drainReport)) {
	tick := time.NewTicker(reportPause)
	defer tick.Stop()
	for last := (owedSum{}); ; {
		if now := sumOf(d.owed(parts)); now != last {
			report(drainReport{owedSum: now})
			last = now
		}
		select {
		case <-done:
			return
		case <-d.ended:
			return
		case <-tick.C:
		}
	}
}

// drain sends all that is owed, for as long as ctx lasts.
func (d *drive) drain(ctx context.Context) {
	d.flush(ctx, d.everything(), func(drainReport) {})
}
