package main

import (
	"encoding/xml"
	"errors"
	"io"
	"math"
	"os"
	"slices"
	"strings"
	"testing"
)

func TestMedian(t *testing.T) {
	for _, c := range []struct {
		of   series
		want float64
	}{{series{3}, 3}, {series{9, 1, 5}, 5}, {series{4, 1, 3, 2}, 2.5}, {series{1, 1, 1000}, 1}} {
		before := slices.Clone(c.of)
		if got := c.of.median(); got != c.want {
			t.Errorf("median of %v is %v, want %v", c.of, got, c.want)
		}
		if !slices.Equal(before, c.of) {
			t.Errorf("%v became %v", before, c.of)
		}
	}
	if !math.IsNaN(series(nil).median()) {
		t.Error("nothing has a median")
	}
	if got := (series{5, 1, 4, 2, 3}).percentile(50); got != 3 {
		t.Errorf("p50 is %v", got)
	}
	if got := (series{5, 1, 4, 2, 3}).percentile(0); got != 1 {
		t.Errorf("p0 is %v", got)
	}
}

func TestNumber(t *testing.T) {
	for v, want := range map[float64]string{
		0: "0", 0.0365: "0.036", 0.5: "0.5", 1: "1", 1.256: "1.26", 12.34: "12.3", 99.96: "100", 123.4: "123", 1234: "1,230",
		663_212: "663,000", 2_830: "2,830",
	} {
		if got := number(v); got != want {
			t.Errorf("%v is written %q, want %q", v, got, want)
		}
	}
	if got := (series{2, 1, 3}).text("s"); got != "2 s (1–3)" {
		t.Error(got)
	}
	if got := (series{2}).text("s"); got != "2 s" {
		t.Error(got)
	}
}

// sample has a figure in two rows: one that reaches its aims and one that does not.
func sample() *results {
	return &results{Machine: "a machine", Trip: 50.4, Rows: map[string]*result{
		"find": {Of: map[string]series{losantfs: {0.3, 0.2, 0.5}, native: {0.1}, rclone: {6}}, Calls: map[string]series{losantfs: {13}, rclone: {101}}},
		"read": {Of: map[string]series{losantfs: {750}, curl: {1000}}, Notes: []string{"rclone failed"}},
	}, Growth: map[string]*curve{"readers": {Of: map[string][]point{losantfs: {{1, 100}, {2, 190}}}}}}
}

func TestTable(t *testing.T) {
	var b strings.Builder
	sample().writeTable(&b, "Listing")
	sample().writeTable(&b, "Reading")
	for _, want := range []string{
		"| work | losantfs | rclone | native | ratio | calls | aim: reached |\n|---|---|---|---|---|---|---|\n",
		"| 0.3 s (0.2–0.5) | 6 s | 0.1 s | 3 × native | 13, rclone 101 | ≤ 0.4 s: **yes**; ≤ 12 calls: **no** |\n",
		"(1) | 750 MB/s | 1,000 MB/s | 0.75 × curl |  | ≥ 0.75 of curl: **yes** |\n\n(1) rclone failed.\n",
	} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("%q is missing in\n%s", want, b.String())
		}
	}
}

// What was not measured is not reached.
func TestAims(t *testing.T) {
	for _, c := range []struct {
		aim   aim
		value float64
		want  bool
	}{
		{atMost("value", 0.4), 0.4, true}, {atMost("value", 0.4), 0.41, false}, {atLeast("ratio", 0.75), 0.75, true},
		{atLeast("ratio", 0.75), 0.74, false}, {atMost("value", 0.4), math.NaN(), false}, {atLeast("ratio", 0.75), math.NaN(), false},
	} {
		if got := c.aim.met(c.value); got != c.want {
			t.Errorf("%v with %v: %v", c.aim, c.value, got)
		}
	}
}

// Every row belongs to an experiment and to a group, has a name of its own, and is
// chosen by it; every chart is of rows that exist.
func TestRows(t *testing.T) {
	seen := map[string]bool{}
	for _, r := range table {
		if seen[r.id] {
			t.Errorf("there are two rows %s", r.id)
		}
		seen[r.id] = true
		if !slices.Contains(groups, r.group) {
			t.Errorf("%s: there is no group %q", r.id, r.group)
		}
		chosen, err := choose([]string{r.id})
		if err != nil || !slices.ContainsFunc(chosen, func(e experiment) bool { return e.name == r.experiment }) {
			t.Errorf("%s chooses %v, %v", r.id, chosen, err)
		}
	}
	for _, c := range chartsOf {
		for _, row := range c.rows {
			if r := find(row[0]); r == nil || r.group != c.group || r.unit != c.unit {
				t.Errorf("chart %s: %v does not belong in it", c.name, row)
			}
		}
	}
	if _, err := choose([]string{"find", "nothing"}); err == nil {
		t.Error("a row that does not exist was chosen")
	}
	all, err := choose([]string{"table", "find"})
	if err != nil || len(all) < 10 || slices.ContainsFunc(all, func(e experiment) bool { return e.growth != nil }) {
		t.Errorf("the table is %d experiments, %v", len(all), err)
	}
}

// wellFormed reads an SVG to its end.
func wellFormed(t *testing.T, svg []byte) {
	t.Helper()
	for d := xml.NewDecoder(strings.NewReader(string(svg))); ; {
		if _, err := d.Token(); errors.Is(err, io.EOF) {
			return
		} else if err != nil {
			t.Fatalf("%v in\n%s", err, svg)
		}
	}
}

func TestChartsAreWellFormed(t *testing.T) {
	odd := `a < b & "c" > 'd'`
	svg := bars{title: odd, unit: "s", groups: []barGroup{{odd, map[string]float64{losantfs: 0.001, native: 10}}}}.draw()
	wellFormed(t, svg)
	if !strings.Contains(string(svg), "a &lt; b &amp; &#34;c&#34; &gt; &#39;d&#39;") || strings.Contains(string(svg), "NaN") {
		t.Errorf("not escaped, or no number:\n%s", svg)
	}
	svg = lines{title: odd, xUnit: odd, yUnit: odd, of: map[string][]point{losantfs: {{1, 100}}}}.draw()
	wellFormed(t, svg)
	if strings.Contains(string(svg), "NaN") || strings.Contains(string(svg), "Inf") {
		t.Errorf("one point has no place:\n%s", svg)
	}
}

func TestScale(t *testing.T) {
	s := scaleOf([]float64{0.2, 30}, 0, 300) // from 0.1 to 100
	for v, want := range map[float64]float64{0.1: 0, 1: 100, 10: 200, 100: 300} {
		if got := s.at(v); math.Abs(got-want) > 1e-9 {
			t.Errorf("%v is at %v, want %v", v, got, want)
		}
	}
	if len(s.ticks()) != 4 {
		t.Errorf("ticks are %v", s.ticks())
	}
}

// A run replaces the figures of its rows and keeps the others.
func TestResultsAreKept(t *testing.T) {
	path := t.TempDir() + "/results.json"
	if err := sample().save(path); err != nil {
		t.Fatal(err)
	}
	all, err := loadResults(path)
	if err != nil {
		t.Fatal(err)
	}
	all.merge(&results{Machine: "another", Rows: map[string]*result{"find": {Of: map[string]series{losantfs: {1}}}}})
	if got := all.Rows["find"].Of[losantfs].median(); got != 1 {
		t.Errorf("find is %v", got)
	}
	if all.Rows["read"] == nil || all.Growth["readers"] == nil || all.Machine != "another" {
		t.Errorf("%+v", all)
	}
	if _, err := loadResults(path + ".not"); err != nil {
		t.Error(err)
	}
	if err := os.WriteFile(path, []byte("{"), 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := loadResults(path); err == nil {
		t.Error("damaged results were taken for none")
	}
}

// The document shows all charts it writes, and writes all it shows.
func TestDocument(t *testing.T) {
	t.Chdir(t.TempDir())
	if err := os.Mkdir("docs", 0o755); err != nil {
		t.Fatal(err)
	}
	if err := sample().document(); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(documentPath)
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(string(text), "%!") {
		t.Errorf("a verb without its value:\n%s", text)
	}
	files, _ := os.ReadDir("docs")
	charts := 0
	for _, f := range files {
		if !strings.HasSuffix(f.Name(), ".svg") {
			continue
		}
		charts++
		if !strings.Contains(string(text), "]("+f.Name()+")") {
			t.Errorf("%s is not shown", f.Name())
		}
		svg, _ := os.ReadFile("docs/" + f.Name())
		wellFormed(t, svg)
	}
	if charts != 3 || strings.Count(string(text), ".svg)") != charts {
		t.Errorf("%d charts are written and %d shown", charts, strings.Count(string(text), ".svg)"))
	}
}

func TestMicros(t *testing.T) {
	got := micros("goos: linux\nBenchmarkLookup-2   \t 4253162\t       275.1 ns/op\nBenchmarkReadCached \t 10\t 6900 ns/op\t 19000.5 MB/s\nPASS\n")
	want := []micro{{"BenchmarkLookup", "275.1 ns/op"}, {"BenchmarkReadCached", "6900 ns/op 19000.5 MB/s"}}
	if !slices.Equal(got, want) {
		t.Errorf("%q", got)
	}
}

func TestStatusMB(t *testing.T) {
	if got := statusMB("Name:\tx\nVmHWM:\t   2000 kB\nVmRSS:\t    1000 kB\n", "VmRSS"); got != 1.024 {
		t.Errorf("%v MB", got)
	}
}
