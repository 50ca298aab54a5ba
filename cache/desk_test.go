package cache

import (
	"io"
	"log/slog"
	"testing"
	"time"

	"losantfs/cache/content"
	"losantfs/cache/inode"
	"losantfs/cache/outbox"
	"losantfs/remote"
	"losantfs/remote/emulator"
)

// desk is one machine at work on a space, whose application others change too.
type desk struct {
	t       *testing.T
	dir     string
	settle  time.Duration
	uploads int
	emu     *emulator.Server
	client  *remote.Client
	others  *remote.Files // of somebody else's machine
	store   *content.Store
	space   *Space
	log     lockedBuffer
}

// unsent is a settle in which a test does all that it wants to do before anything
// is sent, which flush then does.
const unsent = 2 * time.Second

// newDesk opens a space that has the given files, with their paths as content.
func newDesk(t *testing.T, settle time.Duration, files ...string) *desk {
	t.Helper()
	d := &desk{t: t, dir: t.TempDir(), settle: settle, uploads: 4}
	var err error
	if d.emu, err = emulator.Start(emulator.Config{Dir: d.dir + "/emu"}); err != nil {
		t.Fatal(err)
	}
	for _, p := range files {
		d.elsewhere(p, p)
	}
	d.client, err = remote.New(remote.Config{BaseURL: d.emu.URL(), Timeout: 5 * time.Second,
		Token: func() (string, error) { return d.emu.Token(), nil }})
	if err != nil {
		t.Fatal(err)
	}
	d.others = d.client.Files(d.emu.Application(), remote.Public)
	d.start()
	t.Cleanup(func() {
		d.kill()
		d.client.Close()
		if err := d.emu.Close(); err != nil {
			t.Error(err)
		}
		if t.Failed() {
			t.Log(d.log.String())
		}
	})
	return d
}

func (d *desk) start() {
	d.t.Helper()
	log := slog.New(slog.NewTextHandler(&d.log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	var err error
	if d.store, err = content.Open(d.dir+"/content", 1<<30, log); err != nil {
		d.t.Fatal(err)
	}
	d.space, err = NewSpace(d.client.Files(d.emu.Application(), remote.Public), Options{TTL: time.Hour, Content: d.store, Logger: log,
		Write: &WriteOptions{Dir: d.dir + "/owed", Settle: d.settle, Uploads: d.uploads, Local: DefaultLocal}})
	if err != nil {
		d.t.Fatal(err)
	}
}

// kill ends the space as a kill of the process would.
func (d *desk) kill() {
	d.space.outbox.Abandon()
	d.space.tree.Close()
	d.store.Close()
}

// restart opens the space anew, with another settle.
func (d *desk) restart(settle time.Duration) {
	d.t.Helper()
	d.settle = settle
	d.start()
}

func (d *desk) set(name, value string) {
	d.t.Helper()
	d.must(d.emu.Set(name, value))
}

func (d *desk) must(err error) {
	d.t.Helper()
	if err != nil {
		d.t.Fatal(err)
	}
}

// elsewhere gives a file a content, as another machine would.
func (d *desk) elsewhere(p, data string) (id string) {
	return d.emu.PutFile(d.emu.Application(), "public", p, []byte(data))
}

// removeElsewhere takes something away, as another machine would.
func (d *desk) removeElsewhere(p string) {
	d.t.Helper()
	if !d.emu.Remove(d.emu.Application(), "public", p) {
		d.t.Fatalf("the service has no %s", p)
	}
}

// item is what the service says of a path.
func (d *desk) item(p string) (emulator.Item, bool) {
	return d.emu.Find(d.emu.Application(), "public", p)
}

func (d *desk) id(p string) inode.ID {
	d.t.Helper()
	dir, name := split(p)
	i, err := d.space.Lookup(ctx, dir, name)
	d.must(err)
	return i.ID
}

func (d *desk) open(p string, write bool) *Handle {
	d.t.Helper()
	dir, name := split(p)
	h, err := d.space.Open(ctx, dir, name, d.id(p), write)
	d.must(err)
	return h
}

// touch opens a file for writing and writes nothing.
func (d *desk) touch(p string) {
	d.t.Helper()
	h := d.open(p, true)
	d.must(h.Flush(ctx))
	h.Close()
}

// save gives a file a content as most programs do, and makes it where it is
// missing.
func (d *desk) save(p, data string) {
	d.t.Helper()
	dir, name := split(p)
	var h *Handle
	_, err := d.space.Lookup(ctx, dir, name)
	if remote.KindOf(err) == remote.NotFound {
		h, _, err = d.space.Create(ctx, dir, name, outbox.Attrs{})
		d.must(err)
	} else {
		d.must(err)
		h = d.open(p, true)
		d.must(h.Truncate(ctx, 0))
	}
	defer h.Close()
	if data != "" {
		_, err = h.WriteAt(ctx, []byte(data), 0)
		d.must(err)
	}
	d.must(h.Flush(ctx))
}

func (d *desk) read(p string) string {
	d.t.Helper()
	h := d.open(p, false)
	defer h.Close()
	data, err := io.ReadAll(io.NewSectionReader(readerAt{h}, 0, 1<<30))
	if err != nil {
		d.t.Fatalf("reading %s: %v", p, err)
	}
	return string(data)
}

func (d *desk) mkdir(p string) {
	d.t.Helper()
	dir, name := split(p)
	_, err := d.space.Mkdir(ctx, dir, name, outbox.Attrs{})
	d.must(err)
}

func (d *desk) rename(from, to string) {
	d.t.Helper()
	d1, n1 := split(from)
	d2, n2 := split(to)
	if err := d.space.Rename(ctx, d1, n1, d2, n2, 0); err != nil {
		d.t.Fatalf("mv %s %s: %v", from, to, err)
	}
}

func (d *desk) list(dir string) []Seen {
	d.t.Helper()
	all, err := d.space.List(ctx, dir)
	if err != nil {
		d.t.Fatalf("ls %s: %v", dir, err)
	}
	return all.Entries
}

// remove removes a file, or a directory with all in it, as rm -rf does.
func (d *desk) remove(p string) {
	d.t.Helper()
	dir, name := split(p)
	i, err := d.space.Lookup(ctx, dir, name)
	d.must(err)
	if !i.Dir {
		d.must(d.space.Unlink(ctx, dir, name))
		return
	}
	for _, c := range d.list(p + "/") {
		d.remove(p + "/" + c.Name)
	}
	if err := d.space.Rmdir(ctx, dir, name); err != nil {
		d.t.Fatalf("rmdir %s: %v", p, err)
	}
}
