package cache

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

// folderMoves are what people and programs do with folders that the service can do
// only step by step.
var folderMoves = []struct {
	name  string
	files []string
	steps []func(d *desk)
	want  map[string]string
}{
	{"two folders change places", []string{"/a/1", "/b/2"},
		[]func(d *desk){mv("/a", "/t"), mv("/b", "/a"), mv("/t", "/b")},
		map[string]string{"/a/2": "/b/2", "/b/1": "/a/1"}},
	{"two folders change places, within one another's parents", []string{"/x/a/1", "/y/b/2"},
		[]func(d *desk){mv("/x/a", "/t"), mv("/y/b", "/x/a"), mv("/t", "/y/b")},
		map[string]string{"/x/a/2": "/y/b/2", "/y/b/1": "/x/a/1"}},
	{"two files change places", []string{"/a", "/b"},
		[]func(d *desk){mv("/a", "/t"), mv("/b", "/a"), mv("/t", "/b")},
		map[string]string{"/a": "/b", "/b": "/a"}},
	{"three folders change places", []string{"/a/1", "/b/2", "/c/3"},
		[]func(d *desk){mv("/a", "/t"), mv("/b", "/a"), mv("/c", "/b"), mv("/t", "/c")},
		map[string]string{"/a/2": "/b/2", "/b/3": "/c/3", "/c/1": "/a/1"}},
	{"a folder goes into its own former child", []string{"/d/1", "/d/e/2"},
		[]func(d *desk){mv("/d/e", "/e"), mv("/d", "/e/d")},
		map[string]string{"/e/2": "/d/e/2", "/e/d/1": "/d/1"}},
	{"a folder changes places with its own child", []string{"/d/1", "/d/e/2"},
		[]func(d *desk){mv("/d/e", "/t"), mv("/d", "/t/e"), mv("/t", "/d")},
		map[string]string{"/d/2": "/d/e/2", "/d/e/1": "/d/1"}},
	{"a file takes the place of a folder", []string{"/d/1", "/d/e/2"},
		[]func(d *desk){rm("/d"), save("/d", "now a file")},
		map[string]string{"/d": "now a file"}},
	{"a file takes the place of a folder that is renamed", []string{"/d/1", "/d/e/2"},
		[]func(d *desk){mv("/d", "/d2"), save("/d", "now a file")},
		map[string]string{"/d": "now a file", "/d2/1": "/d/1", "/d2/e/2": "/d/e/2"}},
	{"a folder takes the place of a file", []string{"/a", "/b"},
		[]func(d *desk){rm("/a"), mkdir("/a"), save("/a/x", "below")},
		map[string]string{"/a/x": "below", "/b": "/b"}},
	{"a folder takes the place of a file that is renamed", []string{"/a", "/b"},
		[]func(d *desk){mv("/a", "/a2"), mkdir("/a"), save("/a/x", "below")},
		map[string]string{"/a/x": "below", "/a2": "/a", "/b": "/b"}},
	{"a folder takes the place of a file that goes into it", []string{"/a", "/b"},
		[]func(d *desk){mv("/a", "/t"), mkdir("/a"), mv("/t", "/a/a")},
		map[string]string{"/a/a": "/a", "/b": "/b"}},
	{"a file takes the place of the folder that it was in", []string{"/d/1", "/b"},
		[]func(d *desk){mv("/d/1", "/t"), rm("/d"), mv("/t", "/d")},
		map[string]string{"/d": "/d/1", "/b": "/b"}},
	{"a folder is renamed and removed", []string{"/d/1", "/d/e/2", "/b"},
		[]func(d *desk){mv("/d", "/x"), rm("/x")},
		map[string]string{"/b": "/b"}},
	{"a folder is renamed twice", []string{"/d/1", "/d/e/2", "/b"},
		[]func(d *desk){mv("/d", "/x"), mv("/x", "/y")},
		map[string]string{"/b": "/b", "/y/1": "/d/1", "/y/e/2": "/d/e/2"}},
	{"a folder is renamed and back", []string{"/d/1", "/d/e/2", "/b"},
		[]func(d *desk){mv("/d", "/x"), mv("/x", "/d")},
		map[string]string{"/b": "/b", "/d/1": "/d/1", "/d/e/2": "/d/e/2"}},
	{"a file is renamed and back", []string{"/d/1", "/b"},
		[]func(d *desk){mv("/b", "/x"), mv("/x", "/b")},
		map[string]string{"/b": "/b", "/d/1": "/d/1"}},
	{"a file is changed, renamed and back", []string{"/d/1", "/b"},
		[]func(d *desk){save("/b", "changed"), mv("/b", "/x"), mv("/x", "/b")},
		map[string]string{"/b": "changed", "/d/1": "/d/1"}},
	{"a file is renamed and removed", []string{"/d/1", "/b"},
		[]func(d *desk){mv("/b", "/x"), rm("/x")},
		map[string]string{"/d/1": "/d/1"}},
	{"a file is renamed and changed", []string{"/d/1", "/b"},
		[]func(d *desk){mv("/b", "/x"), save("/x", "changed")},
		map[string]string{"/d/1": "/d/1", "/x": "changed"}},
	{"a file is renamed twice", []string{"/d/1", "/b"},
		[]func(d *desk){mv("/b", "/d/b"), mv("/d/b", "/x")},
		map[string]string{"/d/1": "/d/1", "/x": "/b"}},
	{"a folder is renamed and its files are changed", []string{"/d/1", "/d/e/2", "/b"},
		[]func(d *desk){mv("/d", "/x"), save("/x/1", "changed"), save("/x/new", "new"), rm("/x/e/2")},
		map[string]string{"/b": "/b", "/x/1": "changed", "/x/new": "new", "/x/e/": ""}},
	{"a folder is renamed and its files leave it", []string{"/d/1", "/d/e/2", "/b"},
		[]func(d *desk){mv("/d", "/x"), mv("/x/1", "/b"), mv("/x/e", "/e")},
		map[string]string{"/b": "/d/1", "/e/2": "/d/e/2", "/x/": ""}},
	{"files go over others and their folder is renamed", []string{"/dir/1", "/dir/2", "/dir/3", "/over/1", "/over/2", "/over/3"},
		[]func(d *desk){mv("/dir/1", "/over/1"), mv("/dir/2", "/over/2"), mv("/dir/3", "/over/3"), mv("/dir", "/x")},
		map[string]string{"/over/1": "/dir/1", "/over/2": "/dir/2", "/over/3": "/dir/3", "/x/": ""}},
	{"files go over others and their folder is removed", []string{"/dir/1", "/dir/2", "/over/1", "/over/2"},
		[]func(d *desk){mv("/dir/1", "/over/1"), mv("/dir/2", "/over/2"), rm("/dir")},
		map[string]string{"/over/1": "/dir/1", "/over/2": "/dir/2"}},
}

func mv(from, to string) func(*desk)  { return func(d *desk) { d.rename(from, to) } }
func rm(p string) func(*desk)         { return func(d *desk) { d.remove(p) } }
func mkdir(p string) func(*desk)      { return func(d *desk) { d.mkdir(p) } }
func save(p, data string) func(*desk) { return func(d *desk) { d.save(p, data) } }

// TestFoldersMove does all of it at several speeds: before anything is sent, one
// step after the other, and while the service is still at what came before.
func TestFoldersMove(t *testing.T) {
	t.Parallel()
	for _, c := range folderMoves {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			for _, speed := range []struct {
				name    string
				settle  time.Duration
				uploads int
				between func(d *desk)
			}{
				{"at once", time.Second, 4, func(*desk) {}},
				{"one upload at a time", settle, 1, func(*desk) {}},
				{"in flight", settle, 4, func(d *desk) { d.inFlight() }},
				{"one after the other", settle, 4, func(d *desk) { d.flush() }},
			} {
				t.Run(speed.name, func(t *testing.T) {
					t.Parallel()
					d := newDesk(t, speed.settle, c.files...)
					d.kill()
					d.uploads = speed.uploads
					d.start()
					d.set("move-delay", "40ms")
					for _, step := range c.steps {
						step(d)
						speed.between(d)
					}
					began := time.Now()
					d.settled(c.want)
					if took := time.Since(began); took > 10*time.Second {
						t.Errorf("it took %v", took)
					}
				})
			}
		})
	}
}

// inFlight waits until the service has begun to move something, if it does.
func (d *desk) inFlight() {
	for end := time.Now().Add(100 * time.Millisecond); time.Now().Before(end); time.Sleep(time.Millisecond) {
		for _, i := range d.emu.Items(d.emu.Application(), "public") {
			if i.Status == "moving" {
				return
			}
		}
	}
}

// The content of files that a slow move of their folder has begun to move can be
// had all the same, and what waits for it does not keep the move waiting.
func TestFilesLeaveAFolderWhoseMoveIsSlow(t *testing.T) {
	t.Parallel()
	for _, uploads := range []int{1, 4} {
		t.Run(fmt.Sprint(uploads, " uploads"), func(t *testing.T) {
			t.Parallel()
			d := newDesk(t, 20*time.Millisecond, "/src/1", "/src/2", "/src/3", "/a", "/b", "/c")
			d.kill()
			d.uploads = uploads
			d.start()
			d.set("move-delay", "300ms")
			d.list("/src/")
			d.rename("/src", "/dst")
			d.eventually("the first file to be moved", func() bool { i, ok := d.item("/dst/1"); return ok && i.Status == "completed" })
			d.rename("/dst/1", "/a")
			d.rename("/dst/2", "/b")
			d.rename("/dst/3", "/c")
			d.settled(map[string]string{"/a": "/src/1", "/b": "/src/2", "/c": "/src/3", "/dst/": ""})
		})
	}
}

// A kill while the service moves something is found out about by looking.
func TestKilledWhileTheServiceMoves(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name string
		next func(d *desk)
		want map[string]string
	}{
		{"a folder", func(*desk) {}, map[string]string{"/dst/1": "/src/1", "/dst/e/2": "/src/e/2", "/f": "/f"}},
		{"a folder, which is renamed", mv("/dst", "/x"), map[string]string{"/x/1": "/src/1", "/x/e/2": "/src/e/2", "/f": "/f"}},
		{"a folder, which is renamed back", mv("/dst", "/src"), map[string]string{"/src/1": "/src/1", "/src/e/2": "/src/e/2", "/f": "/f"}},
		{"a folder, which is removed", rm("/dst"), map[string]string{"/f": "/f"}},
		{"a folder, whose file is changed", save("/dst/1", "changed"), map[string]string{"/dst/1": "changed", "/dst/e/2": "/src/e/2", "/f": "/f"}},
		{"a folder, which gets a file", save("/dst/n", "new"),
			map[string]string{"/dst/1": "/src/1", "/dst/e/2": "/src/e/2", "/dst/n": "new", "/f": "/f"}},
		{"a file", func(*desk) {}, map[string]string{"/src/1": "/src/1", "/src/e/2": "/src/e/2", "/g": "/f"}},
		{"a file, which is renamed", mv("/g", "/x"), map[string]string{"/src/1": "/src/1", "/src/e/2": "/src/e/2", "/x": "/f"}},
		{"a file, which is renamed back", mv("/g", "/f"), map[string]string{"/src/1": "/src/1", "/src/e/2": "/src/e/2", "/f": "/f"}},
		{"a file, which is removed", rm("/g"), map[string]string{"/src/1": "/src/1", "/src/e/2": "/src/e/2"}},
		{"a file, which is changed", save("/g", "changed"), map[string]string{"/src/1": "/src/1", "/src/e/2": "/src/e/2", "/g": "changed"}},
	} {
		for _, when := range []string{"while it moves", "when it has moved"} {
			t.Run(c.name+"/"+when, func(t *testing.T) {
				t.Parallel()
				d := newDesk(t, settle, "/src/1", "/src/e/2", "/f")
				from, to := "/src", "/dst"
				if strings.HasPrefix(c.name, "a file") {
					from, to = "/f", "/g"
				}
				d.set("move-delay", "100ms")
				d.list("/src/")
				d.list("/src/e/")
				d.rename(from, to)
				d.eventually("the move to begin", func() bool { i, ok := d.item(from); return ok && i.Status == "moving" })
				d.kill()
				if when == "when it has moved" {
					d.eventually("the move to end", func() bool { _, ok := d.item(from); return !ok })
				}
				d.start()
				// A folder is not seen as a whole at once.
				d.eventually("what was moved to be seen", func() bool {
					if from == "/f" {
						_, err := d.space.Lookup(ctx, "/", "g")
						return err == nil
					}
					l, err := d.space.List(ctx, "/dst/")
					below, belowErr := d.space.List(ctx, "/dst/e/")
					return err == nil && belowErr == nil && len(l.Entries) == 2 && len(below.Entries) == 1
				})
				c.next(d)
				d.settled(c.want)
			})
		}
	}
}

// Until a move is known to be done, its name can be given back.
func TestRenamedBackAfterALostAnswer(t *testing.T) {
	t.Parallel()
	for _, p := range []string{"/d", "/f"} {
		d := newDesk(t, settle, "/d/1", "/f")
		d.list("/d/")
		d.set("move-delay", "100ms")
		d.set("error-ops", "move")
		d.set("drop-count", "1")
		d.rename(p, "/x")
		d.eventually("the move to begin", func() bool { i, ok := d.item(p); return ok && i.Status == "moving" })
		d.rename("/x", p)
		d.settled(map[string]string{"/d/1": "/d/1", "/f": "/f"})
	}
}
