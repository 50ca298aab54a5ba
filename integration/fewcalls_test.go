package integration

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"losantfs/remote/emulator"
)

// writesOf counts the writing calls of a script until they are settled.
func (d *drive) writesOf(script string) emulator.Counts {
	d.t.Helper()
	d.sh("ls -lR > /dev/null")
	return d.calls(func() {
		d.sh(script)
		time.Sleep(1500 * time.Millisecond)
		d.settled(60 * time.Second)
	})
}

// TestSavesThatNeedFewCalls counts what changes cost.
func TestSavesThatNeedFewCalls(t *testing.T) {
	fifty := map[string]string{"/d": "dir", "/d/sub": "dir"}
	for i := range 50 {
		fifty[fmt.Sprintf("/d/sub/f%02d", i)] = fmt.Sprint("content ", i)
	}
	many := map[string]string{"/d": "dir", "/stays": "x"}
	for i := range 10 {
		many[fmt.Sprintf("/d/%02d", i)] = "dir"
		for j := range 50 {
			many[fmt.Sprintf("/d/%02d/f%02d", i, j)] = "x"
		}
	}
	large := string(content("large", 8<<20))
	moved := func(from, to string, all map[string]string) map[string]string {
		m := map[string]string{}
		for p, c := range all {
			m[strings.Replace(p, from, to, 1)] = c
		}
		return m
	}
	for _, c := range []struct {
		name   string
		fill   map[string]string
		script string
		calls  map[string]int64
		want   map[string]string
	}{
		{"same bytes again", map[string]string{"/f": before}, `cat f > "$HOME/f"; cat "$HOME/f" > f`, nil, map[string]string{"/f": before}},
		{"same bytes by a rename", map[string]string{"/f": before}, `cp f f.new && mv f.new f`, nil, map[string]string{"/f": before}},
		{"changed and changed back", map[string]string{"/f": before}, `cp f "$HOME/f"; echo x > f; cp "$HOME/f" f`, nil, map[string]string{"/f": before}},
		{"touch", map[string]string{"/f": before}, `touch f; chmod 600 f`, nil, map[string]string{"/f": before}},
		{"opened for writing", map[string]string{"/f": before}, `: >> f`, nil, map[string]string{"/f": before}},
		{"created and deleted", map[string]string{"/f": "x"}, `echo x > t; mkdir d; echo y > d/u; rm -r t d`, nil, map[string]string{"/f": "x"}},
		{"created, renamed and deleted", map[string]string{"/f": "x"}, `echo x > t; mv t u; rm u`, nil, map[string]string{"/f": "x"}},
		{"renamed there and back", map[string]string{"/f": before}, `mv f g; mv g f`, nil, map[string]string{"/f": before}},
		{"a folder renamed there and back", fifty, `mv d e; mv e d`, nil, fifty},
		{"a folder renamed there and back, then used", fifty, `mv d e; mv e d; sleep 2; echo x > d/sub/f00; sleep 2`, map[string]int64{"patch": 1, "form": 1}, nil},
		{"an empty folder renamed there and back, then used", map[string]string{"/d": "dir"}, `mv d e; mv e d; sleep 2; echo x > d/f; sleep 2; rm d/f`, map[string]int64{"create": 1, "form": 1, "delete": 1}, map[string]string{"/d": "dir"}},
		{"rename of a large file", map[string]string{"/big": large}, `mv big large`, map[string]int64{"move": 1}, map[string]string{"/large": large}},
		{"rename into another folder", map[string]string{"/big": large, "/d": "dir"}, `mv big d/large`, map[string]int64{"move": 1}, map[string]string{"/d": "dir", "/d/large": large}},
		{"rename over another file", map[string]string{"/f": before, "/g": "g"}, `mv f g`, map[string]int64{"patch": 1, "form": 1, "delete": 1}, map[string]string{"/g": before}},
		{"rename of a folder", fifty, `mv d e`, map[string]int64{"move": 1}, moved("/d", "/e", fifty)},
		{"rename of a folder within", fifty, `mv d/sub d/bus`, map[string]int64{"move": 1}, moved("/d/sub", "/d/bus", fifty)},
		{"rm -rf", many, `rm -rf d`, map[string]int64{"delete": 1}, map[string]string{"/stays": "x"}},
		{"rm -rf of all in it", many, `rm -rf d/0[0-3]`, map[string]int64{"delete": 4}, nil},
		{"a new tree", nil, `mkdir -p a/b; echo 1 > a/b/1; echo 2 > a/b/2`, map[string]int64{"create": 4, "form": 2},
			map[string]string{"/a": "dir", "/a/b": "dir", "/a/b/1": "1\n", "/a/b/2": "2\n"}},
		{"rm and new", map[string]string{"/f": before}, `rm f; echo new > f`, map[string]int64{"patch": 1, "form": 1}, map[string]string{"/f": "new\n"}},
		{"rm and the same again", map[string]string{"/f": before}, `cp f "$HOME/f"; rm f; cp "$HOME/f" f`, nil, map[string]string{"/f": before}},
		{"a swap of two files", map[string]string{"/f": "ffff", "/g": "gg"}, `mv f t; mv g f; mv t g`, map[string]int64{"patch": 2, "form": 2}, map[string]string{"/f": "gg", "/g": "ffff"}},
		{"a rotation of logs", map[string]string{"/log": "3\n", "/log.1": "2\n", "/log.2": "1\n"}, `rm log.2; mv log.1 log.2; mv log log.1; echo 4 > log`,
			map[string]int64{"patch": 3, "form": 3}, map[string]string{"/log": "4\n", "/log.1": "3\n", "/log.2": "2\n"}},
		{"changed and renamed", map[string]string{"/f": before}, `echo x >> f; mv f g`, map[string]int64{"move": 1, "patch": 1, "form": 1}, map[string]string{"/g": before + "x\n"}},
		{"changed a bit, renamed and sent later", map[string]string{"/f": before}, `echo x >> f; sleep 2; mv f g; echo y >> g`, map[string]int64{"move": 1, "patch": 2, "form": 2}, map[string]string{"/g": before + "x\ny\n"}},
		{"rmdir of what is not empty", map[string]string{"/d/f": "x"}, `rmdir d 2> "$HOME/err"; grep -q 'not empty' "$HOME/err"`, nil, map[string]string{"/d": "dir", "/d/f": "x"}},
		{"changed in a renamed folder", fifty, `mv d e; echo x > e/sub/f00; rm e/sub/f01; echo new > e/new`, map[string]int64{"move": 1, "patch": 1, "form": 2, "create": 1, "delete": 1}, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			d := dancing(t, filled(c.fill))
			got := d.writesOf(c.script)
			wantWrites(t, got, c.calls)
			here := tree(t, d.mnt)
			if c.want == nil {
				c.want = here
			}
			d.wantSame(c.want)
		})
	}
}
