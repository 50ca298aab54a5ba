package integration

import (
	"fmt"
	"testing"
	"time"

	"losantfs/remote/emulator"
)

// numbered puts 300 files of 1 KiB and a large one into a directory.
func numbered(space string) func(*emulator.Server) {
	return func(emu *emulator.Server) {
		for i := range 300 {
			emu.PutFile(emu.Application(), space, fmt.Sprintf("/d/f%03d", i), content(fmt.Sprint(i), 1024))
		}
		emu.PutFile(emu.Application(), space, "/d/f010 large", make([]byte, 300<<10))
	}
}

// wantContent waits until as many contents were fetched as are wanted, and looks
// whether there are more.
func (d *drive) wantContent(what string, want int64) {
	d.t.Helper()
	var n int64
	for end := time.Now().Add(5 * time.Second); time.Now().Before(end) && n < want; time.Sleep(10 * time.Millisecond) {
		n = d.emu.Counts().Calls["content"]
	}
	time.Sleep(100 * time.Millisecond)
	if c := d.emu.Counts(); c.Calls["content"] != want || c.Total() != 0 {
		d.t.Errorf("%s: %d contents fetched and %d calls, want %d and none", what, c.Calls["content"], c.Total(), want)
	}
}

// Who reads small files one after another has the next ones fetched ahead: each once,
// and what was never opened is at most twice as many as were.
func TestSiblingsAreFetchedAhead(t *testing.T) {
	for _, space := range []string{"public", "private"} {
		d := mounted(t, numbered(space), "--space", space)
		d.emu.ResetCounts()
		d.sh("cat d/f000 > /dev/null")
		d.wantContent("one file", 1)
		d.sh("cat d/f001 > /dev/null")
		d.wantContent("the next", 2+4)
		d.sh("cat d/f002 > /dev/null")
		d.wantContent("and the next", 3+6)
		d.sh("cat d/f1[01]* > /dev/null; cat d/f000 > /dev/null")
		d.wantContent("files elsewhere", 3+6+20+26)
		// As much as may be is there by now that was left out.
		d.sh("cat d/f20[0-9] > /dev/null")
		d.wantContent("more files elsewhere", 3+6+20+26+10)
	}
}

// No byte of a directory that is read through is fetched twice, however it is read.
func TestDirectoryReadThrough(t *testing.T) {
	for _, script := range []string{"grep -r nothing d; test $? = 1", "cat d/* > /dev/null", "ls d | while read -r f; do cat \"d/$f\"; done > /dev/null"} {
		d := mounted(t, numbered("public"), "--space", "public")
		d.emu.ResetCounts()
		d.set("latency", "20ms")
		d.sh(script)
		c := d.emu.Counts()
		if c.ContentBytes != 300<<10+300<<10 || c.Total() != 0 {
			t.Errorf("%s: %d bytes fetched, %d calls", script, c.ContentBytes, c.Total())
		}
	}
}
