package integration

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"losantfs/remote/emulator"
)

// The ways in which programs save: a real one does each.

// Long enough that vim and others take no short cut for small files.
var before = strings.Repeat("alpha beta gamma\n", 100)

var after = strings.ReplaceAll(before, "alpha", "omega")

// dance is one save of /doc/notes.txt, which exists, by a program.
type dance struct {
	name   string
	need   string // programs
	script string
	want   string            // the content after; "": the one of after
	also   map[string]string // other files the program means to leave
}

// pty runs a program in a terminal, with keys typed into it.
func pty(command, keys string) string {
	if keys == "" {
		keys = "sleep 0.1"
	}
	return `export TERM=xterm; { ` + keys + `; } | timeout 60 script -qec '` + command + `' /dev/null > "$HOME/tty"`
}

func vim(options string) string {
	return pty(`vim -N -u NONE -i NONE -c "set backupskip= directory=. swapfile updatecount=1 `+options+`"`+
		` -c "call writefile([swapname(\"%\")], \"$HOME/swap\")" -c "%s/alpha/omega/" -c "wq" doc/notes.txt`, "sleep 5") +
		`; grep -q '[.]notes[.]txt[.]swp' "$HOME/swap" || { echo no swap file; cat "$HOME/tty"; exit 1; }`
}

func dances() (all []dance) {
	for _, copies := range []string{"yes", "no", "auto"} {
		for _, backup := range []string{"writebackup", "nowritebackup"} {
			all = append(all, dance{name: "vim " + copies + " " + backup, need: "vim script",
				script: vim("nobackup backupcopy=" + copies + " " + backup)})
		}
		all = append(all, dance{name: "vim " + copies + " keeps a backup", need: "vim script",
			script: vim("backup backupdir=. backupcopy=" + copies), also: map[string]string{"/doc/notes.txt~": before}})
	}
	middle := before[:100] + "MIDDLE" + before[106:]
	return append(all, []dance{
		{name: "nano", need: "nano script", want: "zz" + before,
			script: pty("nano --ignorercfiles doc/notes.txt", `sleep 1; printf zz; sleep .3; printf '\017'; sleep .3; printf '\r'; sleep .5; printf '\030'; sleep .5`)},
		{name: "nano keeps a backup", need: "nano script", want: "zz" + before, also: map[string]string{"/doc/notes.txt~": before},
			script: pty("nano --ignorercfiles --backup doc/notes.txt", `sleep 1; printf zz; sleep .3; printf '\017'; sleep .3; printf '\r'; sleep .5; printf '\030'; sleep .5`)},
		{name: "sed -i", need: "sed", script: `sed -i s/alpha/omega/ doc/notes.txt`},
		{name: "sed -i.bak", need: "sed", script: `sed -i.bak s/alpha/omega/ doc/notes.txt`, also: map[string]string{"/doc/notes.txt.bak": before}},
		{name: "perl -i", need: "perl", script: `perl -pi -e s/alpha/omega/ doc/notes.txt`},
		{name: "perl -i.bak", need: "perl", script: `perl -pi.bak -e s/alpha/omega/ doc/notes.txt`, also: map[string]string{"/doc/notes.txt.bak": before}},
		{name: "gio save", need: "gio", script: `gio save doc/notes.txt < "$HOME/after"`},
		{name: "gio save with a backup", need: "gio", script: `gio save -b doc/notes.txt < "$HOME/after"`, also: map[string]string{"/doc/notes.txt~": before}},
		{name: "gio copy", need: "gio", script: `gio copy "$HOME/after" doc/notes.txt`},
		{name: "gio copy with a backup", need: "gio", script: `gio copy -b "$HOME/after" doc/notes.txt`, also: map[string]string{"/doc/notes.txt~": before}},
		{name: "gio move", need: "gio", script: `gio move "$HOME/after" doc/notes.txt`},
		{name: "rsync", need: "rsync", script: `rsync --ignore-times "$HOME/after" doc/notes.txt`},
		{name: "rsync -a", need: "rsync", script: `rsync -a --ignore-times "$HOME/after" doc/notes.txt`},
		{name: "rsync --inplace", need: "rsync", script: `rsync --ignore-times --inplace --no-whole-file "$HOME/after" doc/notes.txt`},
		{name: "cp", need: "cp", script: `cp "$HOME/after" doc/notes.txt`},
		{name: "cp -p", need: "cp", script: `cp -p "$HOME/after" doc/notes.txt`},
		{name: "cp --remove-destination", need: "cp", script: `cp --remove-destination "$HOME/after" doc/notes.txt`},
		{name: "mv from elsewhere", need: "mv", script: `mv "$HOME/after" doc/notes.txt`},
		{name: "mv of a file made beside it", need: "mv", script: `cp "$HOME/after" doc/notes.new && mv doc/notes.new doc/notes.txt`},
		{name: "renamed aside and written anew", need: "mv", script: `mv doc/notes.txt doc/notes.old && cp "$HOME/after" doc/notes.txt && rm doc/notes.old`},
		{name: "install", need: "install", script: `install -m 640 "$HOME/after" doc/notes.txt`},
		{name: "sort -o", need: "sort", script: `sed s/alpha/omega/ doc/notes.txt | sort -o doc/notes.txt`},
		{name: "dd in the middle", need: "dd", want: middle, script: `printf MIDDLE | dd of=doc/notes.txt bs=1 seek=100 conv=notrunc status=none`},
		{name: "dd with fsync", need: "dd", script: `dd if="$HOME/after" of=doc/notes.txt bs=64 conv=fsync status=none`},
		{name: "truncate", need: "truncate", want: before[:123], script: `truncate -s 123 doc/notes.txt`},
		{name: "truncate to more", need: "truncate", want: before + strings.Repeat("\x00", 10_000), script: `truncate -s +10000 doc/notes.txt`},
		{name: "tee -a", need: "tee", want: before + "more\n", script: `echo more | tee -a doc/notes.txt > /dev/null`},
		{name: "append by the shell", need: "sh", want: before + "more\nand more\n", script: `echo more >> doc/notes.txt; echo and more >> doc/notes.txt`},
		{name: "written by the shell", need: "sh", script: `cat "$HOME/after" > doc/notes.txt`},
		{name: "saved twice in a row", need: "sh", script: `echo x > doc/notes.txt; cat "$HOME/after" > doc/notes.txt`},
		{name: "emptied", need: "sh", want: "\x00empty", script: `: > doc/notes.txt`},
		{name: "tar x over it", need: "tar", script: `mkdir "$HOME/t" && cp "$HOME/after" "$HOME/t/notes.txt" && tar c -C "$HOME/t" notes.txt | tar x -C doc`},
	}...)
}

// TestDances saves one file by each program and asserts that it is one PATCH and
// one form post of the entry that was there.
func TestDances(t *testing.T) {
	for _, c := range dances() {
		t.Run(c.name, func(t *testing.T) { c.run(t) })
	}
}

func (c *dance) run(t *testing.T) {
	t.Helper()
	t.Parallel()
	wantPrograms(t, c.need)
	d := dancing(t, func(emu *emulator.Server) {
		emu.PutFile(emu.Application(), "public", "/doc/notes.txt", []byte(before))
		emu.PutFile(emu.Application(), "public", "/doc/other.txt", []byte("other"))
	})
	d.put("after", after)
	d.sh("cat doc/notes.txt > /dev/null; ls -lR > /dev/null")
	id := d.id("/doc/notes.txt")
	want := map[string]string{"/doc": "dir", "/doc/notes.txt": c.want, "/doc/other.txt": "other"}
	switch c.want {
	case "":
		want["/doc/notes.txt"] = after
	case "\x00empty":
		want["/doc/notes.txt"] = ""
	}
	for p, content := range c.also {
		want[p] = content
	}
	junk := d.watchNames(want)
	const stat = "stat -c '%n: %s bytes, modified %y, inode %i' doc/*"
	var atOnce, later string
	got := d.calls(func() {
		if out, err := d.shell(c.script); err != nil {
			tty, _ := os.ReadFile(filepath.Join(d.home, "tty"))
			t.Fatalf("%s: %v\n%s%q", c.script, err, out, tty)
		}
		atOnce = d.sh(stat)
		d.settled(20 * time.Second)
	})
	extra := int64(len(c.also))
	wantWrites(t, got, map[string]int64{"patch": 1, "form": 1 + extra, "create": extra})
	if names := junk(); len(names) > 0 {
		t.Errorf("the service saw %q", names)
	}
	d.wantService(want)
	if it, ok := d.emu.Find(d.app, "public", "/doc/notes.txt"); !ok || it.ID != id {
		t.Errorf("the id changed from %s to %s", id, it.ID)
	}
	time.Sleep(1100 * time.Millisecond) // the kernel asks again
	if later = d.sh(stat); later != atOnce {
		t.Errorf("stat changed when the upload was completed, from\n%sto\n%s", atOnce, later)
	}
	d.wantMount(want)
	d.remount()
	d.wantMount(want)
	if again := d.sh(stat); stripInodes(again) != stripInodes(atOnce) {
		t.Errorf("stat changed with a remount, from\n%sto\n%s", atOnce, again)
	}
}

func stripInodes(stat string) string {
	lines := strings.Split(stat, "\n")
	for i, l := range lines {
		lines[i], _, _ = strings.Cut(l, ", inode")
	}
	return strings.Join(lines, "\n")
}
