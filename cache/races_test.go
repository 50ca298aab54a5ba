package cache

import (
	"maps"
	"slices"
	"testing"
	"time"

	"losantfs/cache/outbox"
)

// A kill or a lost answer after the upload, before it is known to have arrived, is
// no reason to take the own version for that of somebody else.
func TestOwnVersionIsRecognised(t *testing.T) {
	t.Parallel()
	for _, after := range []struct {
		what string
		do   func(d *desk, p string)
	}{
		{"kill before the service shows it", func(d *desk, p string) {
			d.kill()
			d.restart(unsent)
		}},
		{"kill before the service shows it, and nothing waits", func(d *desk, p string) {
			d.kill()
			d.restart(settle)
		}},
		{"kill, shown meanwhile", func(d *desk, p string) {
			d.kill()
			d.eventually("completion", func() bool { i, _ := d.item(p); return i.Status == "completed" })
			d.restart(unsent)
		}},
		{"lost answer", func(d *desk, p string) {}},
	} {
		for _, p := range []string{"/a", "/n"} {
			for _, c := range []struct {
				what string
				next func(d *desk)
				want map[string]string
			}{
				{"nothing", func(*desk) {}, map[string]string{p: "first"}},
				{"edit", save(p, "second"), map[string]string{p: "second"}},
				{"remove", rm(p), nil},
				{"rename", mv(p, "/x"), map[string]string{"/x": "first"}},
				{"edit and rename", func(d *desk) { d.save(p, "second"); d.rename(p, "/x") }, map[string]string{"/x": "second"}},
			} {
				t.Run(after.what+"/"+c.what+" "+p, func(t *testing.T) {
					t.Parallel()
					d := newDesk(t, settle, "/a", "/b")
					lost := after.what == "lost answer"
					if lost {
						d.set("error-ops", "form")
						d.set("drop-count", "100")
					} else {
						d.set("completion-lag", "500ms")
					}
					d.list("/")
					d.save(p, "first")
					d.eventually("the upload", func() bool { return d.emu.Counts().FormBytes > 0 })
					after.do(d, p)
					c.next(d)
					if lost {
						time.Sleep(100 * time.Millisecond)
						d.set("drop-count", "0")
					}
					want := map[string]string{"/b": "/b"}
					if p != "/a" {
						want["/a"] = "/a"
					}
					maps.Copy(want, c.want)
					d.settled(want)
				})
			}
		}
	}
}

// A name that somebody else took a moment ago is theirs, whatever becomes of the
// file of that name that was made here.
func TestNameIsTakenElsewhereWhileAFileIsMadeHere(t *testing.T) {
	t.Parallel()
	for _, status := range []string{"400", "409"} {
		for _, c := range []struct {
			what string
			next func(d *desk)
			ours []string // at the end, at another name
		}{
			{"kept", func(*desk) {}, []string{"mine"}},
			{"saved again", func(d *desk) { d.saveSomewhere("mine", "mine 2") }, []string{"mine 2"}},
			{"removed", func(d *desk) { d.removeAll("mine") }, nil},
		} {
			t.Run(status+"/"+c.what, func(t *testing.T) {
				t.Parallel()
				d := newDesk(t, settle, "/a")
				d.set("conflict-status", status)
				d.list("/") // so fresh that it is not looked at again
				u := d.creating("/q")
				d.emu.ResetCounts()
				d.save("/q", "mine")
				d.eventually("a refusal", func() bool { return d.emu.Counts().Errors > 0 })
				c.next(d)
				d.flush()
				if n := d.emu.Counts().Calls["delete"]; n != 0 {
					t.Errorf("%d files were deleted", n)
				}
				if i, _ := d.item("/q"); i.ID != u.e.ID || i.S3ETag != "" {
					t.Errorf("their file is %+v", i)
				}
				u.arrive("theirs")
				d.flush()
				if got := d.conflicted(); !slices.Equal(got, c.ours) {
					t.Errorf("ours are %q, want %q", got, c.ours)
				}
				want := d.service()
				if want["/q"] != "theirs" || want["/a"] != "/a" || len(want) != 2+len(c.ours) {
					t.Errorf("the service has %v", want)
				}
				d.settled(want)
			})
		}
	}
}

// saveSomewhere saves a file that has got another name perhaps.
func (d *desk) saveSomewhere(old, data string) {
	for _, i := range d.list("/") {
		if d.contains(i, old) {
			d.save("/"+i.Name, data)
		}
	}
}

// removeAll removes the files with a content.
func (d *desk) removeAll(data string) {
	for _, i := range d.list("/") {
		if d.contains(i, data) {
			d.remove("/" + i.Name)
		}
	}
}

func (d *desk) contains(i Seen, data string) bool {
	h, err := d.space.Open(ctx, "/", i.Name, i.ID, false)
	if err != nil {
		return false // theirs, which has no content
	}
	defer h.Close()
	p := make([]byte, 100)
	n, _, _ := h.ReadOrPin(ctx, p, 0)
	return string(p[:n]) == data
}

// A file that takes several tries and is removed before one of them works was
// never anybody else's.
func TestFileIsMadeAndRemovedWhileAnswersAreLost(t *testing.T) {
	t.Parallel()
	d := newDesk(t, settle, "/a")
	d.list("/")
	d.set("error-ops", "create")
	d.set("drop-count", "1")
	d.save("/q", "mine")
	d.eventually("the file", func() bool { _, ok := d.item("/q"); return ok })
	d.remove("/q")
	d.settled(map[string]string{"/a": "/a"})
}

// A file that is written to while it is sent arrives as a whole in the end.
func TestFileIsWrittenToWhileItIsSent(t *testing.T) {
	t.Parallel()
	d := newDesk(t, settle, "/a")
	d.set("latency", "30ms")
	h := d.open("/a", true)
	want := ""
	for end := time.Now().Add(time.Second); time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
		want += "x"
		_, err := h.WriteAt(ctx, []byte(want), 0)
		d.must(err)
		d.must(h.Flush(ctx))
	}
	h.Close()
	d.settled(map[string]string{"/a": want + "/a"[min(2, len(want)):]})
}

// What is told of a change that is not sent yet ends with it.
func TestOwedSaysWhatIsNotThere(t *testing.T) {
	t.Parallel()
	d := newDesk(t, unsent, "/a", "/d/b")
	d.save("/n", "new")
	d.save("/a", "changed")
	d.remove("/d")
	got := map[string]outbox.State{}
	for _, o := range d.space.Owed("") {
		got[o.Path] = o.State
	}
	if want := (map[string]outbox.State{"/n": outbox.Owed, "/a": outbox.Owed, "/d": outbox.Owed}); !maps.Equal(got, want) {
		t.Errorf("owed are %v, want %v", got, want)
	}
	if owed := d.space.Owed("/d"); len(owed) != 1 {
		t.Errorf("below /d is owed %+v", owed)
	}
	d.settled(map[string]string{"/n": "new", "/a": "changed"})
}
