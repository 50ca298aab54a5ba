package cache

import (
	"bytes"
	"context"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"losantfs/cache/outbox"
	"losantfs/remote"
)

// flush sends what is owed and returns what cannot be sent.
func (d *desk) flush() []outbox.Debt {
	limit, cancel := context.WithTimeout(ctx, 15*time.Second)
	defer cancel()
	return d.space.Flush(limit, "")
}

// afterFlush returns what the service has once nothing is owed.
func (d *desk) afterFlush() map[string]string {
	d.flush()
	return d.service()
}

// flushing is flush beside what the test does meanwhile.
func (d *desk) flushing() (wait func() []outbox.Debt) {
	done := make(chan []outbox.Debt, 1)
	go func() { done <- d.flush() }()
	return func() []outbox.Debt { return <-done }
}

// eventually waits until something holds.
func (d *desk) eventually(what string, holds func() bool) {
	d.t.Helper()
	for end := time.Now().Add(10 * time.Second); !holds(); time.Sleep(2 * time.Millisecond) {
		if time.Now().After(end) {
			d.t.Fatalf("in vain: %s; the service has %v, and owed is %+v", what, d.service(), d.space.Owed(""))
		}
	}
}

// service returns what the service has, by path: directories end with a slash.
func (d *desk) service() map[string]string {
	all := map[string]string{}
	for _, i := range d.emu.Items(d.emu.Application(), "public") {
		p := i.Path()
		if i.Type == "directory" {
			p += "/"
		}
		data, _ := d.emu.Content(d.emu.Application(), "public", i.Path())
		if _, twice := all[p]; twice {
			p += " (twice)"
		}
		all[p] = string(data)
		if i.Status != "completed" {
			all[p] += " (" + i.Status + ")"
		}
	}
	return all
}

// seen returns what the space shows, in the form of service, after another look.
func (d *desk) seen(dir string) map[string]string {
	d.t.Helper()
	d.space.Forget(dir)
	all := map[string]string{}
	for _, i := range d.list(dir) {
		if !i.Dir {
			all[dir+i.Name] = d.read(dir + i.Name)
			continue
		}
		all[dir+i.Name+"/"] = ""
		maps.Copy(all, d.seen(dir+i.Name+"/"))
	}
	return all
}

// settled sends what is owed, which has to be all, and compares what the service
// has with what is seen, and both with files, by path.
func (d *desk) settled(files map[string]string) {
	d.t.Helper()
	if owed := d.flush(); len(owed) > 0 {
		d.t.Errorf("still owed: %+v", owed)
	}
	want := map[string]string{}
	for p, data := range files {
		want[p] = data
		for dir, _ := split(p); dir != "/"; dir, _ = split(strings.TrimSuffix(dir, "/")) {
			want[dir] = ""
		}
	}
	d.eventually("deletions", func() bool { return !holds(slices.Collect(maps.Values(d.service())), "(deleting)") })
	if got := d.service(); !maps.Equal(got, want) {
		d.t.Errorf("the service has %v, want %v", got, want)
	}
	if got := d.seen("/"); !maps.Equal(got, want) {
		d.t.Errorf("seen are %v, want %v", got, want)
	}
}

// conflicted returns the contents of the files that the service has under the names
// of conflicts.
func (d *desk) conflicted() (all []string) {
	for p, data := range d.service() {
		if strings.Contains(p, " (conflict ") {
			all = append(all, data)
		}
	}
	slices.Sort(all)
	return all
}

// holds reports whether one of all contains s.
func holds(all []string, s string) bool {
	return slices.ContainsFunc(all, func(v string) bool { return strings.Contains(v, s) })
}

// upload is the upload of somebody else to a file, which has a ticket so far.
type upload struct {
	d *desk
	e remote.Entry
	t remote.Ticket
}

// creating begins to make a file elsewhere.
func (d *desk) creating(p string) *upload {
	d.t.Helper()
	dir, name := split(p)
	e, ticket, err := d.others.Create(ctx, remote.NewEntry{Name: name, Parent: dir, Size: 5})
	d.must(err)
	return &upload{d, e, ticket}
}

// replacing begins to give a file another content elsewhere.
func (d *desk) replacing(p string) *upload {
	d.t.Helper()
	i, _ := d.item(p)
	e, ticket, err := d.others.Patch(ctx, i.ID, 5, "text/plain", nil)
	d.must(err)
	return &upload{d, e, ticket}
}

func (u *upload) arrive(data string) {
	u.d.t.Helper()
	err := u.d.others.Upload(ctx, u.t, u.e.Name, bytes.NewReader([]byte(data)), int64(len(data)), "")
	if err != nil {
		u.d.t.Errorf("somebody else's upload to %s: %v", u.e.Name, err)
	}
}

// lockedBuffer keeps the log of a desk until it is known whether it is needed.
type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}
