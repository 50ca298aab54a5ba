package integration

import (
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"
)

// TestMatrixIsDocumented compares the cells with their table in the documentation.
func TestMatrixIsDocumented(t *testing.T) {
	const path, begin, end = "../docs/semantics.md", "<!-- cells -->\n", "<!-- end of cells -->\n"
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	_, rest, ok := strings.Cut(string(text), begin)
	got, _, closed := strings.Cut(rest, end)
	if want := markdown(); !ok || !closed || got != want {
		t.Errorf("%s has to have\n%s%s%s", path, begin, want, end)
	}
}

// markdown is the table of all cells for people.
func markdown() string {
	var b strings.Builder
	b.WriteString("| here | elsewhere | in the end | remark |\n|---|---|---|---|\n")
	for _, c := range cells() {
		conflict := ""
		if len(c.conflicts) > 0 {
			conflict = "conflict"
		}
		note := strings.Join(slices.DeleteFunc([]string{conflict, c.why}, func(s string) bool { return s == "" }), "; ")
		fmt.Fprintf(&b, "| %s | %s | %s | %s |\n", c.here, c.elsewhere, c.inTheEnd(), note)
	}
	return b.String()
}

// inTheEnd names all that a cell leaves; a folder only where it is empty.
func (c *cell) inTheEnd() string {
	var all []string
	for _, p := range slices.Sorted(maps.Keys(c.want)) {
		inside := func(other string) bool { return strings.HasPrefix(other, p+"/") }
		name := "`" + strings.ReplaceAll(p, " DATE HOST", " …") + "`"
		switch content := c.want[p]; {
		case content != "dir":
			all = append(all, name+": "+content)
		case !slices.ContainsFunc(slices.Collect(maps.Keys(c.want)), inside):
			all = append(all, name+", empty")
		}
	}
	if len(all) == 0 {
		return "nothing"
	}
	return strings.Join(all, "; ")
}

// Nobody's bytes are lost in any cell.
func TestMatrixLosesNothing(t *testing.T) {
	for _, c := range cells() {
		kept := strings.Join(slices.Collect(maps.Values(c.want)), "\n")
		if strings.Contains(c.script, "ours") && !strings.Contains(kept, "ours") {
			t.Errorf("%s: what was written here is lost", c.folder())
		}
		for _, o := range c.others {
			if o[0] == "put" && !strings.Contains(kept, o[2]) {
				t.Errorf("%s: what was written elsewhere is lost", c.folder())
			}
			if o[0] == "move" && !strings.Contains(kept, "before") {
				t.Errorf("%s: what was moved elsewhere is lost", c.folder())
			}
		}
	}
}
