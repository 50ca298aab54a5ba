package integration

import (
	"strings"
	"testing"
	"time"
)

// TestChangedBackAfterALostAnswer changes a file, whose upload begins and gets no
// further, and changes it back: what the service then has is whole, and not an
// upload that never comes.
func TestChangedBackAfterALostAnswer(t *testing.T) {
	for name, switches := range map[string][]string{
		"the answer is lost":    {"error-ops", "patch", "drop-count", "1"},
		"the answer is garbage": {"error-ops", "patch", "garbage-count", "1"},
		"the upload fails":      {"error-ops", "form", "error-count", "3", "error-status", "503"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			want := map[string]string{"/f": "before"}
			d := dancing(t, filled(want), "--settle", "50ms")
			d.sh("cat f > /dev/null")
			id := d.id("/f")
			for i := 0; i < len(switches); i += 2 {
				d.set(switches[i], switches[i+1])
			}
			d.set("reupload-read", "missing")
			d.sh("echo -n after > f")
			for end := time.Now().Add(10 * time.Second); d.emu.Counts().Calls[switches[1]] == 0 && time.Now().Before(end); {
				time.Sleep(time.Millisecond)
			}
			d.sh("echo -n before > f")
			d.flush()
			if it, ok := d.emu.Find(d.app, "public", "/f"); !ok || it.Status != "completed" || it.ID != id {
				t.Errorf("the service has %+v, want %s completed", it, id)
			}
			d.wantSame(want)
			if log := d.stderr.String(); strings.Contains(log, "conflict") {
				t.Error(log)
			}
		})
	}
}
