package main

import (
	"fmt"
	"math"
)

// row is one line of the tables.
type row struct {
	id, experiment, group string
	title                 string
	unit                  string
	more                  bool   // is better
	reference             string // the program that losantfs is divided by
	aims                  []aim
	command               string // what is timed, where all programs do the same
	remark                string // what is to be known of the aim
}

// aim is what a figure is meant to reach.
type aim struct {
	of    string // value, ratio or calls
	least bool   // or else at most
	bound float64
}

func atMost(of string, bound float64) aim  { return aim{of, false, bound} }
func atLeast(of string, bound float64) aim { return aim{of, true, bound} }

// met reports whether a value reaches the aim; what is measured is not exact to more
// than a hundredth.
func (a aim) met(value float64) bool {
	if math.IsNaN(value) {
		return false
	}
	if a.least {
		return value >= a.bound*0.995
	}
	return value <= a.bound*1.005
}

func (a aim) text(r row) string {
	sign := "≤"
	if a.least {
		sign = "≥"
	}
	switch a.of {
	case "ratio":
		return fmt.Sprintf("%s %s of %s", sign, number(a.bound), r.reference)
	case "calls":
		return fmt.Sprintf("%s %s calls", sign, number(a.bound))
	}
	return sign + " " + quantity(a.bound, r.unit)
}

// find returns the row of an id, or nil.
func find(id string) *row {
	for i := range table {
		if table[i].id == id {
			return &table[i]
		}
	}
	return nil
}

// The groups of rows, in their order.
var groups = []string{"Listing", "Reading", "Writing", "Memory"}

const (
	findScript = "find . > /dev/null"
	listScript = "ls -lR > /dev/null"
	readScript = "dd if=" + bigName + " of=/dev/null bs=1M"
	grepScript = "grep -rc nothing d00000 > /dev/null || true"
)

// table has all rows, with what each is meant to reach.
var table = []row{
	{id: "find", experiment: "find", group: "Listing", title: "`find` over 10,000 files in 100 folders, cold, on a drive just mounted",
		unit: "s", reference: native, aims: []aim{atMost("value", 0.40), atMost("calls", 12)}, command: findScript},
	{id: "mount-find", experiment: "find", group: "Listing", title: "mounting and the same `find`", unit: "s", reference: native, command: findScript},
	{id: "remount-find", experiment: "find", group: "Listing", title: "`find` after a remount", unit: "s", reference: native,
		aims: []aim{atMost("value", 0.15), atMost("calls", 2)}, command: findScript},
	{id: "ls-cold", experiment: "ls", group: "Listing", title: "`ls -lR` of the same, cold", unit: "s", reference: loopback,
		aims: []aim{atMost("value", 0.60)}, command: listScript},
	{id: "ls-warm", experiment: "ls", group: "Listing", title: "`ls -lR` once more, 1.5 s later", unit: "s", reference: loopback,
		aims: []aim{atMost("value", 0.12)}, command: listScript},
	{id: "stat", experiment: "ls", group: "Listing", title: "stat of the 10,000 known paths, 1.5 s later, one thread", unit: "/s", more: true, reference: native,
		aims: []aim{atLeast("value", 600_000)}, command: "bench work stat DRIVE"},

	{id: "read", experiment: "read", group: "Reading", title: "1 GiB in order, cold", unit: "MB/s", more: true, reference: curl,
		aims: []aim{atLeast("ratio", 0.75)}, command: readScript},
	{id: "disk-root", experiment: "warm", group: "Reading", title: "the same from our disk cache, the kernel's cache dropped, as root with `--read-only`", unit: "MB/s", more: true,
		reference: loopback, aims: []aim{atLeast("ratio", 0.9)}, command: readScript},
	{id: "disk-user", experiment: "warm", group: "Reading", title: "the same as an ordinary user, who has no passthrough", unit: "MB/s", more: true,
		reference: loopback, aims: []aim{atLeast("ratio", 0.9)}, command: readScript},
	{id: "page-root", experiment: "warm", group: "Reading", title: "the same from the kernel's page cache, as root with `--read-only`", unit: "MB/s", more: true,
		reference: loopback, aims: []aim{atLeast("ratio", 0.9)}, command: readScript},
	{id: "page-user", experiment: "warm", group: "Reading", title: "the same from the kernel's page cache, as an ordinary user", unit: "MB/s", more: true,
		reference: loopback, aims: []aim{atLeast("ratio", 0.9)}, command: readScript},
	{id: "random", experiment: "random", group: "Reading", title: "200 random reads of 4 KiB in 1 GiB, cold: the median, in round trips of 50 ms", unit: "",
		aims: []aim{atMost("value", 1.1)}, command: "bench work random " + bigName + " 200"},
	{id: "amplification", experiment: "random", group: "Reading", title: "bytes fetched for them ÷ bytes read", unit: "",
		aims: []aim{atMost("value", 17)}, command: "bench work random " + bigName + " 200"},
	{id: "small", experiment: "small", group: "Reading", title: "300 files of 1 KiB one after another, cold", unit: "s",
		aims: []aim{atMost("value", 2.5)}, command: grepScript},

	{id: "cp", experiment: "cp", group: "Writing", title: "`cp -r` of 1,000 files of 4 KiB in 10 folders, until it returns", unit: "s", reference: loopback,
		aims: []aim{atMost("value", 0.55)}, command: "cp -r SOURCE copy"},
	{id: "cp-sent", experiment: "cp", group: "Writing", title: "the same, until all is on the service; calls for each file", unit: "s", reference: rclone,
		aims: []aim{atMost("value", 4.5), atMost("calls", 2.1)}, command: "cp -r SOURCE copy"},
	{id: "write", experiment: "write", group: "Writing", title: "1 GiB written and synced, until it is on the service", unit: "s", reference: curl,
		aims: []aim{atMost("value", 5)}, command: writeScript("SOURCE"), remark: "the aim is from a service to which curl takes 2.9 s"},
	{id: "write-dd", experiment: "write", group: "Writing", title: "the same, until dd returns", unit: "s", reference: native, command: writeScript("SOURCE")},
	{id: "save", experiment: "save", group: "Writing", title: "a save of 10 KiB, truncating, until close returns", unit: "ms", reference: loopback,
		aims: []aim{atMost("value", 0.6)}, command: "bench work save DRIVE 20 truncate"},
	{id: "save-rename", experiment: "save", group: "Writing", title: "the same to a temporary file that is renamed", unit: "ms", reference: loopback,
		aims: []aim{atMost("value", 0.7)}, command: "bench work save DRIVE 20 rename"},
	{id: "save-sent", experiment: "save", group: "Writing", title: "20 truncating saves in a row, from the last until it is on the service", unit: "s",
		aims: []aim{atMost("value", 1.3)}, command: "bench work save DRIVE 20 truncate"},

	{id: "memory-10k", experiment: "ls", group: "Memory", title: "with 10,000 files listed", unit: "MB", aims: []aim{atMost("value", 45)}, command: listScript},
	{id: "memory-100k", experiment: "memory", group: "Memory", title: "with 100,000 files listed", unit: "MB", aims: []aim{atMost("value", 110)}, command: listScript},
	{id: "memory-100k-peak", experiment: "memory", group: "Memory", title: "at most, while listing them", unit: "MB", command: listScript},
	{id: "memory-read", experiment: "read", group: "Memory", title: "at most, while reading 1 GiB cold", unit: "MB", aims: []aim{atMost("value", 200)}, command: readScript},
	{id: "memory-cp", experiment: "cp", group: "Memory", title: "at most, while 1,000 files are copied and sent", unit: "MB", aims: []aim{atMost("value", 200)}, command: "cp -r SOURCE copy"},
	{id: "memory-write", experiment: "write", group: "Memory", title: "at most, while 1 GiB is written and sent", unit: "MB", aims: []aim{atMost("value", 200)}, command: writeScript("SOURCE")},
}
