package cmd

import (
	"bytes"
	"os/exec"
	"strings"
	"testing"

	"losantfs/remote"
)

// complete returns what a shell is offered after a command line, whose last word is
// the one to complete.
func complete(t *testing.T, line ...string) string {
	t.Helper()
	var out bytes.Buffer
	root := newRootCommand()
	root.SetArgs(append([]string{"__complete"}, line...))
	root.SetOut(&out)
	root.SetErr(&bytes.Buffer{})
	if err := root.ExecuteContext(t.Context()); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

func TestCompletion(t *testing.T) {
	isolate(t)
	d := opened(t, []remote.Space{remote.Public})
	serve(t, d)
	for want, line := range map[string][]string{
		"both\npublic\nprivate\n":    {"mount", "--space", ""},
		"background\nthrough\n":      {"mount", "--write", ""},
		"debug\ninfo\nwarn\nerror\n": {"mount", "--log-level", ""},
		"text\njson\n":               {"mount", "--log-format", ""},
		":16\n":                      {"mount", "--cache-dir", ""}, // folders
		"down=\tevery host":          {"emulator", "--set", "do"},
		d.o.mountpoint + "\n":        {"unmount", ""},
		"doctor\tCheck everything":   {"do"},
		"--token-stdin\tread an API": {"login", "--tok"},
	} {
		if got := "\n" + complete(t, line...); !strings.Contains(got, want) {
			t.Errorf("%q: %q, want %q", line, got, want)
		}
	}
}

// The scripts are accepted by the shells that are there.
func TestCompletionScripts(t *testing.T) {
	for _, shell := range []string{"bash", "zsh", "fish"} {
		var script bytes.Buffer
		root := newRootCommand()
		root.SetArgs([]string{"completion", shell})
		root.SetOut(&script)
		if err := root.Execute(); err != nil || script.Len() < 1000 {
			t.Fatalf("%s: %v, %d bytes", shell, err, script.Len())
		}
		if _, err := exec.LookPath(shell); err != nil {
			continue
		}
		c := exec.Command(shell, "-n")
		c.Stdin = &script
		if out, err := c.CombinedOutput(); err != nil {
			t.Errorf("%s: %v\n%s", shell, err, out)
		}
	}
}
