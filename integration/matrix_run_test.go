package integration

import (
	"fmt"
	"maps"
	"os"
	"path"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"losantfs/remote/emulator"
)

// TestMatrix lets each change here meet each elsewhere before the one from here is
// sent, and checks what everybody has in the end. The same comes out whichever was
// first, and of work without a connection.
func TestMatrix(t *testing.T) {
	for _, first := range []string{"here", "elsewhere", "offline"} {
		t.Run(first+" first", func(t *testing.T) {
			t.Parallel()
			m := &matrixRun{first: first, marks: here(), ids: map[string]string{}, want: map[string]string{}, conflicts: map[string]string{}}
			m.run(t)
		})
	}
}

// matrixRun has all cells meet in one drive, each in a folder of its own.
type matrixRun struct {
	marks
	t         *testing.T
	d         *drive
	first     string
	others    elsewhere
	ids       map[string]string // of the service when the changes of this machine are sent, by path
	want      map[string]string
	conflicts map[string]string
}

// folder is where a cell happens.
func (c *cell) folder() string {
	return "/" + strings.NewReplacer(" ", "-", ",", "").Replace(c.here+" "+c.elsewhere)
}

func cells() []cell { return slices.Concat(matrix, corners) }

func (m *matrixRun) run(t *testing.T) {
	m.t = t
	poll := "200ms"
	if m.first == "elsewhere" {
		poll = "1h" // what is done elsewhere is not seen here before the next mount
	}
	m.d = dancing(t, m.fill, slices.Concat(noSettle, []string{"--poll-interval", poll})...)
	m.others = newElsewhere(t, m.d)
	m.d.sh("find . -type f | while read f; do cat \"$f\"; done > /dev/null")
	switch m.first {
	case "here":
		m.changeHere()
		m.changeElsewhere()
	case "elsewhere":
		m.changeElsewhere()
		m.changeHere()
	case "offline":
		m.d.set("down", "true")
		m.others.api = nil
		m.changeHere()
		m.changeElsewhere()
		m.d.set("down", "false")
	}
	for _, it := range m.d.emu.Items(m.d.app, "public") {
		m.ids[it.Path()] = it.ID
	}
	time.Sleep(1100 * time.Millisecond) // a look of the last second counts as fresh
	m.d.flush()
	m.compare()
}

func (m *matrixRun) fill(emu *emulator.Server) {
	for _, c := range cells() {
		if c.before == nil {
			c.before = oneFile
		}
		emu.PutDir(emu.Application(), "public", c.folder())
		filled(m.in(&c, c.before))(emu)
		m.want[c.folder()] = "dir"
		maps.Copy(m.want, m.in(&c, m.put(c.want)))
		for p, of := range m.put(c.conflicts) {
			m.conflicts[path.Join(c.folder(), p)] = path.Join(c.folder(), of)
		}
	}
}

// in puts the paths of a cell into its folder.
func (m *matrixRun) in(c *cell, names map[string]string) map[string]string {
	all := map[string]string{}
	for p, content := range names {
		all[path.Join(c.folder(), p)] = content
	}
	return all
}

func (m *matrixRun) changeHere() {
	var busy sync.WaitGroup
	defer busy.Wait()
	turn := make(chan struct{}, 8) // without a connection each looks for it
	for _, c := range cells() {
		busy.Go(func() {
			turn <- struct{}{}
			defer func() { <-turn }()
			if out, err := m.d.shell("set -e; cd '." + c.folder() + "'; " + c.script); err != nil {
				m.t.Errorf("%s: %s: %v\n%s", c.folder(), c.script, err, out)
			}
		})
	}
}

func (m *matrixRun) changeElsewhere() {
	for _, c := range cells() {
		for _, o := range c.others {
			at := path.Join(c.folder(), o[1])
			switch o[0] {
			case "put":
				m.others.put(at, o[2])
			case "remove":
				m.others.remove(at)
			case "move":
				m.others.move(at, path.Join(c.folder(), o[2]))
			}
		}
	}
}

// compare checks what the service, this drive and one of another machine have, and
// how conflicts are shown.
func (m *matrixRun) compare() {
	d := m.d
	if diff := differences(d.serviceInTime(m.want), m.want); diff != "" {
		m.t.Errorf("the service differs:\n%s", diff)
	}
	d.wantNoDuplicates()
	for _, it := range d.emu.Items(d.app, "public") {
		if id := m.ids[it.Path()]; id != "" && id != it.ID {
			m.t.Errorf("the id of %s changed from %s to %s", it.Path(), id, it.ID)
		}
	}
	for p, original := range m.conflicts {
		if !strings.Contains(d.stderr.String(), fmt.Sprintf("path=%s ours=%q", original, p)) {
			m.t.Errorf("the log does not say that %s is a version of %s", p, original)
		}
	}
	if n := strings.Count(d.stderr.String(), bothKept); n != len(m.conflicts) {
		m.t.Errorf("the log tells of %d conflicts, want %d", n, len(m.conflicts))
	}
	if m.first != "elsewhere" {
		m.wantShown()
	}
	d.remount()
	m.wantShown()
	other := newDrive(m.t, d.emu, os.Geteuid())
	other.mount("--space", "public", "--read-only")
	other.wantMount(m.want)
}

// wantShown checks what the drive shows, which may take a poll of the service.
func (m *matrixRun) wantShown() {
	d := m.d
	for end := time.Now().Add(10 * time.Second); ; time.Sleep(100 * time.Millisecond) {
		if differences(tree(&quiet{TB: m.t}, d.mnt), m.want) == "" || time.Now().After(end) {
			break
		}
	}
	d.wantMount(m.want)
	d.wantConflicts(m.conflicts)
	d.wantConflictAttributes(m.want, m.conflicts)
}

// conflictAttribute is on both versions, and names the other: a path in the mount.
const conflictAttribute = "user.losant.conflict"

func (d *drive) wantConflictAttributes(all, conflicts map[string]string) {
	d.t.Helper()
	want := map[string]string{}
	for p, original := range conflicts {
		want[p], want[original] = original[1:], p[1:]
	}
	for p := range all {
		value, names := make([]byte, 4096), make([]byte, 4096)
		n, err := unix.Getxattr(d.path(p), conflictAttribute, value)
		if want[p] == "" && err == nil || want[p] != "" && (err != nil || string(value[:n]) != want[p]) {
			d.t.Errorf("%s has the conflict %q, %v, want %q", p, value[:max(0, n)], err, want[p])
		}
		n, err = unix.Listxattr(d.path(p), names)
		if listed := slices.Contains(strings.Split(string(names[:max(0, n)]), "\x00"), conflictAttribute); err != nil || listed != (want[p] != "") {
			d.t.Errorf("%s lists a conflict: %v, %v", p, listed, err)
		}
	}
}
