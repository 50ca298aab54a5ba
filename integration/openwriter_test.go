package integration

import (
	"os"
	"testing"
	"time"
)

// TestReplacedUnderAnIdleWriter has a file open for writing that others replace: who
// opens it from then on reads the new version, and what the writer then writes is
// kept beside it.
func TestReplacedUnderAnIdleWriter(t *testing.T) {
	d := dancing(t, filled(map[string]string{"/f.txt": "the old one", "/g": "x"}), "--settle", "100ms", "--poll-interval", "300ms")
	d.sh("cat f.txt")
	w, err := os.OpenFile(d.path("f.txt"), os.O_WRONLY|os.O_APPEND, 0)
	if err != nil {
		t.Fatal(err)
	}
	d.emu.PutFile(d.app, "public", "/f.txt", []byte("their new content"))
	d.within(time.Now().Add(10*time.Second), "what is read", func() string { return d.bytes("f.txt") }, "their new content")
	if info, err := os.Stat(d.path("f.txt")); err != nil || info.Size() != 17 {
		t.Errorf("stat: %v, %v", info, err)
	}
	if _, err := w.WriteString(", and ours"); err != nil {
		t.Error(err)
	}
	if err := w.Close(); err != nil {
		t.Error(err)
	}
	d.flush()
	got := map[string]bool{}
	for _, item := range d.emu.Items(d.app, "public") {
		data, _ := d.emu.Content(d.app, "public", item.ParentDirectory+item.Name)
		got[string(data)] = true
	}
	if len(got) != 3 || !got["their new content"] || !got["the old one, and ours"] {
		t.Errorf("the service has %v", got)
	}
}
