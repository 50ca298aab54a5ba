package integration

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// acknowledged is what programs were told is done: by path, the content of a file,
// or nil for one that is gone. What is under way when the drive is killed may have
// happened or not, and is not in it.
type acknowledged struct {
	mu    sync.Mutex
	files map[string]*string
}

// do runs what makes a path have some content, and notes that it was done.
func (a *acknowledged) do(path string, content *string, change func() error) error {
	a.mu.Lock()
	delete(a.files, path)
	a.mu.Unlock()
	if err := change(); err != nil {
		return err
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.files[path] = content
	return nil
}

func (a *acknowledged) all() map[string]*string {
	a.mu.Lock()
	defer a.mu.Unlock()
	return maps.Clone(a.files)
}

// save writes files into a folder, changes some of them again in the ways of
// programs, and ends with the first error: the drive is gone.
func (a *acknowledged) save(d *drive, dir string, r *rand.Rand) {
	write := func(path string, flags int, content string) error {
		f, err := os.OpenFile(d.path(path), os.O_WRONLY|os.O_CREATE|flags, 0o644)
		if err != nil {
			return err
		}
		for part := []byte(content); len(part) > 0; {
			n := min(len(part), 1+r.IntN(100_000))
			if _, err := f.Write(part[:n]); err != nil {
				f.Close()
				return err
			}
			part = part[n:]
		}
		return f.Close()
	}
	for i := 0; ; i++ {
		path := fmt.Sprintf("%s/f%d", dir, i)
		text := string(content(path, []int{0, 1, 100, 5000, 70_000, 300_000}[r.IntN(6)]))
		if a.do(path, &text, func() error { return write(path, os.O_EXCL, text) }) != nil {
			return
		}
		// What came before is changed now and then; it may be sent by now, or not.
		path = fmt.Sprintf("%s/f%d", dir, r.IntN(i+1))
		other := string(content(path+"again", 1+r.IntN(100_000)))
		var err error
		switch r.IntN(6) {
		case 0:
			err = a.do(path, &other, func() error { return write(path, os.O_TRUNC, other) })
		case 1:
			err = a.do(path, &other, func() error {
				if err := write(path+".new", os.O_EXCL, other); err != nil {
					return err
				}
				return os.Rename(d.path(path+".new"), d.path(path))
			})
		case 2:
			err = a.do(path, nil, func() error {
				if err := os.Remove(d.path(path)); !os.IsNotExist(err) {
					return err
				}
				return nil
			})
		}
		if err != nil {
			return
		}
	}
}

// TestKilledWhileWriting ends the drive with kill -9 at any moment of a bulk copy:
// whatever was closed by then is there after the next mount, and reaches the
// service once.
func TestKilledWhileWriting(t *testing.T) {
	t.Parallel()
	const rounds, writers = 50, 2
	args := []string{"--space", "public", "--write", "background", "--settle", "100ms"}
	emu := newEmulator(t)
	d := newDrive(t, emu, os.Geteuid())
	d.mount(args...)
	saved := &acknowledged{files: map[string]*string{}}
	for round := range rounds {
		seed := rand.Uint64()
		t.Logf("round %d: seed %d, %d files were saved", round, seed, len(saved.all()))
		r := rand.New(rand.NewPCG(seed, 0))
		var busy sync.WaitGroup
		for w := range writers {
			dir := fmt.Sprintf("r%02d-%d", round, w)
			if err := os.Mkdir(d.path(dir), 0o755); err != nil {
				t.Fatal(err)
			}
			own := rand.New(rand.NewPCG(seed, uint64(1+w)))
			busy.Go(func() { saved.save(d, dir, own) })
		}
		time.Sleep(time.Duration(r.IntN(400_000)) * time.Microsecond)
		d.kill()
		busy.Wait()
		d.mount(args...)
		d.wantSaved(saved.all(), fmt.Sprintf("r%02d-", round))
		if t.Failed() {
			t.Fatalf("after round %d:\n%s", round, d.stderr.String())
		}
	}
	d.flush()
	d.wantSaved(saved.all(), "")
	d.wantSavedOnService(saved.all())
	if aside := d.setAside(); len(aside) > 0 {
		t.Errorf("a kill is taken for a damage: %+v", aside)
	}
	if t.Failed() {
		t.Logf("the program logged:\n%s", d.stderr.String())
	}
}

// wantSaved checks what the drive shows of what was saved below a prefix.
func (d *drive) wantSaved(saved map[string]*string, prefix string) {
	d.t.Helper()
	for path, want := range saved {
		if !strings.HasPrefix(path, prefix) {
			continue
		}
		got, err := os.ReadFile(d.path(path))
		switch {
		case want == nil && !os.IsNotExist(err):
			d.t.Errorf("%s was removed and is there: %v", path, err)
		case want != nil && (err != nil || string(got) != *want):
			d.t.Errorf("%s has %d bytes, want the %d that were saved: %v", path, len(got), len(*want), err)
		}
	}
}

// wantSavedOnService checks the same of the service, which must have each name
// once.
func (d *drive) wantSavedOnService(saved map[string]*string) {
	d.t.Helper()
	d.wantNoDuplicates()
	for path, want := range saved {
		got, ok := d.emu.Content(d.app, "public", "/"+path)
		switch {
		case want == nil && ok:
			d.t.Errorf("the service has %s, which was removed", path)
		case want != nil && (!ok || string(got) != *want):
			d.t.Errorf("the service has %d bytes of %s (%v), want the %d that were saved", len(got), path, ok, len(*want))
		}
	}
}

func (d *drive) wantNoDuplicates() {
	d.t.Helper()
	seen := map[string]string{}
	for _, it := range d.emu.Items(d.app, "public") {
		if other, twice := seen[it.Path()]; twice {
			d.t.Errorf("the service has %s twice: %s and %s", it.Path(), other, it.ID)
		}
		seen[it.Path()] = it.ID
	}
}

// TestKilledWhileAnOrdinaryUserCopies is the same for a user with no rights, and
// for cp.
func TestKilledWhileAnOrdinaryUserCopies(t *testing.T) {
	t.Parallel()
	if os.Geteuid() != 0 {
		t.Skip("needs root to become somebody else; TestKilledWhileWriting is an ordinary user's then")
	}
	const rounds, files = 8, 200
	args := []string{"--space", "public", "--write", "background", "--settle", "100ms"}
	d := newDrive(t, newEmulator(t), ordinary)
	for i := range files {
		d.put(fmt.Sprintf("src/%03d", i), string(content(fmt.Sprint(i), i*i*3)))
	}
	d.mount(args...)
	copied := map[string]bool{}
	for round := range rounds {
		dir := fmt.Sprint("r", round)
		done := filepath.Join(d.home, "done")
		out := make(chan string, 1)
		go func() {
			got, _ := d.shell(fmt.Sprintf(`mkdir %s; for f in "$HOME"/src/*; do cp "$f" %[1]s/ 2> /dev/null || exit; echo %[1]s/${f##*/}; done`, dir))
			out <- got
		}()
		delay := time.Duration(20+rand.IntN(400)) * time.Millisecond
		time.Sleep(delay)
		d.kill()
		for path := range strings.Lines(<-out) {
			copied[strings.TrimSpace(path)] = true
		}
		t.Logf("round %d: killed after %v, %d files were copied", round, delay, len(copied))
		d.mount(args...)
		d.put("done", strings.Join(sorted(copied), "\n")+"\n")
		if out, err := d.shell(`while read f; do cmp "$HOME/src/${f##*/}" "$f" || exit; done < ` + done); err != nil {
			t.Fatalf("round %d: %s\n%s", round, out, d.stderr.String())
		}
	}
	d.flush()
	d.wantNoDuplicates()
	for path := range copied {
		want, err := os.ReadFile(filepath.Join(d.home, "src", filepath.Base(path)))
		if got, ok := d.emu.Content(d.app, "public", "/"+path); err != nil || !ok || string(got) != string(want) {
			t.Errorf("the service has %d bytes of %s (%v), want %d", len(got), path, ok, len(want))
		}
	}
}
