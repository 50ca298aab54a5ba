package integration

import (
	"encoding/json"
	"maps"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"losantfs/remote/emulator"
)

// clash is a change here and one elsewhere, of which neither knows the other.
type clash struct {
	name      string
	before    map[string]string
	here      string     // a script
	elsewhere [][]string // "put" path content, "dir" path, "remove" path
	// what both have in the end; DATE and HOST stand for those of today and here
	want      map[string]string
	conflicts map[string]string // our version, by path: theirs
	logged    string
}

const bothKept = "changed here and elsewhere: both versions are kept"

var (
	twoOfText = map[string]string{"/f.txt": "theirs", "/f (conflict DATE HOST).txt": "ours"}
	textTwice = map[string]string{"/f (conflict DATE HOST).txt": "/f.txt"}
)

var clashes = []clash{
	{"written", map[string]string{"/f.txt": "before"}, "echo -n ours > f.txt", [][]string{{"put", "/f.txt", "theirs"}}, twoOfText, textTwice, bothKept},
	{"saved by renaming", map[string]string{"/f.txt": "before"}, "echo -n ours > f.new; mv f.new f.txt", [][]string{{"put", "/f.txt", "theirs"}},
		twoOfText, textTwice, bothKept},
	{"saved by moving aside", map[string]string{"/f.txt": "before"}, "mv f.txt f~; echo -n ours > f.txt; rm f~", [][]string{{"put", "/f.txt", "theirs"}},
		twoOfText, textTwice, bothKept},
	{"appended to", map[string]string{"/dir/f": "before"}, "echo -n ours >> dir/f", [][]string{{"put", "/dir/f", "theirs"}},
		map[string]string{"/dir": "dir", "/dir/f": "theirs", "/dir/f (conflict DATE HOST)": "beforeours"},
		map[string]string{"/dir/f (conflict DATE HOST)": "/dir/f"}, bothKept},
	{"written with the same bytes", map[string]string{"/f.txt": "before"}, "echo -n same > f.txt", [][]string{{"put", "/f.txt", "same"}},
		map[string]string{"/f.txt": "same"}, nil, ""},
	{"made", nil, "echo -n ours > f.txt", [][]string{{"put", "/f.txt", "theirs"}}, twoOfText, textTwice, bothKept},
	{"made with the same bytes", nil, "echo -n same > f.txt", [][]string{{"put", "/f.txt", "same"}}, map[string]string{"/f.txt": "same"}, nil, ""},
	{"made where a name is taken", map[string]string{"/f (conflict DATE HOST).txt": "earlier"}, "echo -n ours > f.txt", [][]string{{"put", "/f.txt", "theirs"}},
		map[string]string{"/f.txt": "theirs", "/f (conflict DATE HOST).txt": "earlier", "/f (conflict DATE HOST 2).txt": "ours"},
		map[string]string{"/f (conflict DATE HOST 2).txt": "/f.txt"}, bothKept},
	{"replaced by deleting and making", map[string]string{"/f.txt": "before"}, "echo -n ours > f.txt", [][]string{{"remove", "/f.txt"}, {"put", "/f.txt", "theirs"}},
		twoOfText, textTwice, bothKept},
	{"removed here", map[string]string{"/f.txt": "before"}, "rm f.txt", [][]string{{"put", "/f.txt", "theirs"}},
		map[string]string{"/f.txt": "theirs"}, nil, "deleted here and changed elsewhere: it is kept"},
	{"removed elsewhere", map[string]string{"/dir/f": "before"}, "echo -n ours > dir/f", [][]string{{"remove", "/dir/f"}},
		map[string]string{"/dir": "dir", "/dir/f": "ours"}, nil, ""},
	{"removed elsewhere with its folder", map[string]string{"/dir/f": "before", "/dir/g": "g"}, "echo -n ours > dir/f", [][]string{{"remove", "/dir"}},
		map[string]string{"/dir": "dir", "/dir/f": "ours"}, nil, ""},
	{"removed on both sides", map[string]string{"/f": "before", "/g": "g"}, "rm f", [][]string{{"remove", "/f"}}, map[string]string{"/g": "g"}, nil, ""},
	{"renamed here", map[string]string{"/f": "before"}, "mv f g", [][]string{{"put", "/f", "theirs"}}, map[string]string{"/g": "theirs"}, nil, ""},
	{"folder renamed here, written elsewhere", map[string]string{"/dir/f": "before"}, "mv dir new", [][]string{{"put", "/dir/f", "theirs"}, {"put", "/dir/g", "g"}},
		map[string]string{"/new": "dir", "/new/f": "theirs", "/new/g": "g"}, nil, ""},
	{"renamed and written here", map[string]string{"/f": "before"}, "mv f g; echo -n ours > g", [][]string{{"put", "/f", "theirs"}},
		map[string]string{"/f": "theirs", "/g": "ours"}, nil, ""},
	{"renamed to what was made elsewhere", map[string]string{"/f": "ours"}, "mv f g.txt", [][]string{{"put", "/g.txt", "theirs"}},
		map[string]string{"/g.txt": "theirs", "/g (conflict DATE HOST).txt": "ours"}, map[string]string{"/g (conflict DATE HOST).txt": "/g.txt"}, bothKept},
	{"folder here, file elsewhere", nil, "mkdir n; echo -n ours > n/f", [][]string{{"put", "/n", "theirs"}},
		map[string]string{"/n": "theirs", "/n (conflict DATE HOST)": "dir", "/n (conflict DATE HOST)/f": "ours"}, map[string]string{"/n (conflict DATE HOST)": "/n"}, bothKept},
	{"file here, folder elsewhere", nil, "echo -n ours > n.txt", [][]string{{"put", "/n.txt/f", "theirs"}},
		map[string]string{"/n.txt": "dir", "/n.txt/f": "theirs", "/n (conflict DATE HOST).txt": "ours"}, map[string]string{"/n (conflict DATE HOST).txt": "/n.txt"}, bothKept},
	{"folder removed here, filled elsewhere", map[string]string{"/d": "dir", "/d/g": "g"}, "rm -r d", [][]string{{"put", "/d/f", "theirs"}},
		map[string]string{"/d": "dir", "/d/f": "theirs"}, nil, ""},
	{"folders on both sides", nil, "mkdir n; echo -n ours > n/f", [][]string{{"put", "/n/g", "theirs"}},
		map[string]string{"/n": "dir", "/n/f": "ours", "/n/g": "theirs"}, nil, ""},
}

// TestConflicts changes the same here and elsewhere before what was done here is
// sent. Nothing is lost, and theirs keeps its name and its id.
func TestConflicts(t *testing.T) {
	t.Parallel()
	for _, c := range clashes {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			for _, when := range []string{"mounted", "killed"} {
				t.Run(when, func(t *testing.T) { c.run(t, when == "killed") })
			}
		})
	}
}

// noSettle does not end before a test wants it to; losantfs flush does not wait for it.
var noSettle = []string{"--settle", "1m"}

func (c *clash) run(t *testing.T, killed bool) {
	t.Parallel()
	named := here()
	d := dancing(t, func(emu *emulator.Server) { filled(named.put(c.before))(emu) }, noSettle...)
	d.sh("find . -type f | while read f; do cat \"$f\"; done > /dev/null")
	d.sh(c.here)
	if killed {
		d.kill()
	}
	ids := d.change(c.elsewhere)
	if killed {
		d.mount(append([]string{"--space", "public"}, noSettle...)...)
	}
	d.flush()
	want, conflicts := named.put(c.want), named.put(c.conflicts)
	d.wantService(want)
	d.wantNoDuplicates()
	for path, id := range ids {
		if it, ok := d.emu.Find(d.app, "public", path); ok && it.ID != id {
			t.Errorf("the id of %s changed from %s to %s", path, id, it.ID)
		}
	}
	d.wantMount(want)
	d.wantConflicts(conflicts)
	if log := d.stderr.String(); c.logged != "" && !strings.Contains(log, c.logged) || c.logged == "" && strings.Contains(log, bothKept) {
		t.Errorf("the log has to have %q:\n%s", c.logged, log)
	}
	d.wantSame(want)
	d.wantConflicts(conflicts)
	// A conflict is over when our version goes, or has another name.
	for path := range conflicts {
		if killed {
			d.sh("rm -r '." + path + "'")
		} else {
			d.sh("mv '." + path + "' ours")
		}
		d.wantConflicts(nil)
		d.flush()
		d.wantConflicts(nil)
	}
}

// change makes changes elsewhere and returns the ids of what is put there.
func (d *drive) change(elsewhere [][]string) map[string]string {
	d.t.Helper()
	ids := map[string]string{}
	for _, e := range elsewhere {
		switch e[0] {
		case "put":
			ids[e[1]] = d.emu.PutFile(d.app, "public", e[1], []byte(e[2]))
		case "dir":
			ids[e[1]] = d.emu.PutDir(d.app, "public", e[1])
		case "remove":
			if !d.emu.Remove(d.app, "public", e[1]) {
				d.t.Errorf("there is no %s to remove", e[1])
			}
		}
	}
	return ids
}

// marks are what the names of conflicts have for DATE and HOST.
type marks struct{ date, host string }

func here() marks {
	now := time.Now()
	if left := time.Until(time.Date(now.Year(), now.Month(), now.Day()+1, 0, 0, 0, 0, now.Location())); left < time.Minute {
		time.Sleep(left) // or else the names would be of two days
	}
	host, _ := os.Hostname()
	return marks{time.Now().Format(time.DateOnly), host}
}

func (m marks) put(names map[string]string) map[string]string {
	all := map[string]string{}
	for path, c := range names {
		all[strings.NewReplacer("DATE", m.date, "HOST", m.host).Replace(path)] = c
	}
	return all
}

// wantConflicts checks what losantfs status says of conflicts, to people and to
// programs.
func (d *drive) wantConflicts(want map[string]string) {
	d.t.Helper()
	out, errs, err := d.run("status", d.mnt, "--json")
	var s struct {
		Mounts []struct {
			Conflicts []struct {
				Path, Original string
				Since          time.Time
			}
		}
	}
	if err != nil || json.Unmarshal([]byte(out), &s) != nil || len(s.Mounts) != 1 {
		d.t.Fatalf("status: %v\n%s%s", err, out, errs)
	}
	got := map[string]string{}
	for _, c := range s.Mounts[0].Conflicts {
		got[strings.TrimPrefix(c.Path, d.mnt)] = strings.TrimPrefix(c.Original, d.mnt)
		if age := time.Since(c.Since); age < 0 || age > 5*time.Minute {
			d.t.Errorf("the conflict of %s is since %v", c.Path, c.Since)
		}
	}
	if !maps.Equal(got, want) {
		d.t.Errorf("status has the conflicts %v, want %v", got, want)
	}
	text, errs, err := d.run("status", d.mnt)
	if err != nil || strings.Count(text, "was changed here and elsewhere") != len(want) {
		d.t.Errorf("status: %v, want %d conflicts:\n%s%s", err, len(want), text, errs)
	}
	for path, original := range want {
		before, after := d.mnt+original+" was changed here and elsewhere (", "): the version of this machine is "+d.mnt+path+"\n"
		if !strings.Contains(text, before) || !strings.Contains(text, after) {
			d.t.Errorf("status has to say that %s is a version of %s:\n%s", path, original, text)
		}
		for of, want := range map[string]string{path: "changed elsewhere too: that version is " + d.mnt + original, original: "changed here too: that version is " + d.mnt + path} {
			if info, errs, err := d.run("info", d.path(of)); err != nil || !strings.Contains(info, want) {
				d.t.Errorf("info of %s has to say %q: %v\n%s%s", of, want, err, info, errs)
			}
		}
	}
}

// TestConflictOfOpenFile goes on writing to a file that has become a conflict: it is
// ours that is written to, and theirs that is read under the name.
func TestConflictOfOpenFile(t *testing.T) {
	t.Parallel()
	named := here()
	d := dancing(t, filled(map[string]string{"/f.txt": "before"}), noSettle...)
	f, err := os.OpenFile(d.path("f.txt"), os.O_RDWR|os.O_TRUNC, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := f.WriteString("ou"); err != nil {
		t.Fatal(err)
	}
	if err := f.Sync(); err != nil {
		t.Fatal(err)
	}
	d.change([][]string{{"put", "/f.txt", "theirs"}})
	if _, _, err := d.run("flush", d.mnt, "--timeout", "3s"); err == nil {
		t.Log("what is open was sent") // which it need not be
	}
	if _, err := f.WriteString("rs"); err != nil {
		t.Error(err)
	}
	if got, err := readAll(f); err != nil || string(got) != "ours" {
		t.Errorf("what is open has %q, %v", got, err)
	}
	if err := f.Close(); err != nil {
		t.Error(err)
	}
	d.flush()
	d.wantConflicts(named.put(textTwice))
	d.wantSame(named.put(twoOfText))
	d.wantConflicts(named.put(textTwice))
}

// TestFolderFilledElsewhere does not remove a folder that was empty when it was
// looked at, and is not any more.
func TestFolderFilledElsewhere(t *testing.T) {
	t.Parallel()
	d := dancing(t, filled(map[string]string{"/d": "dir", "/e": "dir"}), "--poll-interval", "1h")
	d.sh("ls d e")
	time.Sleep(1100 * time.Millisecond) // a look of the last second counts as fresh
	d.change([][]string{{"put", "/d/f", "theirs"}})
	if err := syscall.Rmdir(d.path("d")); err != syscall.ENOTEMPTY {
		t.Errorf("rmdir of what was filled elsewhere: %v, want ENOTEMPTY", err)
	}
	if err := syscall.Rmdir(d.path("e")); err != nil {
		t.Errorf("rmdir of what is empty: %v", err)
	}
	d.flush()
	d.wantSame(map[string]string{"/d": "dir", "/d/f": "theirs"})
}
