package integration

import (
	"os"
	"strings"
	"testing"
	"time"
)

// TestLocalOnly keeps the files that programs make for themselves here.
func TestLocalOnly(t *testing.T) {
	t.Parallel()
	wantPrograms(t, "getfattr")
	d := dancing(t, filled(map[string]string{"/dir/f": "x"}))
	names := map[string]string{
		"/.x.swp": "swap", "/.~lock.a#": "lock", "/~$a": "office", "/.DS_Store": "finder", "/dir/.DS_Store": "finder", "/._f": "fork",
		"/.Trash-0": "dir", "/.Trash-0/files": "dir", "/.Trash-0/files/t": "trash", "/.Trash-0/info": "dir", "/.Trash-0/info/t.trashinfo": "info",
		"/dir/.f.swx": "swap", "/dir/.goutputstream-ABCDEF": "gio", "/dir/.#lock": "emacs",
	}
	want := map[string]string{"/dir": "dir", "/dir/f": "x"}
	junk := d.watchNames(want)
	got := d.calls(func() {
		d.sh("mkdir -p .Trash-0/files .Trash-0/info")
		for p, c := range names {
			want[p] = c
			if c == "dir" {
				continue
			}
			if err := os.WriteFile(d.path(p), []byte(c), 0o644); err != nil {
				t.Error(err)
			}
		}
		time.Sleep(1500 * time.Millisecond)
		d.settled(20 * time.Second)
	})
	wantWrites(t, got, nil)
	check := func() {
		t.Helper()
		d.wantMount(want)
		for p := range names {
			if out, err := d.shell("getfattr --only-values -n user.losant.state '." + p + "'"); err != nil || out != "local-only" {
				t.Errorf("the state of %s is %q, %v", p, out, err)
			}
		}
		if out := d.sh("getfattr --only-values -n user.losant.state dir/f"); out != "clean" {
			t.Errorf("the state of dir/f is %q", out)
		}
	}
	check()
	d.remount()
	check()
	got = d.calls(func() {
		d.sh("echo more >> .x.swp; mv .Trash-0/files/t .Trash-0/files/u; mv .x.swp dir/.y.swp; rm -r .DS_Store .Trash-0/info")
		time.Sleep(1500 * time.Millisecond)
		d.settled(20 * time.Second)
	})
	wantWrites(t, got, nil)
	want["/dir/.y.swp"], want["/.Trash-0/files/u"] = "swapmore\n", "trash"
	for _, gone := range []string{"/.x.swp", "/.Trash-0/files/t", "/.DS_Store", "/.Trash-0/info", "/.Trash-0/info/t.trashinfo"} {
		delete(want, gone)
		delete(names, gone)
	}
	d.remount()
	d.wantMount(want)
	if seen := junk(); len(seen) > 0 {
		t.Errorf("the service saw %q", seen)
	}
	// A local-only file that gets an ordinary name is sent, and the other way round.
	d.sh("mv dir/.y.swp dir/recovered; mv dir/f dir/.f.swp")
	d.settled(20 * time.Second)
	d.wantService(map[string]string{"/dir": "dir", "/dir/recovered": "swapmore\n"})
	delete(want, "/dir/.y.swp")
	delete(want, "/dir/f")
	want["/dir/recovered"], want["/dir/.f.swp"] = "swapmore\n", "x"
	d.remount()
	d.wantMount(want)
	// A folder with nothing but such files can be removed.
	d.sh("rm dir/recovered && rm -r dir")
	d.settled(20 * time.Second)
	d.wantService(map[string]string{})
}

// TestTrash puts files into the bin of a desktop and takes them out again.
func TestTrash(t *testing.T) {
	for _, c := range []struct {
		name, what string
		remount    bool
		settle     bool
	}{
		{"file", "f", false, true}, {"file, remounted", "f", true, true}, {"file, at once", "f", false, false},
		{"folder", "d", false, true}, {"folder, remounted", "d", true, true}, {"folder, at once", "d", false, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			all := map[string]string{"/f": before, "/d": "dir", "/d/g": "g", "/d/sub": "dir", "/d/sub/h": string(content("h", 300_000))}
			d := dancing(t, filled(all))
			left, binned := map[string]string{}, map[string]string{"/.Trash-0": "dir", "/.Trash-0/files": "dir"}
			for p, s := range all {
				if strings.HasPrefix(p, "/"+c.what) {
					binned["/.Trash-0/files"+p] = s
				} else {
					left[p], binned[p] = s, s
				}
			}
			d.sh("mkdir -p .Trash-0/files && mv " + c.what + " .Trash-0/files/")
			d.wantMount(binned)
			if c.settle {
				d.settled(20 * time.Second)
				d.wantService(left)
				d.wantMount(binned)
			}
			if c.remount {
				d.remount()
				d.wantMount(binned)
			}
			d.sh("mv .Trash-0/files/" + c.what + " .")
			all["/.Trash-0"], all["/.Trash-0/files"] = "dir", "dir"
			d.wantMount(all)
			d.settled(20 * time.Second)
			delete(all, "/.Trash-0")
			delete(all, "/.Trash-0/files")
			d.wantService(all)
			all["/.Trash-0"], all["/.Trash-0/files"] = "dir", "dir"
			d.remount()
			d.wantMount(all)
		})
	}
	t.Run("gio trash", func(t *testing.T) {
		wantPrograms(t, "gio")
		d := dancing(t, filled(map[string]string{"/f": before}))
		if out, err := d.shell("gio trash f"); err != nil {
			t.Skipf("gio refuses to use a bin here: %s", out) // a mount that it takes for a system's
		}
		d.settled(20 * time.Second)
		d.wantService(map[string]string{})
	})
}
