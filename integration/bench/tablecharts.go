package main

// tableChart is a chart of some rows of a group.
type tableChart struct {
	name, group, title, unit string
	rows                     [][2]string // id and label
}

var chartsOf = []tableChart{
	{"listing", "Listing", "Listing 10,000 files: seconds, less is better", "s", [][2]string{
		{"find", "find, cold"}, {"remount-find", "find, after a remount"}, {"ls-cold", "ls -lR, cold"}, {"ls-warm", "ls -lR, once more"}}},
	{"stat", "Listing", "Known paths looked at: stat calls a second, more is better", "/s", [][2]string{{"stat", "stat"}}},
	{"reading", "Reading", "Reading 1 GiB: MB/s, more is better", "MB/s", [][2]string{
		{"read", "cold"}, {"disk-root", "from disk, as root"}, {"disk-user", "from disk, as a user"},
		{"page-root", "from memory, as root"}, {"page-user", "from memory, as a user"}}},
	{"small", "Reading", "300 files of 1 KiB, cold: seconds, less is better", "s", [][2]string{{"small", "grep -r"}}},
	{"writing", "Writing", "Writing: seconds, less is better", "s", [][2]string{
		{"cp", "cp -r of 1,000 files returns"}, {"cp-sent", "all of them on the service"}, {"write-dd", "dd of 1 GiB returns"},
		{"write", "it is on the service"}, {"save-sent", "20 saves on the service"}}},
	{"saving", "Writing", "One save of 10 KiB: milliseconds, less is better", "ms", [][2]string{
		{"save", "truncate and write"}, {"save-rename", "temporary and rename"}}},
	{"memory", "Memory", "Memory: MB, less is better", "MB", [][2]string{
		{"memory-10k", "10,000 files listed"}, {"memory-100k", "100,000 files listed"}, {"memory-read", "reading 1 GiB, peak"}, {"memory-write", "writing 1 GiB, peak"}}},
}

// bars are the medians of a chart's rows.
func (r *results) bars(c tableChart) bars {
	chart := bars{title: c.title, unit: c.unit}
	for _, idLabel := range c.rows {
		g := barGroup{label: idLabel[1], of: map[string]float64{}}
		if res := r.Rows[idLabel[0]]; res != nil {
			for _, p := range programs {
				if v := res.Of[p].median(); v > 0 { // a NaN is not
					g.of[p] = v
				}
			}
		}
		if len(g.of) > 0 {
			chart.groups = append(chart.groups, g)
		}
	}
	return chart
}
