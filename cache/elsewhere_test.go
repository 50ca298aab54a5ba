package cache

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"
)

// What is changed elsewhere before a change from here is sent is not lost, nor is
// anything that is here.

func TestRenameOverAFileWhoseSourceIsDeletedElsewhere(t *testing.T) {
	t.Parallel()
	for _, read := range []bool{false, true} {
		t.Run(fmt.Sprintf("read=%v", read), func(t *testing.T) {
			t.Parallel()
			d := newDesk(t, unsent, "/a", "/b")
			if read {
				d.read("/a")
			}
			d.list("/")
			d.rename("/a", "/b")
			d.removeElsewhere("/a")
			d.flush()
			if read { // its content is here
				d.settled(map[string]string{"/b": "/a"})
			} else {
				d.settled(map[string]string{"/b": "/b"})
			}
		})
	}
}

func TestRenameOverAFileWhoseSourceIsChangedElsewhere(t *testing.T) {
	t.Parallel()
	for _, read := range []bool{false, true} {
		t.Run(fmt.Sprintf("read=%v", read), func(t *testing.T) {
			t.Parallel()
			d := newDesk(t, unsent, "/a", "/b")
			if read {
				d.read("/a")
			}
			d.list("/")
			d.rename("/a", "/b")
			d.elsewhere("/a", "of somebody else")
			d.flush()
			if read {
				d.settled(map[string]string{"/a": "of somebody else", "/b": "/a"})
			} else {
				d.settled(map[string]string{"/a": "of somebody else", "/b": "/b"})
			}
		})
	}
}

func TestRenamedFileIsChangedElsewhere(t *testing.T) {
	t.Parallel()
	t.Run("opened and not written to", func(t *testing.T) {
		t.Parallel()
		d := newDesk(t, unsent, "/a")
		d.touch("/a")
		d.rename("/a", "/x")
		d.elsewhere("/a", "of somebody else")
		d.flush()
		if all := slices.Collect(maps.Values(d.service())); !slices.Contains(all, "of somebody else") {
			t.Errorf("the service has %v", d.service())
		}
		d.settled(d.service())
	})
	t.Run("open and not written to", func(t *testing.T) {
		t.Parallel()
		d := newDesk(t, unsent, "/a")
		h := d.open("/a", true)
		d.rename("/a", "/x")
		d.elsewhere("/a", "of somebody else")
		d.flush()
		h.Close()
		d.flush()
		if all := slices.Collect(maps.Values(d.service())); !slices.Contains(all, "of somebody else") {
			t.Errorf("the service has %v", d.service())
		}
		d.settled(d.service())
	})
	t.Run("written to", func(t *testing.T) {
		t.Parallel()
		d := newDesk(t, unsent, "/a")
		d.save("/a", "mine")
		d.rename("/a", "/x")
		d.elsewhere("/a", "of somebody else")
		d.settled(map[string]string{"/a": "of somebody else", "/x": "mine"})
	})
	t.Run("written to and deleted elsewhere", func(t *testing.T) {
		t.Parallel()
		d := newDesk(t, unsent, "/a")
		d.save("/a", "mine")
		d.rename("/a", "/x")
		d.removeElsewhere("/a")
		d.settled(map[string]string{"/x": "mine"})
	})
}

func TestBothVersionsOfAFileThatIsChangedHereAndElsewhereStay(t *testing.T) {
	t.Parallel()
	d := newDesk(t, unsent, "/a.txt")
	d.save("/a.txt", "mine")
	d.elsewhere("/a.txt", "theirs")
	d.settled(d.afterFlush())
	if got := d.service(); len(got) != 2 || got["/a.txt"] != "theirs" || !slices.Equal(d.conflicted(), []string{"mine"}) {
		t.Errorf("the service has %v", got)
	}
	c := d.space.Conflicts()
	if len(c) != 1 || c[0].Original != "/a.txt" {
		t.Fatalf("the conflicts are %+v", c)
	}
	// Somebody else settles it.
	d.removeElsewhere(c[0].Path)
	d.space.Forget("/")
	if _, err := d.space.List(t.Context(), "/"); err != nil {
		t.Fatal(err)
	}
	if c := d.space.Conflicts(); len(c) > 0 {
		t.Errorf("conflicts that are settled: %+v", c)
	}
}

func TestDeletedHereAndChangedElsewhereIsKept(t *testing.T) {
	t.Parallel()
	t.Run("a file", func(t *testing.T) {
		t.Parallel()
		d := newDesk(t, unsent, "/a", "/b")
		d.remove("/a")
		d.elsewhere("/a", "of somebody else")
		d.settled(map[string]string{"/a": "of somebody else", "/b": "/b"})
	})
	t.Run("in a folder", func(t *testing.T) {
		t.Parallel()
		d := newDesk(t, unsent, "/d/a", "/d/b", "/d/e/c")
		d.remove("/d")
		d.elsewhere("/d/e/c", "of somebody else")
		d.settled(map[string]string{"/d/e/c": "of somebody else"})
	})
}

func TestFolderThatIsRemovedHereKeepsWhatIsAddedElsewhere(t *testing.T) {
	t.Parallel()
	t.Run("before it is sent", func(t *testing.T) {
		t.Parallel()
		d := newDesk(t, unsent, "/d/a", "/d/e/b")
		d.remove("/d")
		d.elsewhere("/d/e/new", "of somebody else")
		d.settled(map[string]string{"/d/e/new": "of somebody else"})
	})
	t.Run("while it is looked through", func(t *testing.T) {
		t.Parallel()
		var files []string
		for i := range 12 {
			files = append(files, fmt.Sprintf("/big/s%02d/f", i))
		}
		d := newDesk(t, unsent, files...)
		d.remove("/big")
		d.set("latency", "150ms")
		lists := func() int64 { return d.emu.Counts().Calls["list"] }
		before := lists()
		wait := d.flushing()
		// The folder itself, and most of what is in it, has been looked at.
		d.eventually("looks at the folders", func() bool { return lists() >= before+10 })
		d.elsewhere("/big/s00/new", "of somebody else")
		wait()
		d.set("latency", "0s")
		d.settled(map[string]string{"/big/s00/new": "of somebody else"})
	})
	t.Run("by a folder", func(t *testing.T) {
		t.Parallel()
		d := newDesk(t, unsent, "/d/a", "/d/e/b")
		d.remove("/d")
		d.elsewhere("/d/g/h/new", "of somebody else")
		d.settled(map[string]string{"/d/g/h/new": "of somebody else"})
	})
}

// A folder that takes long to look through goes all the same, when nothing is
// added to it.
func TestBigFolderIsRemovedFromASlowService(t *testing.T) {
	t.Parallel()
	files := []string{"/a"}
	for i := range 12 {
		files = append(files, fmt.Sprintf("/big/s%02d/f", i))
	}
	d := newDesk(t, unsent, files...)
	d.remove("/big")
	d.set("latency", "150ms")
	d.emu.ResetCounts()
	d.flush()
	if n := d.emu.Counts().Calls["delete"]; n != 1 {
		t.Errorf("removing one folder took %d calls", n)
	}
	d.set("latency", "0s")
	d.settled(map[string]string{"/a": "/a"})
}

func TestWhatIsBeingUploadedElsewhereIsWaitedFor(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name   string
		change func(d *desk)
		want   map[string]string
	}{
		{"edited here", func(d *desk) { d.save("/a", "mine") }, map[string]string{"/a": "theirs", "/a (conflict": "mine"}},
		{"edited and renamed here", func(d *desk) { d.save("/a", "mine"); d.rename("/a", "/x") },
			map[string]string{"/a": "theirs", "/x": "mine"}},
		{"removed here", func(d *desk) { d.remove("/a") }, map[string]string{"/a": "theirs"}},
		{"replaced here", func(d *desk) { d.save("/t", "mine"); d.rename("/t", "/a") },
			map[string]string{"/a": "theirs", "/a (conflict": "mine"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			d := newDesk(t, 20*time.Millisecond, "/a")
			d.list("/")
			u := d.replacing("/a")
			d.emu.ResetCounts()
			c.change(d)
			time.Sleep(700 * time.Millisecond)
			counts := d.emu.Counts().Calls
			if counts["patch"]+counts["delete"]+counts["move"] > 0 {
				t.Errorf("a file was changed that is being uploaded elsewhere: %v", counts)
			}
			u.arrive("theirs")
			d.settled(d.afterFlush())
			got := map[string]string{}
			for p, data := range d.service() {
				name, _, _ := strings.Cut(p, " 2")
				got[name] = data
			}
			if !maps.Equal(got, c.want) {
				t.Errorf("the service has %v, want %v", got, c.want)
			}
		})
	}
	t.Run("renamed here", func(t *testing.T) {
		t.Parallel()
		d := newDesk(t, 20*time.Millisecond, "/a")
		d.list("/")
		u := d.replacing("/a")
		d.rename("/a", "/x")
		time.Sleep(700 * time.Millisecond)
		u.arrive("theirs")
		d.flush()
		// At the old name or at the new one.
		if all := slices.Collect(maps.Values(d.service())); !slices.Equal(all, []string{"theirs"}) {
			t.Errorf("the service has %v", d.service())
		}
		d.settled(d.service())
	})
}
