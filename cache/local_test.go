package cache

import (
	"slices"
	"testing"
)

// What goes into a folder that never leaves this machine comes home first, and can
// leave it again at any time.
func TestTrash(t *testing.T) {
	t.Parallel()
	trash := func(d *desk) {
		d.list("/d/")
		d.list("/d/e/")
		d.mkdir("/.Trash-0")
		d.mkdir("/.Trash-0/files")
		d.rename("/d", "/.Trash-0/files/d")
	}
	back := func(d *desk) { d.rename("/.Trash-0/files/d", "/d") }
	content := map[string]string{"/a": "/a", "/d/1": "/d/1", "/d/e/2": "/d/e/2"}
	t.Run("a folder goes there", func(t *testing.T) {
		t.Parallel()
		d := newDesk(t, unsent, "/a", "/d/1", "/d/e/2")
		trash(d)
		if owed := d.flush(); len(owed) > 0 {
			t.Errorf("owed is %+v", owed)
		}
		if got := d.service(); len(got) != 1 || got["/a"] != "/a" {
			t.Errorf("the service has %v", got)
		}
		if got := d.read("/.Trash-0/files/d/e/2"); got != "/d/e/2" {
			t.Errorf("the trash has %q", got)
		}
		d.kill()
		d.start()
		if got := d.read("/.Trash-0/files/d/1"); got != "/d/1" {
			t.Errorf("after a kill the trash has %q", got)
		}
	})
	t.Run("a folder comes back before it was brought home", func(t *testing.T) {
		t.Parallel()
		d := newDesk(t, unsent, "/a", "/d/1", "/d/e/2")
		trash(d)
		back(d)
		d.remove("/.Trash-0")
		d.settled(content)
	})
	t.Run("a folder comes back while it is brought home", func(t *testing.T) {
		t.Parallel()
		for _, until := range []int{1, 2} {
			d := newDesk(t, settle, "/a", "/d/1", "/d/e/2")
			d.set("latency", "20ms")
			trash(d)
			d.eventually("something to come home", func() bool { return d.emu.Counts().Calls["content"] >= int64(until) })
			back(d)
			d.remove("/.Trash-0")
			d.set("latency", "0s")
			d.settled(content)
		}
	})
	t.Run("a folder comes back after it was brought home", func(t *testing.T) {
		t.Parallel()
		d := newDesk(t, unsent, "/a", "/d/1", "/d/e/2")
		trash(d)
		if owed := d.flush(); len(owed) > 0 {
			t.Errorf("owed is %+v", owed)
		}
		back(d)
		d.remove("/.Trash-0")
		d.settled(content)
	})
	t.Run("a file comes back alone", func(t *testing.T) {
		t.Parallel()
		d := newDesk(t, unsent, "/a", "/d/1", "/d/e/2")
		trash(d)
		d.rename("/.Trash-0/files/d/e/2", "/2")
		d.flush()
		d.remove("/.Trash-0")
		d.settled(map[string]string{"/a": "/a", "/2": "/d/e/2"})
	})
	t.Run("a changed file goes there and back", func(t *testing.T) {
		t.Parallel()
		d := newDesk(t, unsent, "/a")
		d.mkdir("/.Trash-0")
		d.save("/a", "changed")
		d.rename("/a", "/.Trash-0/a")
		d.flush()
		d.rename("/.Trash-0/a", "/b")
		d.remove("/.Trash-0")
		d.settled(map[string]string{"/b": "changed"})
	})
	t.Run("is emptied", func(t *testing.T) {
		t.Parallel()
		d := newDesk(t, unsent, "/a", "/d/1", "/d/e/2")
		trash(d)
		d.remove("/.Trash-0")
		d.settled(map[string]string{"/a": "/a"})
	})
	t.Run("what is added elsewhere meanwhile is not lost", func(t *testing.T) {
		t.Parallel()
		d := newDesk(t, unsent, "/a", "/d/1", "/d/e/2")
		trash(d)
		d.elsewhere("/d/e/new", "of somebody else")
		d.flush()
		all := []string{d.service()["/d/e/new"]}
		for _, i := range d.list("/.Trash-0/files/d/e/") {
			all = append(all, d.read("/.Trash-0/files/d/e/"+i.Name))
		}
		if !slices.Contains(all, "of somebody else") {
			t.Errorf("it is nowhere: %q", all)
		}
	})
}

// Programs put files with such names aside and back.
func TestNamesThatStayHere(t *testing.T) {
	t.Parallel()
	t.Run("a file that is put aside and back", func(t *testing.T) {
		t.Parallel()
		d := newDesk(t, settle, "/a")
		d.rename("/a", "/.a.swp")
		d.flush()
		if got := d.service(); len(got) != 0 {
			t.Errorf("the service has %v", got)
		}
		d.rename("/.a.swp", "/a")
		d.settled(map[string]string{"/a": "/a"})
	})
	t.Run("a file that is made there and renamed over another", func(t *testing.T) {
		t.Parallel()
		d := newDesk(t, settle, "/a")
		before, _ := d.item("/a")
		d.save("/.goutputstream-x", "new")
		d.flush()
		d.rename("/.goutputstream-x", "/a")
		d.settled(map[string]string{"/a": "new"})
		if after, _ := d.item("/a"); after.ID != before.ID {
			t.Error("the file has another id")
		}
	})
}
