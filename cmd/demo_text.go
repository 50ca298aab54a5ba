package cmd

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
)

// paint writes to a terminal in colours, and to anything else without.
type paint struct {
	w      io.Writer
	colour bool
}

func newPaint(w io.Writer) paint {
	// https://no-color.org
	return paint{w, isTerminal(w) && os.Getenv("NO_COLOR") == ""}
}

func (p paint) in(code, s string) string {
	if !p.colour || s == "" {
		return s
	}
	return "\x1b[" + code + "m" + s + "\x1b[0m"
}

func (p paint) bold(s string) string { return p.in("1", s) }
func (p paint) blue(s string) string { return p.in("1;34", s) }
func (p paint) dim(s string) string  { return p.in("2", s) }

// present says what the demo is, lists the drive, saves a file and, unless it ends
// at once, says what to try.
func (d *drive) present(ctx context.Context, p paint, once bool) error {
	fmt.Fprintf(p.w, "%s\n", p.bold("losantfs: the files of a Losant application, as a drive"))
	fmt.Fprintf(p.w, "\nThe application %q is made up, and the service is played by this program:\nnothing leaves this machine.\n\n", d.app.Name)
	t := treeText{paint: p}
	if err := t.folder(d.o.mountpoint); err != nil {
		return err
	}
	fmt.Fprintf(p.w, "\n%9s  %d files in %d folders\n", sizeText(t.bytes), t.files, t.folders)
	if err := d.showWrite(ctx, p); err != nil || once {
		return err
	}
	page, err := d.url(ctx, "public/index.html")
	if err != nil {
		return err
	}
	at := func(parts ...string) string {
		return shellWord(filepath.Join(append([]string{d.o.mountpoint}, parts...)...))
	}
	fmt.Fprintf(p.w, "\n%s\n", p.bold("Try in another terminal"))
	for _, try := range [][2]string{
		{"ls -l " + at("public"), "look around"},
		{"head -3 " + at("public", "data", "readings.csv"), "read a file; it is fetched when it is read"},
		{"date > " + at("public", "uploads", "now.txt"), "save a file; a second later the service has it"},
		{openCommand + " " + at(), "open it as any other folder"},
		{"losantfs info " + at("public", "images", "logo.png"), "what the service knows of a file"},
		{"losantfs url " + at("private", "exports", "devices.csv"), "a link to a private file, good for 15 minutes"},
		{"losantfs status", "how the drive is doing"},
	} {
		fmt.Fprintf(p.w, "  %s\n      %s\n", try[0], p.dim(try[1]))
	}
	fmt.Fprintf(p.w, "\n%s\n  %s\n", p.bold("The public files are a web site, too"), page)
	_, err = fmt.Fprintf(p.w, "\n%s\n", p.bold("Ctrl-C ends the demo and removes everything."))
	return err
}

// treeText draws a tree of folders, with the sizes in a column before it, as
// names may be of any width.
type treeText struct {
	paint
	files, folders int
	bytes          int64
}

func (t *treeText) line(size, branch, name string) {
	fmt.Fprintf(t.w, "%s  %s%s\n", t.dim(fmt.Sprintf("%9s", size)), t.dim(branch), name)
}

func (t *treeText) folder(path string) error {
	t.line("", "", t.blue(path))
	return t.children(path, "")
}

func (t *treeText) children(path, indent string) error {
	entries, err := os.ReadDir(path)
	if err != nil {
		return err
	}
	for i, e := range entries {
		branch, below := "├── ", "│   "
		if i == len(entries)-1 {
			branch, below = "└── ", "    "
		}
		name := printable(e.Name())
		if e.IsDir() {
			t.folders++
			t.line("", indent+branch, t.blue(name))
			if err := t.children(filepath.Join(path, e.Name()), indent+below); err != nil {
				return err
			}
			continue
		}
		info, err := e.Info()
		if err != nil {
			return err
		}
		t.files++
		t.bytes += info.Size()
		t.line(sizeText(info.Size()), indent+branch, name)
	}
	return nil
}
