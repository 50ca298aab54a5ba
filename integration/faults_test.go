package integration

import (
	"maps"
	"os"
	"slices"
	"strings"
	"testing"
	"time"
)

// savesBefore is what the service has before the saves, and savesAfter what it
// must have after them.
var savesBefore = map[string]string{
	"/over": "before", "/temp": "before", "/same": "the same bytes", "/gone": "x", "/old name": "content", "/from": "moved over", "/onto": "replaced",
	"/dir": "dir", "/dir/a": "a", "/dir/sub": "dir", "/dir/sub/b": "bb", "/tree": "dir", "/tree/c": "c", "/tree/d": "dir", "/tree/d/e": "e",
	"/elsewhere": "dir", "/in": "goes elsewhere",
}

// saves are the simplest ones of each kind, in folders and under names of their own.
const saves = `set -e
	echo -n new > new
	echo -n after > over
	echo -n after > temp.new; mv temp.new temp
	cp same same.new; mv same.new same
	rm gone
	mkdir -p made/deep; echo -n inside > made/deep/file
	mv "old name" "new name"
	mv from onto
	mv in elsewhere/
	mv dir moved
	rm -r tree`

var savesAfter = map[string]string{
	"/new": "new", "/over": "after", "/temp": "after", "/same": "the same bytes", "/made": "dir", "/made/deep": "dir", "/made/deep/file": "inside",
	"/new name": "content", "/onto": "moved over", "/elsewhere": "dir", "/elsewhere/in": "goes elsewhere",
	"/moved": "dir", "/moved/a": "a", "/moved/sub": "dir", "/moved/sub/b": "bb",
}

// savesAgain come when these have settled, and use the same names once more.
const savesAgain = `set -e
	echo -n again > gone
	mkdir tree; echo -n again > tree/c
	echo -n 'and longer' >> over
	mv "new name" "old name"
	mv moved dir; echo -n changed > dir/sub/b
	rm new; rm -r made`

var savesAtLast = map[string]string{
	"/gone": "again", "/tree": "dir", "/tree/c": "again", "/over": "afterand longer", "/temp": "after", "/same": "the same bytes", "/old name": "content",
	"/onto": "moved over", "/elsewhere": "dir", "/elsewhere/in": "goes elsewhere", "/dir": "dir", "/dir/a": "a", "/dir/sub": "dir", "/dir/sub/b": "changed",
}

// sameID are those that are the same entry throughout: their URLs must not change.
var sameID = []string{"/over", "/temp", "/same", "/onto", "/elsewhere"}

// behaviours are the ways in which the service may be, by switches.
var behaviours = [][]string{
	{},
	{"conflict-status", "400"}, {"conflict-status", "409"},
	{"move-onto-existing", "reject"}, {"move-onto-existing", "overwrite"},
	{"directory-move", "instant"}, {"directory-move", "job", "move-delay", "100ms"}, {"directory-move", "job", "move-delay", "600ms"},
	{"delete", "async", "delete-delay", "300ms"}, {"delete", "async", "delete-delay", "2s"},
	{"delete", "async", "delete-delay", "1s", "reuse-deleting", "allow"}, {"delete", "async", "delete-delay", "1s", "reuse-deleting", "conflict"},
	{"completion-lag", "300ms"}, {"completion-lag", "2s"}, {"completion-lag", "1s", "reupload-read", "missing"},
	{"tickets", "single-use"}, {"ticket-ttl", "100ms"}, {"tickets", "single-use", "ticket-ttl", "1s"},
	{"reupload-read", "missing"}, {"reupload-read", "old"},
	{"patch-size", "applied"}, {"patch-size", "applied", "completion-lag", "500ms"},
	{"names", "sanitise"}, {"case-sensitive", "false"}, {"per-page-max", "3"}, {"list-depth", "recursive"}, {"total-count", "wrong"},
	{"cdn-ttl", "1h"}, {"latency", "30ms", "jitter", "50ms"},
	{"completion-lag", "1s", "directory-move", "job", "move-delay", "300ms", "delete", "async", "delete-delay", "1s", "conflict-status", "409", "tickets", "single-use", "patch-size", "applied", "reupload-read", "missing"},
}

// lost are answers that do not come, after the work was done, and errors without
// it, of each call that changes something.
func lost() (all [][]string) {
	for _, op := range writing {
		if op == "upload" {
			continue // the way without a ticket is not used
		}
		all = append(all,
			[]string{"error-ops", op, "drop-count", "1"},
			[]string{"error-ops", op, "drop-rate", "0.4"},
			[]string{"error-ops", op, "error-count", "3", "error-status", "503"},
			[]string{"error-ops", op, "error-count", "2", "error-status", "500"},
			[]string{"error-ops", op, "error-count", "2", "error-status", "429", "retry-after", "1"},
			[]string{"error-ops", op, "hang-count", "1"},
		)
		if op != "form" {
			all = append(all, []string{"error-ops", op, "garbage-count", "2"})
		}
	}
	return append(all,
		[]string{"error-ops", strings.Join(writing, ","), "drop-rate", "0.3"},
		[]string{"error-rate", "0.2", "error-status", "503"},
		[]string{"drop-rate", "0.2"},
		[]string{"drop-rate", "0.15", "completion-lag", "500ms", "delete", "async", "delete-delay", "500ms", "move-delay", "100ms"},
	)
}

// TestSavesUnderEachBehaviour does all saves while the service is as it may be.
func TestSavesUnderEachBehaviour(t *testing.T) {
	for _, switches := range behaviours {
		t.Run(strings.Join(switches, " "), func(t *testing.T) { runSaves(t, os.Geteuid(), switches) })
	}
}

// TestSavesWithoutAnswers does all saves while calls fail or their answers are lost.
func TestSavesWithoutAnswers(t *testing.T) {
	for _, switches := range lost() {
		t.Run(strings.Join(switches, " "), func(t *testing.T) { runSaves(t, os.Geteuid(), switches) })
	}
}

// TestSavesOfAnOrdinaryUser does them without the rights of root.
func TestSavesOfAnOrdinaryUser(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("needs root to become somebody else; the other tests run as an ordinary user then")
	}
	for _, switches := range [][]string{{}, {"completion-lag", "500ms", "tickets", "single-use"}, {"drop-rate", "0.2"}} {
		t.Run(strings.Join(switches, " "), func(t *testing.T) { runSaves(t, ordinary, switches) })
	}
}

func runSaves(t *testing.T, uid int, switches []string) {
	t.Helper()
	t.Parallel()
	d := writableBy(t, uid, filled(savesBefore), "--settle", "100ms", "--timeout", "5s")
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("the program logged:\n%s", d.stderr.String())
		}
	})
	d.sh("ls -lR > /dev/null; cat * dir/sub/b > /dev/null 2>&1 || true")
	ids := map[string]string{}
	for _, path := range sameID {
		ids[path] = d.id(path)
	}
	for i := 0; i < len(switches); i += 2 {
		d.set(switches[i], switches[i+1])
	}
	check := func(when string, want map[string]string) {
		t.Helper()
		d.flush()
		d.wantNoDuplicates()
		if diff := differences(d.serviceInTime(want), want); diff != "" {
			t.Errorf("%s, the service differs:\n%s", when, diff)
		}
		for path, id := range ids {
			if it, ok := d.emu.Find(d.app, "public", path); !ok || it.ID != id {
				t.Errorf("%s, the id of %s changed from %s to %s", when, path, id, it.ID)
			}
		}
	}
	d.sh(saves)
	d.wantHere(savesAfter)
	check("after the saves", savesAfter)
	d.wantHere(savesAfter)
	d.sh(savesAgain)
	d.wantHere(savesAtLast)
	check("after the saves under the same names", savesAtLast)
	for i := 0; i < len(switches); i += 2 { // a mount needs the service
		if strings.HasSuffix(switches[i], "-rate") || strings.HasSuffix(switches[i], "-count") && switches[i] != "total-count" {
			d.set(switches[i], "0")
		}
	}
	d.stop()
	d.mount("--space", "public")
	d.wantHere(savesAtLast)
}

// serviceInTime returns what the service has, once it is as wanted or a while has
// passed: it may be completing, moving and deleting for itself.
func (d *drive) serviceInTime(want map[string]string) map[string]string {
	for end := time.Now().Add(6 * time.Second); ; time.Sleep(50 * time.Millisecond) {
		if got := d.service(); maps.Equal(got, want) || time.Now().After(end) {
			return got
		}
	}
}

// wantHere checks what the drive shows, as its user sees it.
func (d *drive) wantHere(want map[string]string) {
	d.t.Helper()
	var list, text strings.Builder
	for _, path := range slices.Sorted(maps.Keys(want)) {
		list.WriteString("." + path + "\n")
		if want[path] != "dir" {
			text.WriteString("." + path + ": " + want[path] + "\n")
		}
	}
	if got := d.sh("find . -mindepth 1 | LC_ALL=C sort"); got != list.String() {
		d.t.Errorf("the drive shows\n%s, want\n%s", got, list.String())
	}
	if got := d.sh(`find . -type f | LC_ALL=C sort | while read f; do echo "$f: $(cat "$f")"; done`); got != text.String() {
		d.t.Errorf("the drive has\n%s, want\n%s", got, text.String())
	}
}
