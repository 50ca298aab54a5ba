package integration

import (
	"bytes"
	"fmt"
	"image"
	"image/png"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"losantfs/remote/emulator"
)

// Programs people use to look at a drive. A program that is missing is a
// failure: make test installs them.
func TestReadingPrograms(t *testing.T) {
	var want map[string][]byte
	d := mounted(t, func(emu *emulator.Server) {
		want = fillTree(emu)
		var img bytes.Buffer
		if err := png.Encode(&img, image.NewGray(image.Rect(0, 0, 30, 20))); err != nil {
			t.Fatal(err)
		}
		emu.PutFile(emu.Application(), "public", "/docs/image.png", img.Bytes())
		emu.PutFile(emu.Application(), "public", "/docs/page.html", []byte("<!DOCTYPE html><title>needle</title>"))
		emu.PutFile(emu.Application(), "public", "/docs/table.csv", []byte("a,b\n1,2\n"))
	})
	files, dirs, size := 3, 2, 0
	for _, data := range want {
		if data == nil {
			dirs++
		} else {
			files++
			size += len(data)
		}
	}
	copyDir := filepath.Join(d.home, "copy")
	for _, c := range []struct{ name, script, want string }{
		{"find files", "find . -type f | wc -l", fmt.Sprintln(files)},
		{"find dirs", "find . -type d | wc -l", fmt.Sprintln(dirs)},
		{"find -print0 and xargs", "find . -type f -print0 | xargs -0 cat | wc -c | tr -d ' '", fmt.Sprintln(size + d.size("public/docs/image.png") + 36 + 8)},
		{"ls -lAR", "ls -lAR | grep -c '^-'", fmt.Sprintln(files)},
		{"cp -r", "cp -r . " + copyDir + " && diff -r . " + copyDir + " && echo same", "same\n"},
		{"tar", "tar cf - . | tar df - && echo same", "same\n"},
		{"grep -r", "grep -rl needle public/docs", "public/docs/page.html\n"},
		{"rsync", "rsync -a ./ " + copyDir + "2 && rsync -ani --delete ./ " + copyDir + "2 && echo nothing to do", "nothing to do\n"},
		{"rsync -n -c", "rsync -anic --delete ./ " + copyDir + "2 && echo nothing to do", "nothing to do\n"},
		{"du", "du -s --apparent-size -B1 public/docs/table.csv | cut -f1", "8\n"},
		{"df", "df --output=fstype . | tail -1", "fuse.losantfs\n"},
		{"file", "file -b public/docs/page.html public/docs/image.png", "HTML document, ASCII text, with no line terminators\nPNG image data, 30 x 20, 8-bit grayscale, non-interlaced\n"},
		{"md5sum -c", "cd public && find . -type f -exec md5sum {} + > " + d.home + "/sums && md5sum --quiet -c " + d.home + "/sums && echo ok", "ok\n"},
		{"gio list", "gio list -l public/docs | cut -f1,2,3 | sort", "image.png\t" + fmt.Sprint(d.size("public/docs/image.png")) + "\t(regular)\npage.html\t36\t(regular)\ntable.csv\t8\t(regular)\n"},
		{"gio info", "gio info -a standard::content-type,standard::size public/docs/page.html | grep -c -e text/html -e 'size: 36'", "2\n"},
		{"head, tail", "head -c 5 public/docs/page.html; tail -c 8 public/docs/page.html; echo", "<!DOC</title>\n"},
		{"vim", "vim -es -u NONE -R -c '%print' -c 'qa!' public/docs/table.csv", "a,b\n1,2\n"},
		{"perl seek", `perl -e 'open F, "<", "public/docs/table.csv"; seek F, 4, 0; read F, $x, 3; print "$x\n"'`, "1,2\n"},
	} {
		if got, err := d.shell(c.script); err != nil || got != c.want {
			if len(got) > 2000 {
				got = got[:2000] + "…"
			}
			t.Errorf("%s: %v, %q, want %q", c.name, err, got, c.want)
		}
	}
}

func (d *drive) size(path string) int {
	info, err := os.Stat(d.path(path))
	if err != nil {
		d.t.Fatal(err)
	}
	return int(info.Size())
}

// Every call that would change something is refused with EROFS.
func TestMutationsAreRefused(t *testing.T) {
	d := mounted(t, func(emu *emulator.Server) {
		emu.PutFile(emu.Application(), "public", "/f", []byte("x"))
		emu.PutDir(emu.Application(), "public", "/d")
	}, "--space", "public", "--read-only")
	d.wantCalls("refused changes", map[string]int64{"content": 1}, func() {
		d.sh("ls") // and cp opens what it reads first
		for _, script := range []string{
			"touch new", "mkdir new", "rm f", "rmdir d", "mv f g", "mv f d/f", "ln f g", "ln -s f g", "mkfifo p", "chmod 600 f", "chown 1 f",
			"touch f", "truncate -s 0 f", "echo x > f", "echo x >> f", "setfattr -n user.x -v y f", "setfattr -x user.losant.id f",
			"dd if=/dev/zero of=f bs=1 count=1 conv=notrunc", "fallocate -l 10 f", "cp f g", "perl -e 'open F, \"+<\", \"f\" or die $!'",
		} {
			if out, err := d.shell(script); err == nil || !strings.Contains(out, "Read-only file system") {
				t.Errorf("%s: %v, %s", script, err, out)
			}
		}
	})
	if got := d.sh("cat f; ls -A"); got != "xd\nf\n" {
		t.Errorf("afterwards: %q", got)
	}
}
