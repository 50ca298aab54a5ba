package cmd

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"testing"
)

func TestPrintable(t *testing.T) {
	for in, want := range map[string]string{
		"plain 文档 é": "plain 文档 é", "a\x1b[2Jb": "a\ufffd[2Jb", "a\nb\tc": "a\ufffdb\ufffdc", "\u202eexe": "\ufffdexe",
	} {
		if got := printable(in); got != want {
			t.Errorf("printable(%q) = %q, want %q", in, got, want)
		}
	}
}

func TestShellWord(t *testing.T) {
	for in, want := range map[string]string{
		"/mnt/a-b_c.d": "/mnt/a-b_c.d", "/a b": "'/a b'", "it's": `'it'\''s'`, "$(x)": "'$(x)'", "": "''",
	} {
		if got := shellWord(in); got != want {
			t.Errorf("shellWord(%q) = %s, want %s", in, got, want)
		}
	}
}

func TestUsageErrors(t *testing.T) {
	for _, tt := range []struct {
		args []string
		part string
	}{
		{[]string{"moun"}, "is mount meant?"},
		{[]string{"mount"}, "losantfs mount [APPLICATION] MOUNTPOINT"},
		{[]string{"mount", "a", "b", "c"}, "losantfs mount [APPLICATION] MOUNTPOINT"},
		{[]string{"mount", "--nothing", "x"}, "unknown flag: --nothing"},
		{[]string{"mount", "--timeout", "0s", "x"}, "--timeout must be"},
		{[]string{"status", "a", "b"}, "losantfs status [MOUNTPOINT]"},
		{[]string{"emulator", "x"}, "losantfs emulator"},
	} {
		root := newRootCommand()
		root.SetArgs(tt.args)
		err := root.Execute()
		wantError(t, err, tt.part, "--help")
		if _, ok := errors.AsType[*usageError](err); !ok {
			t.Errorf("%q: %T is no usage error", tt.args, err)
		}
	}
}

func TestTreeText(t *testing.T) {
	dir := t.TempDir()
	write(t, "12345", dir, "a", "deep", "file")
	write(t, "", dir, "b")
	if err := os.Mkdir(filepath.Join(dir, "a", "empty"), 0o700); err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	text := treeText{paint: newPaint(&out)}
	if err := text.folder(dir); err != nil {
		t.Fatal(err)
	}
	want := "           " + dir + `
           ├── a
           │   ├── deep
      5 B  │   │   └── file
           │   └── empty
      0 B  └── b
`
	if out.String() != want || text.files != 2 || text.folders != 3 || text.bytes != 5 {
		t.Errorf("%d files, %d folders, %d bytes:\n%s\nwant\n%s", text.files, text.folders, text.bytes, out.String(), want)
	}
}
