package cache

import (
	"testing"
	"time"

	"losantfs/cache/outbox"
	"losantfs/remote"
)

// The service may take its time to delete, and refuse the name until then.
func TestNameIsUsedAgainWhileTheServiceDeletes(t *testing.T) {
	t.Parallel()
	for _, status := range []string{"400", "409"} {
		t.Run(status, func(t *testing.T) {
			t.Parallel()
			slow := func(t *testing.T) *desk {
				d := newDesk(t, settle, "/a", "/b", "/d/c")
				d.set("conflict-status", status)
				d.set("delete", "async")
				d.set("delete-delay", "400ms")
				d.set("reuse-deleting", "conflict")
				return d
			}
			deleting := func(d *desk, p string) {
				d.eventually("deletion of "+p, func() bool { i, ok := d.item(p); return ok && i.Status == "deleting" })
			}
			t.Run("by a new file", func(t *testing.T) {
				t.Parallel()
				d := slow(t)
				d.remove("/a")
				deleting(d, "/a")
				d.save("/a", "again")
				d.settled(map[string]string{"/a": "again", "/b": "/b", "/d/c": "/d/c"})
			})
			t.Run("by a new file, without help", func(t *testing.T) {
				t.Parallel()
				d := slow(t)
				d.remove("/a")
				deleting(d, "/a")
				d.save("/a", "again")
				d.eventually("the file", func() bool { return d.service()["/a"] == "again" })
				d.eventually("nothing to be owed", func() bool { return len(d.space.Owed("")) == 0 })
			})
			t.Run("by a new folder", func(t *testing.T) {
				t.Parallel()
				d := slow(t)
				d.remove("/d")
				deleting(d, "/d")
				d.mkdir("/d")
				d.save("/d/x", "again")
				d.settled(map[string]string{"/a": "/a", "/b": "/b", "/d/x": "again"})
			})
			t.Run("by a renamed file", func(t *testing.T) {
				t.Parallel()
				d := slow(t)
				d.remove("/a")
				deleting(d, "/a")
				d.rename("/b", "/a")
				d.settled(map[string]string{"/a": "/b", "/d/c": "/d/c"})
			})
			t.Run("by a renamed folder", func(t *testing.T) {
				t.Parallel()
				d := slow(t)
				d.remove("/a")
				deleting(d, "/a")
				d.rename("/d", "/a")
				d.settled(map[string]string{"/a/c": "/d/c", "/b": "/b"})
			})
			t.Run("deleted elsewhere", func(t *testing.T) {
				t.Parallel()
				d := slow(t)
				i, _ := d.item("/a")
				d.must(d.others.Delete(ctx, i.ID))
				d.save("/a", "again")
				d.settled(map[string]string{"/a": "again", "/b": "/b", "/d/c": "/d/c"})
			})
		})
	}
}

// wantRefused flushes, which must not take long, and expects that one path was
// refused for good.
func (d *desk) wantRefused(p string) {
	d.t.Helper()
	began := time.Now()
	owed := d.flush()
	if len(owed) != 1 || owed[0].Path != p || owed[0].State != outbox.Failed || remote.KindOf(owed[0].Err) != remote.Invalid {
		d.t.Errorf("owed is %+v", owed)
	}
	if took := time.Since(began); took > 5*time.Second {
		d.t.Errorf("what was refused was waited for %v", took)
	}
}

func TestWhatTheServiceRefuses(t *testing.T) {
	t.Parallel()
	t.Run("is said, and tried again when asked to", func(t *testing.T) {
		t.Parallel()
		d := newDesk(t, settle, "/a")
		d.set("zero-bytes", "reject")
		d.save("/empty", "")
		d.save("/b", "something")
		d.wantRefused("/empty")
		if got := d.service()["/b"]; got != "something" {
			t.Errorf("/b is %q", got)
		}
		d.wantRefused("/empty") // again
		d.set("zero-bytes", "accept")
		d.settled(map[string]string{"/a": "/a", "/b": "something", "/empty": ""})
	})
	t.Run("is not tried without being asked to", func(t *testing.T) {
		t.Parallel()
		d := newDesk(t, settle, "/a")
		d.set("zero-bytes", "reject")
		d.save("/empty", "")
		d.wantRefused("/empty")
		d.emu.ResetCounts()
		time.Sleep(1500 * time.Millisecond)
		if n := d.emu.Counts().Writes(); n > 0 {
			t.Errorf("%d calls for a file that was refused", n)
		}
	})
	t.Run("is sent once it is written to", func(t *testing.T) {
		t.Parallel()
		d := newDesk(t, settle, "/a")
		d.set("zero-bytes", "reject")
		d.save("/empty", "")
		d.wantRefused("/empty")
		d.save("/empty", "no more")
		d.settled(map[string]string{"/a": "/a", "/empty": "no more"})
	})
	t.Run("goes under another name", func(t *testing.T) {
		t.Parallel()
		d := newDesk(t, settle, "/a")
		d.refuse("create")
		d.save("/bad", "mine")
		d.wantRefused("/bad")
		d.refuse("")
		d.rename("/bad", "/good")
		d.settled(map[string]string{"/a": "/a", "/good": "mine"})
	})
	t.Run("gets its old name back", func(t *testing.T) {
		t.Parallel()
		for _, p := range []string{"/a", "/d"} {
			d := newDesk(t, settle, "/a", "/d/c")
			d.list("/")
			d.refuse("move")
			d.rename(p, "/bad")
			d.wantRefused("/bad")
			d.refuse("")
			d.rename("/bad", p)
			d.settled(map[string]string{"/a": "/a", "/d/c": "/d/c"})
		}
	})
	t.Run("below a folder that it refuses", func(t *testing.T) {
		t.Parallel()
		d := newDesk(t, settle, "/a")
		d.refuse("create")
		d.mkdir("/bad")
		d.save("/bad/f", "mine")
		began := time.Now()
		if owed := d.flush(); len(owed) != 2 {
			t.Errorf("owed is %+v", owed)
		}
		if took := time.Since(began); took > 5*time.Second {
			t.Errorf("what was refused was waited for %v", took)
		}
		d.refuse("")
		d.rename("/bad", "/good")
		d.settled(map[string]string{"/a": "/a", "/good/f": "mine"})
	})
}

// refuse makes the service refuse all calls of some kinds, "" for none.
func (d *desk) refuse(ops string) {
	d.t.Helper()
	count := "0"
	if ops != "" {
		count = "1000"
		d.set("error-ops", ops)
	}
	d.set("error-status", "400")
	d.set("error-count", count)
}
