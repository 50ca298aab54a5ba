package integration

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// rooms in the one direction imports may take: each may import those below it.
// The emulator stands beside the client and knows none of them.
var rooms = []string{"losantfs", "losantfs/cmd", "losantfs/fs", "losantfs/cache", "losantfs/remote"}

const emulatorRoom = "losantfs/remote/emulator"

func room(pkg string) int {
	for i := len(rooms) - 1; i >= 0; i-- {
		if pkg == rooms[i] || strings.HasPrefix(pkg, rooms[i]+"/") {
			return i
		}
	}
	return -1
}

func TestImportsGoOneWay(t *testing.T) {
	out, err := exec.Command("go", "list", "-f", `{{.ImportPath}}{{range .Imports}} {{.}}{{end}}`, "losantfs/...").Output()
	if err != nil {
		t.Fatal(err)
	}
	packages := 0
	for line := range strings.Lines(string(out)) {
		pkg, imports, _ := strings.Cut(strings.TrimSpace(line), " ")
		if pkg == "losantfs/integration" {
			continue
		}
		packages++
		for _, imp := range strings.Fields(imports) {
			if !strings.HasPrefix(imp, "losantfs") {
				continue
			}
			switch {
			case pkg == emulatorRoom:
				t.Errorf("the emulator imports %s", imp)
			case imp == emulatorRoom:
				if room(pkg) > room("losantfs/cmd") {
					t.Errorf("%s imports the emulator", pkg)
				}
			case room(imp) < room(pkg):
				t.Errorf("%s imports %s, which is above it", pkg, imp)
			}
		}
	}
	if packages < 8 {
		t.Errorf("only %d packages were seen", packages)
	}
	// Outer worlds are let in at one door each.
	for dep, only := range map[string]string{"github.com/hanwen/go-fuse": "losantfs/fs", "github.com/spf13/cobra": "losantfs/cmd", "net/http": ""} {
		for line := range strings.Lines(string(out)) {
			pkg, imports, _ := strings.Cut(strings.TrimSpace(line), " ")
			for _, imp := range strings.Fields(imports) {
				if !strings.HasPrefix(imp, dep) {
					continue
				}
				inside := strings.HasPrefix(pkg, only)
				if only == "" { // the kernel's side and the caches know no HTTP
					inside = room(pkg) != room("losantfs/fs") && room(pkg) != room("losantfs/cache")
				}
				if !inside && !(dep == "github.com/hanwen/go-fuse" && pkg == "losantfs/cmd") {
					t.Errorf("%s imports %s", pkg, imp)
				}
			}
		}
	}
}

// Every test that the documents name exists.
func TestPromisesAreExecuted(t *testing.T) {
	defined := map[string]bool{}
	declaration := regexp.MustCompile(`(?m)^func (Test\w+)\(`)
	err := filepath.WalkDir("..", func(path string, e os.DirEntry, err error) error {
		if err != nil || !strings.HasSuffix(path, "_test.go") {
			return err
		}
		source, err := os.ReadFile(path)
		for _, m := range declaration.FindAllSubmatch(source, -1) {
			defined[string(m[1])] = true
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	documents, err := filepath.Glob("../docs/*.md")
	if err != nil {
		t.Fatal(err)
	}
	named := 0
	for _, path := range documents {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range regexp.MustCompile("`(Test\\w+)`").FindAllSubmatch(text, -1) {
			named++
			if !defined[string(name[1])] {
				t.Errorf("%s names %s, which does not exist", path, name[1])
			}
		}
	}
	if named < 30 {
		t.Errorf("the documents name only %d tests", named)
	}
}
