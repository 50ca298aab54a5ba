package cache

import (
	"testing"
	"time"
)

// look has the drive look at a folder of the service now: it counts as fresh for a
// second.
func (d *desk) look(dir string) {
	d.t.Helper()
	_, err := d.space.tree.ListSince(ctx, dir, time.Now())
	d.must(err)
}

// What is changed elsewhere after the look on which a step relies is not lost.
func TestChangedElsewhereAfterTheLastLook(t *testing.T) {
	t.Parallel()
	t.Run("saved here", func(t *testing.T) {
		t.Parallel()
		d := newDesk(t, unsent, "/a")
		d.save("/a", "mine")
		d.look("/")
		d.elsewhere("/a", "theirs")
		d.settled(d.afterFlush())
		if got := d.service(); len(got) != 2 || got["/a"] != "theirs" {
			t.Errorf("the service has %v", got)
		}
	})
	t.Run("removed here", func(t *testing.T) {
		t.Parallel()
		d := newDesk(t, unsent, "/a", "/b")
		d.remove("/a")
		d.look("/")
		d.elsewhere("/a", "theirs")
		d.settled(map[string]string{"/a": "theirs", "/b": "/b"})
	})
}

// A folder that is moved here does not wait long for a file in it that was deleted
// elsewhere after it was looked at.
func TestFolderMovesWithoutWhatIsDeletedElsewhere(t *testing.T) {
	t.Parallel()
	d := newDesk(t, unsent, "/d/a", "/d/b")
	d.rename("/d", "/e")
	d.look("/d/")
	d.removeElsewhere("/d/a")
	began := time.Now()
	d.settled(map[string]string{"/e/b": "/d/b"})
	if took := time.Since(began); took > 15*time.Second {
		t.Errorf("it took %v", took)
	}
}
