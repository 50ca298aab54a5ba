//go:build programs

package integration

import (
	"archive/zip"
	"bytes"
	"os"
	"strings"
	"testing"
	"time"
)

// TestHeavyEmacs saves as emacs does, with its lock file and its backups.
func TestHeavyEmacs(t *testing.T) {
	emacs := func(settings string) string {
		return `emacs --batch -Q --eval '(progn ` + settings + ` (setq backup-enable-predicate (lambda (name) t) auto-save-default t create-lockfiles t) (find-file "doc/notes.txt")
			(goto-char (point-min)) (while (search-forward "alpha" nil t) (replace-match "omega")) (do-auto-save) (save-buffer))' 2>&1`
	}
	for _, c := range []dance{
		{name: "no backup", script: emacs(`(setq make-backup-files nil)`)},
		{name: "backup by renaming", script: emacs(`(setq make-backup-files t backup-by-copying nil)`), also: map[string]string{"/doc/notes.txt~": before}},
		{name: "backup by copying", script: emacs(`(setq make-backup-files t backup-by-copying t)`), also: map[string]string{"/doc/notes.txt~": before}},
		{name: "precious", script: emacs(`(setq make-backup-files nil file-precious-flag t)`)},
	} {
		c.need = "emacs"
		t.Run(c.name, func(t *testing.T) { c.run(t) })
	}
}

// TestHeavyLibreOffice converts documents into the mount, and again over what is
// there.
func TestHeavyLibreOffice(t *testing.T) {
	wantPrograms(t, "soffice")
	d := dancing(t, filled(map[string]string{"/office/table.csv": "name,number\none,1\ntwo,2\n", "/office/text.txt": "A text.\n"}))
	convert := func(to, file string) {
		t.Helper()
		out := d.sh(`cd office && timeout 100 soffice -env:UserInstallation=file://"$HOME"/profile --headless --convert-to ` + to + ` --outdir . ` + file + ` 2>&1`)
		if !strings.Contains(out, "convert") {
			t.Fatalf("soffice: %s", out)
		}
	}
	want := map[string]string{"/office": "", "/office/table.csv": "", "/office/text.txt": ""}
	for _, c := range []struct{ to, from, made, has string }{
		{"ods", "table.csv", "/office/table.ods", "two"},
		{"docx", "text.txt", "/office/text.docx", ""},
		{"odt", "text.docx", "/office/text.odt", "A text."},
	} {
		want[c.made] = ""
		junk := d.watchNames(want)
		for i, what := range []map[string]int64{{"create": 1, "form": 1}, {"patch": 1, "form": 1}} {
			id := ""
			if i > 0 {
				id = d.id(c.made)
				d.put("changed", "name,number\none,1\ntwo,3\n")
				if c.from == "table.csv" {
					d.sh(`cat "$HOME/changed" > office/table.csv`)
					d.settled(20 * time.Second)
				}
				time.Sleep(2 * time.Second) // the times in it differ
			}
			var atOnce string
			got := d.calls(func() {
				convert(c.to, c.from)
				atOnce = d.sh("stat -c '%n %s %y %i' office/*")
				d.settled(30 * time.Second)
			})
			wantWrites(t, got, what)
			time.Sleep(1100 * time.Millisecond)
			if now := d.sh("stat -c '%n %s %y %i' office/*"); now != atOnce {
				t.Errorf("stat changed from\n%sto\n%s", atOnce, now)
			}
			if id != "" && d.id(c.made) != id {
				t.Errorf("the id of %s changed", c.made)
			}
			data, _ := d.emu.Content(d.app, "public", c.made)
			here, err := os.ReadFile(d.path(c.made))
			if err != nil || !bytes.Equal(data, here) {
				t.Errorf("%s: the service has %d bytes, here are %d, %v", c.made, len(data), len(here), err)
			}
			if z, err := zip.NewReader(bytes.NewReader(data), int64(len(data))); err != nil {
				t.Errorf("%s: %v", c.made, err)
			} else if f, err := z.Open("content.xml"); c.has != "" && err != nil {
				t.Errorf("%s: %v", c.made, err)
			} else if c.has != "" {
				var b bytes.Buffer
				if _, err := b.ReadFrom(f); err != nil || !strings.Contains(b.String(), c.has) {
					t.Errorf("%s has no %q: %v", c.made, c.has, err)
				}
			}
		}
		if names := junk(); len(names) > 0 {
			t.Errorf("the service saw %q", names)
		}
	}
}
