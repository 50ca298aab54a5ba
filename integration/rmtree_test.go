package integration

import (
	"fmt"
	"strings"
	"testing"
)

// nested is a tree of 500 files in folders in folders.
func nested(top string) map[string]string {
	all := map[string]string{top: "dir"}
	for i := range 500 {
		a, b := fmt.Sprintf("%s/a%d", top, i%5), fmt.Sprintf("%s/a%d/b%d", top, i%5, i/5%4)
		all[a], all[b] = "dir", "dir"
		all[fmt.Sprintf("%s/f%03d", []string{top, a, b}[i%3], i)] = fmt.Sprint("content ", i)
	}
	return all
}

// writes is the number of calls that change something.
func writes(calls map[string]int64) (n int64) {
	for _, op := range writing {
		n += calls[op]
	}
	return n
}

// TestRemovedTreeIsFewCalls removes a clean tree in the ways of programs.
func TestRemovedTreeIsFewCalls(t *testing.T) {
	for _, c := range []struct{ name, need, script string }{
		{"rm -rf", "rm", "rm -rf tree"},
		{"find -delete", "find", "find tree -delete"},
		{"rsync --delete", "rsync", `mkdir "$HOME/none" && rsync -a --delete "$HOME/none/" tree/ && rmdir tree`},
		{"two at once", "rm", "rm -rf tree/a0 tree/a1 & rm -rf tree/a2 tree/a3 & wait; rm -rf tree"},
		{"one slowly", "rm", "find tree -type f | sort | while read f; do rm $f; done; rm -rf tree"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			wantPrograms(t, c.need)
			all := nested("/tree")
			all["/stays"] = "x"
			d := dancing(t, filled(all), "--settle", "1m") // a slow machine is not the matter here
			d.sh("ls -lR > /dev/null")
			got := d.calls(func() {
				d.sh(c.script)
				d.flush()
			})
			if n := writes(got.Calls); n > 5 {
				t.Errorf("%d writing calls, want at most 5: %v", n, got.Calls)
			}
			d.wantSame(map[string]string{"/stays": "x"})
		})
	}
}

// TestRemovedTreeKeepsWhatIsUnknown has a file come into a tree from elsewhere while
// it is removed here: nobody here has seen it, so it must not go with the rest.
func TestRemovedTreeKeepsWhatIsUnknown(t *testing.T) {
	d := dancing(t, filled(nested("/tree")), "--settle", "1m")
	d.sh("ls -lR > /dev/null; rm -rf tree")
	d.emu.PutFile(d.app, "public", "/tree/a1/b2/from elsewhere", []byte("precious"))
	d.flush()
	want := map[string]string{"/tree": "dir", "/tree/a1": "dir", "/tree/a1/b2": "dir", "/tree/a1/b2/from elsewhere": "precious"}
	d.wantService(want)
	d.remount()
	d.wantMount(want)
}

// TestMovedTreeIsOneCall renames what is large or has much in it: nothing is sent
// but the new name.
func TestMovedTreeIsOneCall(t *testing.T) {
	large := string(content("large", 30<<20))
	moved := func(from, to string, all map[string]string) map[string]string {
		m := map[string]string{}
		for p, c := range all {
			m[strings.Replace(p, from, to, 1)] = c
		}
		return m
	}
	for _, c := range []struct {
		name, script string
		fill, want   map[string]string
	}{
		{"a large file", "mv large huge", map[string]string{"/large": large}, map[string]string{"/huge": large}},
		{"a large file into a folder", "mv large d/", map[string]string{"/large": large, "/d": "dir"}, map[string]string{"/d/large": large, "/d": "dir"}},
		{"a tree", "mv tree forest", nested("/tree"), nested("/forest")},
		{"a tree within", "mv tree/a1 tree/a1moved", nested("/tree"), moved("/tree/a1", "/tree/a1moved", nested("/tree"))},
		{"a tree, used at once", "mv tree forest && grep -rq 'content 499' forest && ls -lR forest > /dev/null", nested("/tree"), nested("/forest")},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			d := dancing(t, filled(c.fill))
			got := d.writesOf(c.script)
			wantWrites(t, got, map[string]int64{"move": 1})
			if got.FormBytes != 0 {
				t.Errorf("%d bytes were uploaded", got.FormBytes)
			}
			d.wantSame(c.want)
		})
	}
}

// TestWhatChangesNothingIsNoCall saves a tree again as it is, and makes and removes
// one.
func TestWhatChangesNothingIsNoCall(t *testing.T) {
	for _, c := range []struct{ name, script string }{
		{"saved again", `cp -r tree "$HOME/copy" && cp -r "$HOME/copy/." tree/`},
		{"unpacked again", `tar cf "$HOME/tree.tar" tree && tar xf "$HOME/tree.tar"`},
		{"saved again by renames", `rsync -a tree/ "$HOME/copy/" && rsync -a --ignore-times "$HOME/copy/" tree/`},
		{"made and removed", `cp -r tree other && rm -rf other`},
		{"made, renamed and removed", `cp -r tree other && mv other third && rm -rf third`},
		{"renamed there and back", `mv tree other && mv other/a1 other/a9 && mv other/a9 other/a1 && mv other tree`},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			wantPrograms(t, "tar rsync")
			d := dancing(t, filled(nested("/tree")), "--settle", "1m")
			d.sh("ls -lR > /dev/null")
			got := d.calls(func() {
				d.sh(c.script)
				d.flush()
			})
			wantWrites(t, got, nil)
			d.wantSame(nested("/tree"))
		})
	}
}
