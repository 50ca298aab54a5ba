package main

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"losantfs/remote/emulator"
)

// bench is one run of this program: what it started and what it found. It is used by
// one goroutine.
type bench struct {
	options
	work     string // folder of all temporary files
	losantfs string // the program under test
	self     string // this program, where every user can run it
	version  string
	tools    map[string]string // the other programs, those that are there
	emu      *emulator.Server
	gateway  *proxy // to rclone's S3 gateway, once it was asked for
	sets     map[string]*set
	drives   map[*drive]struct{}
	homes    int
	ends     []func()
	found    *results
}

// newBench prepares all that the rows have in common. It is to be closed also after an
// error.
func newBench(ctx context.Context, o options) (*bench, error) {
	b := &bench{options: o, tools: map[string]string{}, sets: map[string]*set{}, drives: map[*drive]struct{}{},
		found: &results{Rows: map[string]*result{}, Growth: map[string]*curve{}}}
	var err error
	if b.work, err = os.MkdirTemp("", "losantfs-bench"); err != nil {
		return nil, err
	}
	b.atEnd(func() { _ = os.RemoveAll(b.work) })
	for _, dir := range []string{b.work, filepath.Join(b.work, "sets"), filepath.Join(b.work, "bin")} {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return b, err
		}
		if err := os.Chmod(dir, 0o755); err != nil { // ordinary users look in too
			return b, err
		}
	}
	if err := b.build(ctx); err != nil {
		return b, err
	}
	if err := b.serve(); err != nil {
		return b, err
	}
	if b.found.Machine, err = machine(b.work); err != nil {
		return b, err
	}
	b.found.Trip, err = b.roundTrip()
	return b, err
}

// close takes all away that was started, the latest first.
func (b *bench) close() {
	for d := range b.drives {
		b.unmount(d)
	}
	for _, f := range slices.Backward(b.ends) {
		f()
	}
}

func (b *bench) atEnd(f func()) { b.ends = append(b.ends, f) }

func (b *bench) say(format string, args ...any) {
	fmt.Fprintf(os.Stderr, "%s  %s\n", time.Now().Format(time.TimeOnly), fmt.Sprintf(format, args...))
}

// home makes the home of a user who never mounted anything.
func (b *bench) home(uid int) (string, error) {
	b.homes++
	dir := filepath.Join(b.work, fmt.Sprintf("home%d", b.homes))
	if err := os.Mkdir(dir, 0o755); err != nil {
		return "", err
	}
	return dir, os.Chown(dir, uid, uid)
}

// fresh mounts for a user who never did, and returns how to take all of it away again.
func (b *bench) fresh(ctx context.Context, program string, s *set, o mountOptions) (*drive, func(), error) {
	var err error
	if o.home, err = b.home(o.uid); err != nil {
		return nil, nil, err
	}
	d, err := b.mount(ctx, program, s, o)
	if err != nil {
		_ = os.RemoveAll(o.home)
		return nil, nil, err
	}
	return d, func() {
		b.unmount(d)
		_ = os.RemoveAll(o.home)
	}, nil
}

// row returns the result of a row, to add to.
func (b *bench) row(id string) *result {
	if find(id) == nil {
		panic("there is no row " + id)
	}
	r := b.found.Rows[id]
	if r == nil {
		r = newResult(b.version)
		if remark := find(id).remark; remark != "" {
			r.note(remark)
		}
		b.found.Rows[id] = r
	}
	return r
}

// add records a value of a program in a row.
func (b *bench) add(id, program string, value float64) {
	r := b.row(id)
	r.Of[program] = append(r.Of[program], value)
	b.say("  %-18s %-9s %s", id, program, quantity(value, find(id).unit))
}

// calls records the requests in a row of a program that sends some.
func (b *bench) calls(id, program string, n float64) {
	if sends(program) {
		r := b.row(id)
		r.Calls[program] = append(r.Calls[program], n)
	}
}

// conduct measures one experiment, its programs in turn within each round.
func (b *bench) conduct(ctx context.Context, e experiment) error {
	b.say("%s", e.name)
	if e.growth != nil {
		return e.growth(ctx, b)
	}
	var skipped []string
	for round := range cmp.Or(b.rounds, e.rounds) {
		for _, program := range e.programs {
			if round > 0 && program == rclone && e.slow || slices.Contains(skipped, program) || b.without(program) {
				continue
			}
			if b.tools[program] == "" {
				skipped = append(skipped, program)
				b.note(e, program+" is not installed")
				continue
			}
			if err := e.once(ctx, b, program); err != nil {
				if program == losantfs || ctx.Err() != nil {
					return err
				}
				// Another program that fails is no reason to stop.
				skipped = append(skipped, program)
				b.say("%s with %s: %v", e.name, program, err)
				b.note(e, program+" failed")
			}
		}
	}
	return nil
}

// without reports whether a program was not asked for.
func (b *bench) without(program string) bool {
	return b.with != nil && !slices.Contains(b.with, program)
}

// note says something below the rows of an experiment.
func (b *bench) note(e experiment, text string) {
	for _, row := range table {
		if row.experiment == e.name && b.found.Rows[row.id] != nil {
			b.found.Rows[row.id].note(text)
		}
	}
}

// merge takes over what another run found.
func (r *results) merge(new *results) {
	r.Machine, r.Trip = new.Machine, new.Trip
	for id, row := range new.Rows {
		r.Rows[id] = row
	}
	for id, c := range new.Growth {
		r.Growth[id] = c
	}
	if len(new.Inside) > 0 {
		r.Inside = new.Inside
	}
}

// choose returns the experiments that names mean: their own, those of rows, or all of
// the table or of growth.
func choose(names []string) ([]experiment, error) {
	var chosen []experiment
	for _, name := range names {
		known := name == "none"
		for _, e := range experiments() {
			fits := name == e.name || name == "all" || name == "table" && e.growth == nil || name == "growth" && e.growth != nil
			for _, r := range table {
				fits = fits || r.experiment == e.name && r.id == name
			}
			if !fits {
				continue
			}
			known = true
			if !slices.ContainsFunc(chosen, func(c experiment) bool { return c.name == e.name }) {
				chosen = append(chosen, e)
			}
		}
		if !known {
			return nil, fmt.Errorf("there is no row %q: see -list", name)
		}
	}
	return chosen, nil
}

// printNames lists the experiments with their rows.
func printNames(w io.Writer) {
	for _, e := range experiments() {
		var titles []string
		for _, r := range table {
			if r.experiment == e.name {
				titles = append(titles, r.id)
			}
		}
		fmt.Fprintf(w, "%-8s %s\n", e.name, strings.Join(titles, ", "))
	}
}
