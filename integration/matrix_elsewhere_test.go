package integration

import (
	"context"
	"path"
	"strings"
	"testing"
	"time"

	"losantfs/remote"
)

// elsewhere is another client of the application of a drive.
type elsewhere struct {
	t   testing.TB
	d   *drive
	api *remote.Files // nil: the service is changed without its API, which cannot be reached
}

func newElsewhere(t testing.TB, d *drive) elsewhere {
	t.Helper()
	client, err := remote.New(remote.Config{BaseURL: d.emu.URL(), Timeout: 20 * time.Second,
		Token: func() (string, error) { return d.emu.Token(), nil }})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	return elsewhere{t, d, client.Files(d.app, remote.Public)}
}

func (o elsewhere) must(what, p string, err error) {
	o.t.Helper()
	if err != nil {
		o.t.Fatalf("elsewhere: %s %s: %v", what, p, err)
	}
}

// put gives a file a content, and makes it where it is missing.
func (o elsewhere) put(p, content string) {
	o.t.Helper()
	if o.api == nil {
		o.d.emu.PutFile(o.d.app, "public", p, []byte(content))
		return
	}
	ctx := context.Background()
	size := int64(len(content))
	var e remote.Entry
	var ticket remote.Ticket
	var err error
	if it, ok := o.d.emu.Find(o.d.app, "public", p); ok {
		e, ticket, err = o.api.Patch(ctx, it.ID, size, "", nil)
	} else {
		e, ticket, err = o.api.Create(ctx, remote.NewEntry{Name: path.Base(p), Parent: path.Dir(p), Size: size})
	}
	o.must("put", p, err)
	err = o.api.Upload(ctx, ticket, e.Name, strings.NewReader(content), size, "")
	o.must("upload", p, err)
	o.eventually(p, func() bool { e, err = o.api.Get(ctx, e.ID); return err == nil && e.Status == remote.Completed })
}

func (o elsewhere) remove(p string) {
	o.t.Helper()
	if o.api == nil {
		if !o.d.emu.Remove(o.d.app, "public", p) {
			o.t.Errorf("there is no %s to remove", p)
		}
		return
	}
	id := o.d.id(p)
	o.must("remove", p, o.api.Delete(context.Background(), id))
	o.eventually(p, func() bool { _, ok := o.d.emu.Find(o.d.app, "public", p); return !ok })
}

// move gives something another path, and with it another id.
func (o elsewhere) move(from, to string) {
	o.t.Helper()
	if o.api != nil {
		_, err := o.api.Move(context.Background(), o.d.id(from), path.Dir(to), path.Base(to))
		o.must("move", from, err)
		o.eventually(from, func() bool {
			_, still := o.d.emu.Find(o.d.app, "public", from)
			it, ok := o.d.emu.Find(o.d.app, "public", to)
			return !still && ok && it.Status == "completed"
		})
		return
	}
	for p, content := range o.d.service() {
		if rest, ok := strings.CutPrefix(p, from); ok && (rest == "" || rest[0] == '/') {
			filled(map[string]string{to + rest: content})(o.d.emu)
		}
	}
	o.remove(from)
}

func (o elsewhere) eventually(what string, ok func() bool) {
	o.t.Helper()
	for end := time.Now().Add(10 * time.Second); !ok(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			o.t.Fatalf("elsewhere: %s is not as it should be", what)
		}
	}
}
