package integration

import (
	"testing"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Of what is changed elsewhere a watch of a file is told that the file was deleted, and
// none is told anything else: the kernel has no way for more.
func TestWatchesOfElsewhere(t *testing.T) {
	t.Parallel()
	d := mounted(t, filled(map[string]string{"/changed": "old", "/deleted": "old"}), "--space", "public", "--poll-interval", poll.String())
	d.sh("ls -l > /dev/null; cat changed > /dev/null")
	w, err := unix.InotifyInit1(unix.IN_NONBLOCK)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(w)
	watch := func(path string, mask uint32) int {
		wd, err := unix.InotifyAddWatch(w, path, mask)
		if err != nil {
			t.Fatal(err)
		}
		return wd
	}
	// What follows are looks of this test into the folder, which are of no interest.
	watch(d.mnt, unix.IN_CREATE|unix.IN_DELETE|unix.IN_MODIFY|unix.IN_CLOSE_WRITE|unix.IN_MOVE|unix.IN_ATTRIB)
	watch(d.path("changed"), unix.IN_MODIFY|unix.IN_CLOSE_WRITE|unix.IN_ATTRIB)
	deleted := watch(d.path("deleted"), unix.IN_ALL_EVENTS)
	d.emu.PutFile(d.app, "public", "/changed", []byte("a new content"))
	d.emu.PutFile(d.app, "public", "/made", []byte("new"))
	d.emu.Remove(d.app, "public", "/deleted")
	until := time.Now().Add(10 * time.Second)
	d.within(until, "the folder", func() string { return d.names("") + " " + d.bytes("changed") }, "changed made a new content")

	buf := make([]byte, 4096)
	told := false
	for !told && time.Now().Before(until) {
		n, err := unix.Read(w, buf)
		if err != nil {
			time.Sleep(20 * time.Millisecond)
			continue
		}
		for b := buf[:n]; len(b) > 0; {
			e := (*unix.InotifyEvent)(unsafe.Pointer(&b[0]))
			b = b[unix.SizeofInotifyEvent+int(e.Len):]
			switch {
			case int(e.Wd) != deleted:
				t.Errorf("event %x of another watch", e.Mask)
			case e.Mask == unix.IN_DELETE_SELF:
				told = true
			}
		}
	}
	if !told {
		t.Error("nobody was told of the deletion")
	}
}
