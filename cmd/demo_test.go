package cmd

import (
	"strings"
	"testing"

	"losantfs/remote"
)

// What the demo saves is sent, and is what the service has.
func TestSentByTheDemo(t *testing.T) {
	d, e, _ := writable(t, remote.Public)
	d.o.settle = 0
	create(t, d.spaces[0], "hello.txt", "Hello.\n")
	url, err := d.sent(t.Context(), "hello.txt")
	if err != nil {
		t.Fatal(err)
	}
	if text, err := fetch(t.Context(), url); err != nil || text != "Hello.\n" {
		t.Errorf("%s: %q, %v", url, text, err)
	}
	_, err = fetch(t.Context(), url+"x")
	wantError(t, err, "404")
	set(t, e, "error-ops", "create")
	set(t, e, "error-status", "400")
	set(t, e, "error-count", "100")
	create(t, d.spaces[0], "refused", "text")
	_, err = d.sent(t.Context(), "refused")
	wantError(t, err, d.abs("refused")+": failed: ", "injected")
}

// A demo leaves nothing in the state folder of the user.
func TestFoldersOfTheDemo(t *testing.T) {
	isolate(t)
	d, _ := unmounted(t, startEmulator(t), "a.b.c", bothSpaces)
	d.o.owedDir = "/demo/owed"
	if dir, err := d.owedFolder(remote.Public, 0); err != nil || !strings.HasPrefix(dir, "/demo/owed/") {
		t.Errorf("%q, %v", dir, err)
	}
	d.o.owedDir = ""
	if dir, err := d.owedFolder(remote.Public, 0); err != nil || !strings.Contains(dir, "/losantfs/owed/") {
		t.Errorf("%q, %v", dir, err)
	}
}
