package cache

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"maps"
	"os"
	"path"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"
	"pgregory.net/rapid"

	"losantfs/cache/content"
	"losantfs/cache/outbox"
	"losantfs/remote"
	"losantfs/remote/emulator"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// world is a space over an emulator, which can be killed and opened again.
type world struct {
	t      *rapid.T
	dir    string
	emu    *emulator.Server
	client *remote.Client
	store  *content.Store
	space  *Space
	log    bytes.Buffer

	model  map[string][]byte // by path; nil is a directory
	stable map[string]string // ids of files that were never away
}

func newWorld(t *rapid.T) *world {
	dir, err := os.MkdirTemp("", "space")
	if err != nil {
		t.Fatal(err)
	}
	w := &world{t: t, dir: dir, model: map[string][]byte{}, stable: map[string]string{}}
	if w.emu, err = emulator.Start(emulator.Config{Dir: dir + "/emu"}); err != nil {
		t.Fatal(err)
	}
	for _, p := range []string{"/a", "/b", "/d/c", "/d/e/f"} {
		data := []byte("seed of " + p)
		w.stable[p] = w.emu.PutFile(w.emu.Application(), "public", p, data)
		w.model[p] = data
		for up := path.Dir(p); up != "/"; up = path.Dir(up) {
			w.model[up] = nil
		}
	}
	w.client, err = remote.New(remote.Config{BaseURL: w.emu.URL(), Timeout: 2 * time.Second,
		Token: func() (string, error) { return w.emu.Token(), nil }})
	if err != nil {
		t.Fatal(err)
	}
	w.start()
	return w
}

const settle = 5 * time.Millisecond

func (w *world) start() {
	log := slog.New(slog.NewTextHandler(&w.log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	var err error
	if w.store, err = content.Open(w.dir+"/content", 1<<30, log); err != nil {
		w.t.Fatal(err)
	}
	w.space, err = NewSpace(w.client.Files(w.emu.Application(), remote.Public), Options{TTL: time.Hour, Content: w.store, Logger: log,
		Write: &WriteOptions{Dir: w.dir + "/owed", Settle: settle, Uploads: 4, Local: DefaultLocal}})
	if err != nil {
		w.t.Fatal(err)
	}
	if aside, err := outbox.SetAside(w.dir + "/owed"); err != nil || len(aside) > 0 {
		w.t.Errorf("a kill is taken for a damage: %v, %v", aside, err)
	}
}

// kill ends the space as a kill of the process would: nothing is said goodbye to.
func (w *world) kill() {
	fmt.Fprintf(&w.log, "KILL\n")
	w.space.outbox.Abandon()
	w.space.tree.Close()
	w.store.Close()
}

func (w *world) end() {
	w.kill()
	w.client.Close()
	if err := w.emu.Close(); err != nil {
		w.t.Error(err)
	}
	_ = os.RemoveAll(w.dir)
}

func split(p string) (dir, name string) {
	dir, name = path.Split(p)
	return remote.DirPath(dir), name
}

// children returns the paths below a directory of the model.
func (w *world) children(dir string) (all []string) {
	for p := range w.model {
		if strings.HasPrefix(p, dir+"/") {
			all = append(all, p)
		}
	}
	return all
}

// parentIsDir reports whether the model has the directory of a path.
func (w *world) parentIsDir(p string) bool {
	up := path.Dir(p)
	if up == "/" {
		return true
	}
	data, ok := w.model[up]
	return ok && data == nil
}

// expect compares the error of an operation with what the model says of it. A
// service that cannot be reached may refuse anything that needs it.
func (w *world) expect(op string, err, want error) (done bool) {
	fmt.Fprintf(&w.log, "%s OP %s: %v\n", time.Now().Format("15:04:05.000"), op, err)
	switch {
	case err == nil && want == nil:
		return true
	case err != nil && (remote.Temporary(err) || errors.Is(err, context.DeadlineExceeded)):
		return false
	case err != nil && want != nil && (errors.Is(err, want) || remote.KindOf(err) == remote.NotFound && want == fs.ErrNotExist):
		return false
	}
	w.t.Fatalf("%s: %v, want %v\nmodel: %v\n%s", op, err, want, w.names(), w.log.String())
	return false
}

func (w *world) names() []string { return slices.Sorted(maps.Keys(w.model)) }

var ctx = context.Background()

// lookup is what the kernel does before most calls.
func (w *world) lookup(p string) (Info, error) {
	dir, name := split(p)
	return w.space.Lookup(ctx, dir, name)
}

// write changes the content of a file: op is what a program does to the old.
func (w *world) write(p string, change func(h *Handle) error, model func([]byte) []byte) {
	data, ok := w.model[p]
	i, err := w.lookup(p)
	if !ok {
		w.expect("lookup "+p, err, fs.ErrNotExist)
		return
	}
	if !w.expect("lookup "+p, err, nil) || data == nil {
		return
	}
	dir, name := split(p)
	h, err := w.space.Open(ctx, dir, name, i.ID, true)
	if !w.expect("open "+p, err, nil) {
		return
	}
	defer h.Close()
	if err := change(h); !w.expect("write "+p, err, nil) {
		// What a failed write left is not known: read it.
		w.t.Skip("a write failed half way")
	}
	w.model[p] = model(data)
	w.expect("flush "+p, h.Flush(ctx), nil)
}

func (w *world) create(p string, data []byte) {
	dir, name := split(p)
	var want error
	if _, ok := w.model[p]; ok {
		want = fs.ErrExist
	} else if !w.parentIsDir(p) {
		want = fs.ErrNotExist
	}
	h, _, err := w.space.Create(ctx, dir, name, outbox.Attrs{})
	if !w.expect("create "+p, err, want) {
		return
	}
	defer h.Close()
	if _, err := h.WriteAt(ctx, data, 0); err != nil {
		w.t.Fatal(err)
	}
	w.expect("flush", h.Flush(ctx), nil)
	w.model[p] = data
}

func (w *world) mkdir(p string) {
	dir, name := split(p)
	var want error
	if _, ok := w.model[p]; ok {
		want = fs.ErrExist
	} else if !w.parentIsDir(p) {
		want = fs.ErrNotExist
	}
	_, err := w.space.Mkdir(ctx, dir, name, outbox.Attrs{})
	if w.expect("mkdir "+p, err, want) {
		w.model[p] = nil
	}
}

func (w *world) remove(p string) {
	dir, name := split(p)
	data, ok := w.model[p]
	var err, want error
	switch {
	case !ok:
		err, want = w.space.Unlink(ctx, dir, name), fs.ErrNotExist
	case data != nil:
		err = w.space.Unlink(ctx, dir, name)
	default:
		err = w.space.Rmdir(ctx, dir, name)
		if len(w.children(p)) > 0 {
			want = syscall.ENOTEMPTY
		}
	}
	if w.expect("remove "+p, err, want) {
		delete(w.model, p)
		delete(w.stable, p)
	}
}

func (w *world) rename(from, to string, flags int) {
	a, okA := w.model[from]
	b, okB := w.model[to]
	var want error
	switch {
	case !okA:
		want = fs.ErrNotExist
	case from == to, strings.HasPrefix(to, from+"/"), strings.HasPrefix(from, to+"/"):
		return // the kernel answers these
	case !w.parentIsDir(to):
		want = fs.ErrNotExist
	case flags&Exchange != 0 && !okB:
		want = fs.ErrNotExist
	case flags&Exchange != 0 && (a == nil || b == nil):
		want = syscall.EINVAL
	case flags&NoReplace != 0 && okB:
		want = fs.ErrExist
	case okB && flags == 0 && a == nil && b != nil:
		want = syscall.ENOTDIR
	case okB && flags == 0 && a != nil && b == nil:
		want = syscall.EISDIR
	case okB && flags == 0 && a == nil && len(w.children(to)) > 0:
		want = syscall.ENOTEMPTY
	}
	d1, n1 := split(from)
	d2, n2 := split(to)
	if !w.expect(fmt.Sprintf("rename %s %s %d", from, to, flags), w.space.Rename(ctx, d1, n1, d2, n2, flags), want) {
		return
	}
	if flags&Exchange != 0 {
		w.model[from], w.model[to] = b, a
		return
	}
	delete(w.model, from)
	delete(w.stable, from)
	w.model[to] = a
	if a == nil {
		delete(w.stable, to)
		for _, p := range slices.Collect(maps.Keys(w.model)) {
			if rest, ok := strings.CutPrefix(p, from+"/"); ok {
				w.model[to+"/"+rest] = w.model[p]
				delete(w.model, p)
				delete(w.stable, p)
			}
		}
	}
}

// seen returns all that the space shows, by path.
func (w *world) seen(dir string) map[string][]byte {
	all := map[string][]byte{}
	seen, err := w.space.List(ctx, dir)
	if err != nil {
		w.t.Fatalf("list %s: %v", dir, err)
	}
	for _, i := range seen.Entries {
		p := dir + i.Name
		if i.Dir {
			all[p] = nil
			maps.Copy(all, w.seen(p+"/"))
			continue
		}
		h, err := w.space.Open(ctx, dir, i.Name, i.ID, false)
		if err != nil {
			w.t.Fatalf("open %s: %v\n%s", p, err, w.log.String())
		}
		data, err := io.ReadAll(io.NewSectionReader(readerAt{h}, 0, 1<<30))
		h.Close()
		if err != nil || int64(len(data)) != i.Size {
			w.t.Fatalf("read %s: %d bytes of %d, %v\n%s", p, len(data), i.Size, err, w.log.String())
		}
		all[p] = append([]byte{}, data...)
	}
	return all
}

type readerAt struct{ h *Handle }

func (r readerAt) ReadAt(p []byte, off int64) (int, error) {
	n, pin, err := r.h.ReadOrPin(ctx, p, off)
	if pin != nil {
		defer pin.Release()
		return syscall.Pread(int(pin.Fd), p[:n], pin.Off)
	}
	return n, err
}

func (w *world) compare(what string, got map[string][]byte) {
	for p, data := range w.model {
		have, ok := got[p]
		if !ok || (have == nil) != (data == nil) || !bytes.Equal(have, data) {
			w.t.Fatalf("%s: %s is %q (there: %v), want %q\nmodel: %v\n%s", what, p, have, ok, data, w.names(), w.log.String())
		}
	}
	for p := range got {
		if _, ok := w.model[p]; !ok {
			w.t.Fatalf("%s: %s should not be there\nmodel: %v\n%s", what, p, w.names(), w.log.String())
		}
	}
}

// converge waits until nothing is owed and compares everything.
func (w *world) converge() {
	for _, sw := range w.emu.Switches() {
		switch sw.Name {
		case "error-rate", "drop-rate", "error-count", "drop-count", "down", "truncate-count":
			if err := w.emu.Set(sw.Name, sw.Default); err != nil {
				w.t.Fatal(err)
			}
		}
	}
	limit, cancel := context.WithTimeout(ctx, 8*time.Second)
	defer cancel()
	if owed := w.space.Flush(limit, ""); len(owed) > 0 {
		w.t.Fatalf("still owed: %+v\nmodel: %v\n%s", owed, w.names(), w.log.String())
	}
	// The service may still be deleting what it was told to.
	for range 100 {
		if !slices.ContainsFunc(w.emu.Items(w.emu.Application(), "public"), func(it emulator.Item) bool { return it.Status == "deleting" }) {
			break
		}
		time.Sleep(5 * time.Millisecond)
	}
	got := map[string][]byte{}
	for _, it := range w.emu.Items(w.emu.Application(), "public") {
		p := it.Path()
		if _, twice := got[p]; twice {
			w.t.Fatalf("%s is there twice\n%s", p, w.log.String())
		}
		if it.Type == "directory" {
			got[p] = nil
			continue
		}
		data, _ := w.emu.Content(w.emu.Application(), "public", p)
		got[p] = append([]byte{}, data...)
		if it.Status != "completed" {
			w.t.Fatalf("%s is %s\n%s", p, it.Status, w.log.String())
		}
		if id, ok := w.stable[p]; ok && id != it.ID {
			w.t.Fatalf("the id of %s changed\n%s", p, w.log.String())
		}
	}
	w.compare("the service", got)
	w.compare("the space", w.seen("/"))
}

var paths = []string{"/a", "/b", "/x", "/d", "/d/c", "/d/e", "/d/e/f", "/d/y", "/n", "/n/z", "/n/m", "/n/m/k"}

func TestWhatIsOwedArrives(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := newWorld(t)
		defer w.end()
		for name, values := range map[string][]string{
			"conflict-status": {"400", "409"}, "directory-move": {"job", "instant"}, "move-delay": {"0s", "3ms"}, "delete": {"instant", "async"},
			"completion-lag": {"0s", "20ms"}, "tickets": {"reusable", "single-use"}, "reupload-read": {"old", "missing"},
			"patch-size": {"ignored", "applied"}, "per-page-max": {"1000", "100"}, "move-onto-existing": {"reject", "overwrite"},
			"reuse-deleting": {"conflict", "allow"},
		} {
			if err := w.emu.Set(name, rapid.SampledFrom(values).Draw(t, name)); err != nil {
				t.Fatal(err)
			}
		}
		path := rapid.SampledFrom(paths)
		data := func() []byte {
			return []byte(rapid.StringMatching(`[a-z]{0,12}`).Draw(t, "data"))
		}
		for n := range rapid.IntRange(1, 25).Draw(t, "steps") {
			p := path.Draw(t, "path")
			switch rapid.IntRange(0, 15).Draw(t, fmt.Sprint("step", n)) {
			case 0, 1:
				w.create(p, data())
			case 2, 3:
				d := data()
				w.write(p, func(h *Handle) error {
					if err := h.Truncate(ctx, 0); err != nil {
						return err
					}
					_, err := h.WriteAt(ctx, d, 0)
					return err
				}, func([]byte) []byte { return d })
			case 4:
				d := data()
				w.write(p, func(h *Handle) error {
					_, err := h.WriteAt(ctx, d, 3)
					return err
				}, func(old []byte) []byte {
					if len(d) == 0 {
						return old
					}
					now := make([]byte, max(len(old), 3+len(d)))
					copy(now, old)
					copy(now[3:], d)
					return now
				})
			case 5, 6:
				w.remove(p)
			case 7:
				w.mkdir(p)
			case 8, 9, 10:
				w.rename(p, path.Draw(t, "to"), rapid.SampledFrom([]int{0, 0, 0, NoReplace, Exchange}).Draw(t, "flags"))
			case 11:
				time.Sleep(time.Duration(rapid.IntRange(1, 30).Draw(t, "ms")) * time.Millisecond)
			case 12:
				w.kill()
				w.start()
			case 13:
				fault := rapid.SampledFrom([]string{"drop-count", "error-count", "truncate-count"}).Draw(t, "fault")
				if err := w.emu.Set(fault, fmt.Sprint(rapid.IntRange(0, 4).Draw(t, "count"))); err != nil {
					t.Fatal(err)
				}
			case 14: // a save by temporary file and rename
				d := data()
				w.create("/tmp1", d)
				if _, ok := w.model["/tmp1"]; ok {
					w.rename("/tmp1", p, 0)
				}
				if _, ok := w.model["/tmp1"]; ok {
					w.remove("/tmp1")
				}
			case 15: // a save by moving the old file aside
				if old, ok := w.model[p]; ok && old != nil {
					id, began := w.stable[p], time.Now()
					w.rename(p, "/backup~", 0)
					if _, away := w.model[p]; !away {
						w.create(p, data())
						if _, ok := w.model[p]; ok && id != "" && time.Since(began) < settle {
							w.stable[p] = id // what takes longer than the settle may have been moved
						}
						w.remove("/backup~")
					}
				}
			}
		}
		w.converge()
	})
}
