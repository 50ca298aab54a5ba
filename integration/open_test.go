package integration

import (
	"fmt"
	"os"
	"strings"
	"sync"
	"testing"
	"time"
)

// TestUnlinkedButOpen reads and writes what has no name any more.
func TestUnlinkedButOpen(t *testing.T) {
	for _, c := range []struct {
		name  string
		flags int
		path  string
	}{
		{"clean, to read", os.O_RDONLY, "f"}, {"clean, to write", os.O_RDWR, "f"}, {"new", os.O_RDWR | os.O_CREATE | os.O_EXCL, "new"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			d := dancing(t, filled(map[string]string{"/f": before}))
			f, err := os.OpenFile(d.path(c.path), c.flags, 0o644)
			if err != nil {
				t.Fatal(err)
			}
			defer f.Close()
			want := before
			if c.path == "new" {
				want = "first"
				if _, err := f.WriteString(want); err != nil {
					t.Fatal(err)
				}
			}
			if err := os.Remove(d.path(c.path)); err != nil {
				t.Fatal(err)
			}
			if _, err := os.Stat(d.path(c.path)); !os.IsNotExist(err) {
				t.Errorf("stat: %v", err)
			}
			d.settled(20 * time.Second)
			if c.path == "f" {
				d.wantService(map[string]string{})
			}
			if c.flags != os.O_RDONLY {
				if _, err := f.WriteAt([]byte("WRITTEN"), 3); err != nil {
					t.Errorf("writing: %v", err)
				}
				if err := f.Sync(); err != nil {
					t.Errorf("fsync: %v", err)
				}
				if err := f.Truncate(50); err != nil {
					t.Errorf("truncating: %v", err)
				}
				want = (want[:3] + "WRITTEN" + (want + strings.Repeat("\x00", 60))[10:60])[:50]
				if c.path == "new" {
					want = "firWRITTEN" + strings.Repeat("\x00", 40)
				}
			}
			data := make([]byte, 10_000)
			n, _ := f.ReadAt(data, 0)
			if string(data[:n]) != want {
				t.Errorf("read %q, want %q", data[:n], want)
			}
			if info, err := f.Stat(); err != nil || info.Size() != int64(len(want)) {
				t.Errorf("fstat: %v, %v; want %d bytes", info, err, len(want))
			}
			if err := f.Close(); err != nil {
				t.Errorf("close: %v", err)
			}
			d.settled(20 * time.Second)
			delete := map[string]string{}
			if c.path == "new" {
				delete["/f"] = before
			}
			d.wantSame(delete)
		})
	}
}

// TestRenameOfOpenFile writes to a file that is renamed meanwhile, in the settle
// and after it.
func TestRenameOfOpenFile(t *testing.T) {
	for _, path := range []string{"f", "new"} {
		for _, wait := range []time.Duration{0, 2500 * time.Millisecond} {
			t.Run(fmt.Sprint(path, " ", wait), func(t *testing.T) {
				t.Parallel()
				path := path
				d := dancing(t, filled(map[string]string{"/f": "old.", "/d": "dir"}))
				f, err := os.OpenFile(d.path(path), os.O_RDWR|os.O_CREATE|os.O_APPEND, 0o644)
				if err != nil {
					t.Fatal(err)
				}
				defer f.Close()
				write := func(s string) {
					t.Helper()
					if _, err := f.WriteString(s); err != nil {
						t.Error(err)
					}
					time.Sleep(wait)
				}
				write("one.")
				for _, to := range []string{"g", "d/h", "d/i"} {
					if err := os.Rename(d.path(path), d.path(to)); err != nil {
						t.Fatal(err)
					}
					path = to
					write(to + ".")
				}
				if err := f.Sync(); err != nil {
					t.Error(err)
				}
				time.Sleep(wait)
				write("last")
				want := map[string]string{"/d": "dir", "/d/i": "one.g.d/h.d/i.last", "/f": "old."}
				if strings.Contains(t.Name(), "/f_") { // not the new one
					want = map[string]string{"/d": "dir", "/d/i": "old.one.g.d/h.d/i.last"}
				}
				if err := f.Close(); err != nil {
					t.Error(err)
				}
				d.settled(20 * time.Second)
				d.wantService(want)
				d.wantSame(want)
			})
		}
	}
}

// TestAppendByTwo appends from two processes at once.
func TestAppendByTwo(t *testing.T) {
	d := dancing(t, filled(map[string]string{"/log": "start\n"}))
	d.sh(`for p in a b; do
			(i=0; while [ $i -lt 200 ]; do echo "$p $i of a line"; i=$((i+1)); done >> log) &
			(i=0; while [ $i -lt 50 ]; do echo "$p $i of another line" >> log; i=$((i+1)); done) &
		done; wait`)
	var want strings.Builder
	for _, p := range []string{"a", "b"} {
		for i := range 200 {
			fmt.Fprintf(&want, "%s %d of a line\n", p, i)
		}
		for i := range 50 {
			fmt.Fprintf(&want, "%s %d of another line\n", p, i)
		}
	}
	d.put("want", "start\n"+want.String())
	if out, err := d.shell(`sort "$HOME/want" > "$HOME/a"; sort log | diff - "$HOME/a"`); err != nil {
		t.Errorf("lines are lost: %s", out)
	}
	d.settled(20 * time.Second)
	d.wantSame(tree(t, d.mnt))
}

// TestExclusiveCreation lets exactly one of many have a name.
func TestExclusiveCreation(t *testing.T) {
	d := dancing(t, filled(map[string]string{"/f": "x"}))
	open := func(path string) error {
		f, err := os.OpenFile(d.path(path), os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o644)
		if err == nil {
			err = f.Close()
		}
		return err
	}
	if err := open("f"); !os.IsExist(err) {
		t.Errorf("O_EXCL of what exists: %v", err)
	}
	for i := range 10 {
		var mu sync.Mutex
		won := 0
		var wg sync.WaitGroup
		for range 10 {
			wg.Go(func() {
				err := open(fmt.Sprint("g", i))
				mu.Lock()
				defer mu.Unlock()
				if err == nil {
					won++
				} else if !os.IsExist(err) {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		if won != 1 {
			t.Errorf("%d have created g%d", won, i)
		}
	}
	if err := os.Remove(d.path("f")); err != nil {
		t.Fatal(err)
	}
	if err := open("f"); err != nil {
		t.Errorf("O_EXCL of what was removed: %v", err)
	}
	if err := os.Mkdir(d.path("f"), 0o755); !os.IsExist(err) {
		t.Errorf("mkdir of what exists: %v", err)
	}
}

// TestHoles writes behind the end.
func TestHoles(t *testing.T) {
	wantPrograms(t, "dd")
	d := dancing(t, filled(map[string]string{"/f": before}))
	d.sh(`printf end | dd of=f bs=1 seek=1000000 conv=notrunc status=none; printf end | dd of=new bs=1 seek=500000 status=none; truncate -s 100000 zero; fallocate -l 5000 room`)
	zeros := strings.Repeat("\x00", 1_000_000)
	want := map[string]string{"/f": before + zeros[len(before):] + "end", "/new": zeros[:500_000] + "end", "/zero": zeros[:100_000], "/room": zeros[:5000]}
	d.wantMount(want)
	d.settled(20 * time.Second)
	d.wantSame(want)
}
