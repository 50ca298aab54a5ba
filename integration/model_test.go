package integration

import (
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// modelRuns is how many runs there are unless -rapid.checks says it.
const modelRuns = "20"

// TestDriveIsLikeADisk has several programs do the same to a drive and to a model of
// a disk, while the service behaves in any of its ways, calls fail, and the drive is
// killed. Then the drive, the model and the service have to hold the same.
//
// go test ./integration -run TestDriveIsLikeADisk -rapid.checks=1000 does more; the
// seed that a failure shows does the same operations again.
func TestDriveIsLikeADisk(t *testing.T) {
	given := os.Getenv("RAPID_CHECKS") != ""
	flag.Visit(func(f *flag.Flag) { given = given || f.Name == "rapid.checks" })
	if f := flag.Lookup("rapid.checks"); !given {
		before := f.Value.String()
		_ = f.Value.Set(modelRuns)
		defer func() { _ = f.Value.Set(before) }()
	}
	l := &lab{t: t}
	defer l.end()
	rapid.Check(t, func(rt *rapid.T) {
		p := rapid.Custom(drawPlan).Draw(rt, "plan")
		// Programs race, so a failure shows up in some runs of a plan only: what
		// might be a smaller one is tried more than once.
		for range l.attempts() {
			if l.run(p) != nil {
				rt.Fatalf("the drive is not like a disk: see the first failure and the smallest, above")
			}
		}
	})
}

// lab is an emulator and a mount that serve many runs, each in a new folder.
type lab struct {
	t       *testing.T
	d       *drive
	args    []string // of the mount
	folders []string // with files, not used so far
	made    int

	mu     sync.Mutex
	record strings.Builder // of the run: operations, and what the drive logged
	bad    []failure       // the first failure, and the smallest
}

type failure struct {
	size int
	text string
}

func (l *lab) attempts() int {
	if len(l.bad) > 0 {
		return 3
	}
	return 1
}

func (l *lab) end() {
	if l.d != nil {
		l.d.t = l.t
		l.d.stop()
	}
	for i, f := range l.bad {
		l.t.Logf("%s:\n%s", [...]string{"THE FIRST FAILURE", "THE SMALLEST FAILURE"}[i], f.text)
	}
}

// log notes what is done, in the form of the drive's log.
func (l *lab) log(format string, args ...any) {
	now := time.Now()
	l.mu.Lock()
	defer l.mu.Unlock()
	fmt.Fprintf(&l.record, "time=%s TEST %s\n", now.Format("2006-01-02T15:04:05.000Z07:00"), fmt.Sprintf(format, args...))
}

// quiet is a test that does not end where a helper fails; run notices it.
type quiet struct {
	testing.TB
	wrong error
}

func (q *quiet) Helper() {}

func (q *quiet) Errorf(format string, args ...any) {
	if q.wrong == nil {
		q.wrong = fmt.Errorf(format, args...)
	}
}

func (q *quiet) Error(args ...any) { q.Errorf("%s", fmt.Sprintln(args...)) }

func (q *quiet) Fatalf(format string, args ...any) {
	q.Errorf(format, args...)
	panic(q)
}

func (q *quiet) Fatal(args ...any) { q.Fatalf("%s", fmt.Sprintln(args...)) }

// run carries out a plan.
func (l *lab) run(p *plan) error {
	l.record.Reset()
	r := &modelRun{lab: l, plan: p, tb: &quiet{TB: l.t}}
	err := r.guarded()
	if err == nil {
		return nil
	}
	l.log("FAILED: %v", err)
	l.keepLog()
	f := failure{p.size(), fmt.Sprintf("%v\n%#vfolder %s\n%s", err, p, r.folder, inOrder(l.record.String()))}
	switch {
	case len(l.bad) < 2:
		l.bad = append(l.bad, f)
	case f.size <= l.bad[1].size:
		l.bad[1] = f
	}
	// What is left may be anything: the next run begins anew.
	if l.d != nil {
		if l.d.cmd != nil {
			_ = l.d.cmd.Process.Kill()
			<-l.d.exited
			l.d.cmd = nil
		}
		for _, p := range r.programs {
			p.killed()
		}
		l.d.unmountLeftover()
		l.d = nil
	}
	return err
}

// inOrder sorts the lines of operations and of the drive's log by their time; a line
// without one belongs to that before it.
func inOrder(text string) string {
	var records []string
	for line := range strings.Lines(text) {
		if strings.HasPrefix(line, "time=") || len(records) == 0 {
			records = append(records, line)
		} else {
			records[len(records)-1] += line
		}
	}
	slices.SortStableFunc(records, func(a, b string) int { return strings.Compare(a[:min(28, len(a))], b[:min(28, len(b))]) })
	return strings.Join(records, "")
}

// keepLog takes over what the drive logged so far.
func (l *lab) keepLog() {
	if l.d == nil {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.record.WriteString(l.d.stderr.String())
	l.d.stderr.Reset()
}

// mount has the drive mounted with flags, and a folder with files for the next run.
func (l *lab) mount(tb *quiet, args []string) (folder string) {
	if l.d == nil {
		emu := newEmulator(l.t)
		l.d = newDrive(l.t, emu, os.Geteuid())
		l.folders, l.args = nil, nil
	}
	l.d.t = tb
	more := len(l.folders) == 0
	for len(l.folders) < 20 && more {
		folder := fmt.Sprintf("run%d", l.made)
		l.made++
		for n := range 3 {
			p := &program{n: n}
			for path, size := range seeds {
				l.d.emu.PutFile(l.d.app, "public", "/"+folder+"/"+p.at(path), seedContent(p.at(path), size))
			}
		}
		l.folders = append(l.folders, folder)
	}
	if more || !slices.Equal(args, l.args) {
		if l.d.cmd != nil {
			l.d.stop()
		}
		l.start(args)
	}
	folder, l.folders = l.folders[0], l.folders[1:]
	l.d.stderr.Reset()
	return folder
}

func (l *lab) start(args []string) {
	l.log("mount %v", args)
	l.args = args
	l.d.mount(append([]string{"--space", "public", "--write", "background", "--log-level", "debug"}, args...)...)
}

// stop ends the drive as a kill -9 does, or as umount(8) does.
func (l *lab) stop(kill bool) {
	if kill {
		l.log("KILL")
		l.d.kill()
		l.keepLog()
		return
	}
	l.log("stop")
	process := l.d.cmd.Process
	if err := process.Signal(syscall.SIGTERM); err != nil {
		l.d.t.Fatal(err)
	}
	if err := l.d.wait(20 * time.Second); err != nil {
		l.d.t.Errorf("stopping the mount: %v", err)
	}
	l.keepLog()
}

// seeds are the files that each program begins with.
var seeds = map[string]int{"a": 12, "b": 5000, "d/c": 300_000, "d/e/f": 3, "empty": 0, "n/z": 70_000, "n/m/k": 1}

func seedContent(path string, size int) []byte { return content("seed "+path, size) }
