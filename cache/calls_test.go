package cache

import (
	"testing"
	"time"

	"losantfs/remote/emulator"
)

// What programs do all day costs no more calls than it must.

// wantWrites compares the calls that change files, and what was sent.
func (d *desk) wantWrites(creates, patches, moves, deletes, forms int64) {
	d.t.Helper()
	c := d.emu.Counts().Calls
	got := [5]int64{c["create"], c["patch"], c["move"], c["delete"], c["form"]}
	if want := [5]int64{creates, patches, moves, deletes, forms}; got != want {
		d.t.Errorf("creates, patches, moves, deletes, forms: %v, want %v", got, want)
	}
}

// idle waits until nothing is owed, without asking for anything.
func (d *desk) idle() {
	d.t.Helper()
	d.eventually("nothing to be owed", func() bool { return len(d.space.Owed("")) == 0 })
}

func TestCallsOfAFileThatStaysOpen(t *testing.T) {
	t.Parallel()
	d := newDesk(t, 200*time.Millisecond, "/a")
	h := d.open("/a", true)
	defer h.Close()
	for burst := range 2 {
		// Nothing happens for longer than a file that is saved again and again waits
		// at most.
		time.Sleep(1200 * time.Millisecond)
		d.emu.ResetCounts()
		for _, s := range []string{"1", "22", "333", "4444", "55555"} {
			_, err := h.WriteAt(ctx, []byte(s), int64(burst))
			d.must(err)
			d.must(h.Flush(ctx))
			time.Sleep(30 * time.Millisecond)
		}
		d.idle()
		d.wantWrites(0, 1, 0, 0, 1)
	}
	d.settled(map[string]string{"/a": "555555"})
}

func TestCallsOfOpeningWithoutWriting(t *testing.T) {
	t.Parallel()
	d := newDesk(t, settle, "/a", "/d/b")
	d.list("/")
	d.list("/d/")
	before, _ := d.item("/a")
	d.emu.ResetCounts()
	for range 3 {
		d.touch("/a")
		d.touch("/d/b")
		time.Sleep(5 * settle)
	}
	d.idle()
	d.wantWrites(0, 0, 0, 0, 0)
	if n := d.emu.Counts().Calls["content"]; n > 0 {
		t.Errorf("%d downloads of files that were opened", n)
	}
	if owed := d.flush(); len(owed) > 0 {
		t.Errorf("owed is %+v", owed)
	}
	d.wantWrites(0, 0, 0, 0, 0)
	if after, _ := d.item("/a"); after != before {
		t.Errorf("the file is %+v, was %+v", after, before)
	}
}

func TestCallsOfSavingTheSameBytes(t *testing.T) {
	t.Parallel()
	for name, again := range map[string]func(d *desk){
		"truncated and written": func(d *desk) { d.save("/a", "/a") },
		"written over": func(d *desk) {
			h := d.open("/a", true)
			defer h.Close()
			_, err := h.WriteAt(ctx, []byte("/a"), 0)
			d.must(err)
			d.must(h.Flush(ctx))
		},
		"temporary file and rename": func(d *desk) { d.save("/a.tmp", "/a"); d.rename("/a.tmp", "/a") },
		"moved aside and rewritten": func(d *desk) { d.rename("/a", "/a~"); d.save("/a", "/a"); d.remove("/a~") },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := newDesk(t, unsent, "/a")
			d.list("/")
			before, _ := d.item("/a")
			d.emu.ResetCounts()
			again(d)
			d.settled(map[string]string{"/a": "/a"})
			d.wantWrites(0, 0, 0, 0, 0)
			if after, _ := d.item("/a"); after != before {
				t.Errorf("the file is %+v, was %+v", after, before)
			}
		})
	}
}

func TestCallsOfSavingAFile(t *testing.T) {
	t.Parallel()
	for name, save := range map[string]func(d *desk){
		"truncated and written":      func(d *desk) { d.save("/a", "new") },
		"temporary file and rename":  func(d *desk) { d.save("/a.tmp", "new"); d.rename("/a.tmp", "/a") },
		"removed and made":           func(d *desk) { d.remove("/a"); d.save("/a", "new") },
		"moved aside and rewritten":  func(d *desk) { d.rename("/a", "/a~"); d.save("/a", "new"); d.remove("/a~") },
		"removed, temporary, rename": func(d *desk) { d.save("/t", "new"); d.remove("/a"); d.rename("/t", "/a") },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := newDesk(t, unsent, "/a")
			d.list("/")
			before, _ := d.item("/a")
			d.emu.ResetCounts()
			save(d)
			d.settled(map[string]string{"/a": "new"})
			d.wantWrites(0, 1, 0, 0, 1)
			if n := d.emu.Counts().Calls["content"]; n > 0 {
				t.Errorf("%d downloads", n)
			}
			if after, _ := d.item("/a"); after.ID != before.ID || after.URL != before.URL {
				t.Errorf("the file is %+v, was %+v", after, before)
			}
		})
	}
}

func TestCallsOfWhatComesToNothing(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(d *desk){
		"made and removed":           func(d *desk) { d.save("/n", "new"); d.remove("/n") },
		"folder made and removed":    func(d *desk) { d.mkdir("/n"); d.save("/n/f", "new"); d.remove("/n") },
		"renamed and back":           func(d *desk) { d.rename("/a", "/x"); d.rename("/x", "/a") },
		"folder renamed and back":    func(d *desk) { d.rename("/d", "/x"); d.rename("/x", "/d") },
		"folder removed and made":    func(d *desk) { d.remove("/e"); d.mkdir("/e") },
		"moved to another and back":  func(d *desk) { d.rename("/a", "/d/a"); d.rename("/d/a", "/a") },
		"a file that never goes out": func(d *desk) { d.save("/.a.swp", "x"); d.remove("/.a.swp") },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := newDesk(t, unsent, "/a", "/d/b")
			d.emu.PutDir(d.emu.Application(), "public", "/e")
			d.list("/")
			before := d.emu.Items(d.emu.Application(), "public")
			d.emu.ResetCounts()
			change(d)
			d.settled(map[string]string{"/a": "/a", "/d/b": "/d/b", "/e/": ""})
			d.wantWrites(0, 0, 0, 0, 0)
			after := d.emu.Items(d.emu.Application(), "public")
			if ids(after) != ids(before) {
				t.Errorf("the service has %s, had %s", ids(after), ids(before))
			}
		})
	}
}

func ids(items []emulator.Item) (all string) {
	for _, i := range items {
		all += i.Path() + "=" + i.ID + " "
	}
	return all
}
