package integration

import (
	"fmt"
	"os"
	"strings"
	"time"

	"pgregory.net/rapid"
)

// op is what one program does next. Which of its fields count is up to its kind.
type op struct {
	kind     string
	path, to string
	flags    int
	slot     int // which of the open files
	off      int
	size     int // bytes, milliseconds of a pause
}

func (o op) String() string {
	s := o.kind
	switch o.kind {
	case "rename":
		s += fmt.Sprintf(" %s to %s %s", o.path, o.to, [...]string{"", "NOREPLACE", "EXCHANGE"}[o.flags])
	case "pause":
		s += fmt.Sprintf(" %d ms", o.size)
	case "open":
		s += fmt.Sprintf(" %s as %d %#x", o.path, o.slot, o.flags)
	case "write to", "truncate open", "append to", "read open", "sync", "close":
		s += fmt.Sprintf(" %d (or %s), offset %d, size %d", o.slot, o.path, o.off, o.size)
	case "mkdir", "remove", "rmdir", "read", "list":
		s += " " + o.path
	case "look":
	default:
		s += fmt.Sprintf(" %s %s, offset %d, size %d", o.path, o.to, o.off, o.size)
	}
	return s
}

// phase is what the programs do at the same time, and what happens when they all
// have done it.
type phase struct {
	work  [][]op // by program
	then  string
	pause int      // milliseconds, before that
	fault []string // switches of the emulator
	deep  bool     // all content is read after a mount, which caches it
}

// plan is everything that one run does: it is drawn before, so that a run can be
// repeated and made smaller.
type plan struct {
	mount    []string // flags
	switches []string // of the emulator
	phases   []phase
	remount  bool // at the end
}

func (p *plan) GoString() string {
	var b strings.Builder
	fmt.Fprintf(&b, "mount %s\nswitches %s\n", strings.Join(p.mount, " "), strings.Join(p.switches, " "))
	for _, ph := range p.phases {
		for i, ops := range ph.work {
			for _, o := range ops {
				fmt.Fprintf(&b, "  %d: %s\n", i, o)
			}
		}
		fmt.Fprintf(&b, "after %d ms %s %s\n", ph.pause, ph.then, strings.Join(ph.fault, " "))
	}
	return b.String()
}

func (p *plan) size() (n int) {
	for _, ph := range p.phases {
		n++
		for _, ops := range ph.work {
			n += len(ops)
		}
	}
	return n
}

var kinds = strings.Split("write,write,write,mkdir,mkdir,remove,remove,rename,rename,rename,rename,rename,rename,rmdir,rmdir,"+
	"create,append,append,patch,patch,truncate,save by rename,save by rename,save by rename,save aside,save aside,save by shell,"+
	"open,open,open,open,write to,write to,write to,append to,truncate open,read open,sync,close,close,read,read,list,look,pause,pause", ",")

var modelPaths = []string{"a", "b", "x", "d", "d/c", "d/e", "d/e/f", "d/y", "n", "n/z", "n/m", "n/m/k", "empty", ".l.swp"}

// fairly draws an index below n: rapid prefers the first ones.
func fairly(t *rapid.T, n int, label string) int {
	i := 0
	for range 8 {
		i *= 2
		if rapid.Bool().Draw(t, label) {
			i++
		}
	}
	return i * n / 256
}

// modelSizes include what is one block of content, one request, and more.
var modelSizes = []int{3, 0, 1, 12, 500, 5000, 70_000, 300_000}

func drawOp(t *rapid.T) op {
	size, off := rapid.SampledFrom(modelSizes), rapid.SampledFrom([]int{0, 2, 100, 4999, 70_000})
	path := func(label string) string { return modelPaths[fairly(t, len(modelPaths), label)] }
	o := op{kind: kinds[fairly(t, len(kinds), "kind")]}
	switch o.kind {
	case "write to", "truncate open", "append to", "read open", "sync", "close":
		o.slot, o.path = rapid.IntRange(0, 1).Draw(t, "slot"), path("path")
	case "pause":
		o.size = rapid.IntRange(0, 80).Draw(t, "ms")
		return o
	case "look":
		return o
	default:
		o.path = path("path")
	}
	switch o.kind {
	case "rename":
		o.to = path("to")
		o.flags = rapid.SampledFrom([]int{0, 0, 0, 0, noReplace, exchange, exchange}).Draw(t, "flags")
	case "open":
		o.slot = rapid.IntRange(0, 1).Draw(t, "slot")
		o.flags = rapid.SampledFrom([]int{os.O_RDWR, os.O_RDWR | os.O_CREATE, os.O_RDONLY, os.O_WRONLY | os.O_APPEND,
			os.O_RDWR | os.O_TRUNC, os.O_RDWR | os.O_CREATE | os.O_EXCL}).Draw(t, "flags")
	case "patch", "write to":
		o.off, o.size = off.Draw(t, "offset"), size.Draw(t, "size")
	case "write", "create", "append", "append to", "truncate", "truncate open", "save by rename", "save aside", "save by shell":
		o.size = size.Draw(t, "size")
	}
	if o.kind == "save by rename" {
		o.to = rapid.SampledFrom([]string{"t.tmp", "d/t.tmp", ".t.swp"}).Draw(t, "temporary")
	}
	return o
}

// faults are set in the middle of a run: calls fail or their answers are lost.
func drawFault(t *rapid.T) []string {
	ops := rapid.SampledFrom([]string{"create", "patch", "form", "move", "delete", "list", "get", "content", ""}).Draw(t, "of")
	fault := rapid.SampledFrom([]string{"drop-count", "error-count", "garbage-count", "truncate-count", "drop-rate", "error-rate"}).Draw(t, "fault")
	value := fmt.Sprint(rapid.IntRange(1, 3).Draw(t, "count"))
	if strings.HasSuffix(fault, "rate") {
		if value = "0.3"; ops == "" || ops == "list" || ops == "get" || ops == "content" {
			ops = strings.Join(writing, ",") // programs wait for the others and see errors that come again and again
		}
	}
	return []string{"error-ops", ops, "error-status", rapid.SampledFrom([]string{"503", "500"}).Draw(t, "status"), fault, value}
}

// modelSwitches are the ways in which the service may be.
var modelSwitches = [][]string{
	{"conflict-status", "400", "409"}, {"move-onto-existing", "reject", "overwrite"},
	{"directory-move", "instant", "job"}, {"move-delay", "0s", "3ms", "50ms"},
	{"delete", "instant", "async"}, {"delete-delay", "0s", "20ms", "200ms"}, {"reuse-deleting", "conflict", "allow"},
	{"completion-lag", "0s", "20ms", "150ms"}, {"tickets", "reusable", "single-use"}, {"ticket-ttl", "1h", "100ms"},
	{"reupload-read", "old", "missing"}, {"patch-size", "ignored", "applied"}, {"per-page-max", "1000", "3"},
	{"list-depth", "children", "recursive"}, {"total-count", "right", "wrong"}, {"cdn-ttl", "0s", "1h"}, {"latency", "0s", "0s", "5ms"},
}

func drawPlan(t *rapid.T) *plan {
	p := &plan{}
	programs := rapid.IntRange(2, 3).Draw(t, "programs")
	for _, s := range modelSwitches {
		if v := rapid.SampledFrom(s[1:]).Draw(t, s[0]); v != s[1] {
			p.switches = append(p.switches, s[0], v)
		}
	}
	p.mount = []string{"--settle", rapid.SampledFrom([]string{"50ms", "50ms", "10ms", "0s"}).Draw(t, "settle"),
		"--poll-interval", rapid.SampledFrom([]string{"30s", "30s", "100ms"}).Draw(t, "poll-interval"),
		"--uploads", rapid.SampledFrom([]string{"8", "8", "1"}).Draw(t, "uploads")}
	p.phases = rapid.SliceOfN(rapid.Custom(func(t *rapid.T) phase {
		ph := phase{work: make([][]op, programs)}
		for i := range ph.work {
			ph.work[i] = rapid.SliceOfN(rapid.Custom(drawOp), 0, 12).Draw(t, "ops")
		}
		events := []string{"go on", "flush", "set", "set", "kill", "kill", "kill", "remount"}
		ph.then = events[fairly(t, len(events), "then")]
		ph.pause = rapid.SampledFrom([]int{0, 0, 5, 30, 100}).Draw(t, "pause")
		ph.deep = rapid.Bool().Draw(t, "deep")
		if ph.then == "set" {
			ph.fault = drawFault(t)
		}
		return ph
	}), 1, 6).Draw(t, "phases")
	p.remount = rapid.Bool().Draw(t, "remount")
	return p
}

func (p *plan) settle() time.Duration {
	d, _ := time.ParseDuration(p.mount[1])
	return d
}
