package main

import (
	_ "embed"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// Where the figures are kept, and what is made of them.
const (
	resultsPath  = "docs/benchmarks.json"
	documentPath = "docs/benchmarks.md"
)

//go:embed intro.md
var intro string

// unreached says why some aims are not reached.
//
//go:embed unreached.md
var unreached string

// cells are the columns of a row after its title: the programs, the ratio, the calls,
// and the aims with whether they are reached.
func (r *results) cells(row row, columns []string) []string {
	res := r.Rows[row.id]
	cells := make([]string, 0, len(columns)+3)
	for _, p := range columns {
		cells = append(cells, res.Of[p].text(row.unit))
	}
	ratio := ""
	if v := res.ratio(row); !math.IsNaN(v) {
		ratio = number(v) + " × " + row.reference
	}
	var calls []string
	for _, p := range columns {
		if s := res.Calls[p]; len(s) > 0 {
			text := number(s.median())
			if p != losantfs {
				text = p + " " + text
			}
			calls = append(calls, text)
		}
	}
	var aims []string
	for _, a := range row.aims {
		verdict := "no"
		if a.met(res.value(row, a)) {
			verdict = "yes"
		}
		aims = append(aims, a.text(row)+": **"+verdict+"**")
	}
	return append(cells, ratio, strings.Join(calls, ", "), strings.Join(aims, "; "))
}

// ratio is losantfs to the reference of the same run.
func (r *result) ratio(row row) float64 {
	if row.reference == "" || len(r.Of[row.reference]) == 0 || len(r.Of[losantfs]) == 0 {
		return math.NaN()
	}
	return r.Of[losantfs].median() / r.Of[row.reference].median()
}

// value is what an aim is about.
func (r *result) value(row row, a aim) float64 {
	switch a.of {
	case "ratio":
		return r.ratio(row)
	case "calls":
		return r.Calls[losantfs].median()
	}
	return r.Of[losantfs].median()
}

// columns are the programs that have a figure in a group.
func (r *results) columns(group string) (all []string) {
	for _, p := range programs {
		if slices.ContainsFunc(table, func(row row) bool {
			return row.group == group && r.Rows[row.id] != nil && len(r.Rows[row.id].Of[p]) > 0
		}) {
			all = append(all, p)
		}
	}
	return all
}

// writeTable writes the rows of a group.
func (r *results) writeTable(w io.Writer, group string) {
	columns := r.columns(group)
	if len(columns) == 0 {
		return
	}
	head := append(append([]string{"work"}, columns...), "ratio", "calls", "aim: reached")
	fmt.Fprintf(w, "| %s |\n|%s\n", strings.Join(head, " | "), strings.Repeat("---|", len(head)))
	var notes []string
	for _, row := range table {
		res := r.Rows[row.id]
		if row.group != group || res == nil {
			continue
		}
		title := row.title
		for _, n := range res.Notes {
			if !slices.Contains(notes, n) {
				notes = append(notes, n)
			}
			title += fmt.Sprintf(" (%d)", slices.Index(notes, n)+1)
		}
		fmt.Fprintf(w, "| %s | %s |\n", title, strings.Join(r.cells(row, columns), " | "))
	}
	for i, n := range notes {
		fmt.Fprintf(w, "\n(%d) %s.\n", i+1, n)
	}
	fmt.Fprintln(w)
}

// print shows what was found in a terminal.
func (r *results) print(w io.Writer) {
	fmt.Fprintf(w, "\nOn %s; a round trip takes %s ms.\n\n", r.Machine, number(r.Trip))
	for _, g := range groups {
		r.writeTable(w, g)
	}
	r.writeGrowth(w)
	r.writeInside(w)
}

// document writes docs/benchmarks.md and its charts.
func (r *results) document() error {
	var b strings.Builder
	fmt.Fprintf(&b, intro, r.Machine, strings.Join(r.versions(), ", "), r.reached(), number(r.Trip), rcloneVersion, rcloneFlags)
	for _, g := range groups {
		if len(r.columns(g)) == 0 {
			continue
		}
		fmt.Fprintf(&b, "\n## %s\n\n", g)
		for _, c := range chartsOf {
			if chart := r.bars(c); c.group == g && len(chart.groups) > 0 {
				if err := r.picture(&b, "benchmarks-"+c.name, c.title, chart.draw()); err != nil {
					return err
				}
			}
		}
		r.writeTable(&b, g)
	}
	fmt.Fprintf(&b, "\n%s", unreached)
	if err := r.documentGrowth(&b); err != nil {
		return err
	}
	r.writeInside(&b)
	r.writeCommands(&b)
	return os.WriteFile(documentPath, []byte(strings.TrimSpace(b.String())+"\n"), 0o644)
}

// picture writes a chart beside the document and shows it there.
func (r *results) picture(w io.Writer, name, title string, svg []byte) error {
	fmt.Fprintf(w, "![%s](%s.svg)\n\n", title, name)
	return os.WriteFile(filepath.Join(filepath.Dir(documentPath), name+".svg"), svg, 0o644)
}

// reached counts the aims.
func (r *results) reached() string {
	met, all := 0, 0
	for _, row := range table {
		if r.Rows[row.id] == nil {
			continue
		}
		for _, a := range row.aims {
			all++
			if a.met(r.Rows[row.id].value(row, a)) {
				met++
			}
		}
	}
	if met == all {
		return fmt.Sprintf("All %d aims are reached", all)
	}
	return fmt.Sprintf("%d of %d aims are reached; what is not is marked **no**", met, all)
}

// versions are those of losantfs that the figures are of.
func (r *results) versions() (all []string) {
	for _, row := range r.Rows {
		all = append(all, fmt.Sprintf("%s (%s)", row.Version, row.Date))
	}
	for _, c := range r.Growth {
		all = append(all, fmt.Sprintf("%s (%s)", c.Version, c.Date))
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// writeCommands says how each figure is made.
func (r *results) writeCommands(w io.Writer) {
	fmt.Fprintf(w, "\n## The commands\n\nEach drive was mounted by\n\n```\n%s\n```\n\n", strings.TrimSpace(mountCommands))
	fmt.Fprintf(w, "and then this was timed in its folder. `make bench ROWS=name` measures a row again.\n\n| row | name | command |\n|---|---|---|\n")
	for _, row := range table {
		fmt.Fprintf(w, "| %s | %s | `%s` |\n", row.title, row.id, strings.ReplaceAll(row.command, "|", "\\|"))
	}
}

const mountCommands = `
losantfs mount --space public APPLICATION DRIVE      (with --read-only where the row says so)
rclone mount :s3:BUCKET DRIVE --s3-provider Rclone --s3-endpoint PROXY ` + rcloneFlags + `
loopback -q DRIVE FOLDER                             (go build github.com/hanwen/go-fuse/v2/example/loopback)
rclone serve s3 FOLDER --etag-hash= --dir-cache-time 1s     (what rclone mounts, behind the proxy)
curl -sSf -o /dev/null URL                           (reading, from the content host of the emulator)
curl -sSf -F NAME=VALUE … -F file=@SOURCE TICKET     (writing, to its store)
`

// writeInside shows the benchmarks beside the code.
func (r *results) writeInside(w io.Writer) {
	if len(r.Inside) == 0 {
		return
	}
	fmt.Fprintf(w, "\n## Inside\n\nThe hot paths without the kernel, by `go test -run '^$' -bench . ./cache/...`.\n\n| benchmark | result |\n|---|---|\n")
	for _, m := range r.Inside {
		fmt.Fprintf(w, "| `%s` | %s |\n", m.Name, m.Result)
	}
}
