package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"time"
)

// growing is one figure that grows with something.
type growing struct {
	id, title, x, y string
}

var growthTable = []growing{
	{"entries-find", "find, cold, by entries", "entries", "s"},
	{"entries-remount", "find after a remount, by entries", "entries", "s"},
	{"entries-calls", "Calls of the first find, by entries", "entries", "calls"},
	{"entries-memory", "Memory after find, by entries", "entries", "MB"},
	{"entries-poll", "Bytes of one look for changes, by entries", "entries", "B"},
	{"readers", "Parallel readers of 16 MiB each, cold", "readers", "MB/s"},
	{"sizes-read", "Reading one file, cold, by size", "MiB", "MB/s"},
	{"sizes-write", "Writing one file until it is on the service, by size", "MiB", "MB/s"},
}

// plot records a point of a figure that grows.
func (b *bench) plot(id, program string, x, y float64) {
	i := slices.IndexFunc(growthTable, func(g growing) bool { return g.id == id })
	c := b.found.Growth[id]
	if c == nil {
		c = &curve{Of: map[string][]point{}, Version: b.version, Date: time.Now().UTC().Format(time.DateOnly)}
		b.found.Growth[id] = c
	}
	c.Of[program] = append(c.Of[program], point{x, y})
	b.say("  %-18s %-9s %s: %s", id, program, number(x), quantity(y, growthTable[i].y))
}

// growEntries lists ever larger trees, with folders of 100 files.
func growEntries(ctx context.Context, b *bench) error {
	for _, n := range []int{1_000, 10_000, 100_000, 1_000_000} {
		if err := b.growTree(ctx, n); err != nil {
			return fmt.Errorf("%d entries: %w", n, err)
		}
	}
	return nil
}

func (b *bench) growTree(ctx context.Context, n int) error {
	s, err := b.inApplication(n)
	if err != nil {
		return err
	}
	time.Sleep(3 * time.Second) // a listing of what is just being made may have to be read again
	home, err := b.home(os.Geteuid())
	if err != nil {
		return err
	}
	defer os.RemoveAll(home)
	o := mountOptions{home: home, uid: os.Geteuid()}
	x := float64(n)
	for _, id := range []string{"entries-find", "entries-remount"} {
		before := b.requests(losantfs)
		d, err := b.mount(ctx, losantfs, s, o)
		if err != nil {
			return err
		}
		defer b.unmount(d)
		took, err := d.sh(ctx, findScript)
		if err != nil {
			return err
		}
		b.plot(id, losantfs, x, took.Seconds())
		if id == "entries-find" {
			b.plot("entries-calls", losantfs, x, b.requests(losantfs)-before)
			rss, _, err := memory(d.cmd.Process.Pid)
			if err != nil {
				return err
			}
			b.plot("entries-memory", losantfs, x, rss)
			if err := b.onePoll(ctx, x); err != nil {
				return err
			}
		}
		b.unmount(d)
	}
	return nil
}

// onePoll waits for a look for changes, and records what it costs.
func (b *bench) onePoll(ctx context.Context, x float64) error {
	time.Sleep(time.Second)
	before := b.emu.Counts()
	_, err := wait(ctx, 10*time.Millisecond, func() (bool, error) { return b.emu.Counts().BytesOut > before.BytesOut, nil })
	if err != nil {
		return err
	}
	time.Sleep(200 * time.Millisecond)
	b.plot("entries-poll", losantfs, x, float64(b.emu.Counts().BytesOut-before.BytesOut))
	return nil
}

// inApplication makes a set in the emulator only: a plain folder of a million files
// takes more disk than all else.
func (b *bench) inApplication(n int) (*set, error) {
	s, err := b.empty(fmt.Sprintf("entries-%d", n))
	if err != nil {
		return nil, err
	}
	content := make([]byte, 1000)
	for i := range n {
		b.emu.PutFile(s.app, "public", fmt.Sprintf("/d%05d/f%03d.txt", i/100, i%100), content)
		tellApart(n - i)
	}
	return s, nil
}

const mib = 1 << 20

// growReaders reads files side by side, with ever more processes.
func growReaders(ctx context.Context, b *bench) error {
	const most, size = 64, 16 * mib
	if err := b.room(3 * most * size); err != nil {
		return err
	}
	s, err := b.set("readers", func(dir string) error {
		for i := range most {
			if err := randomFile(filepath.Join(dir, fmt.Sprintf("r%02d", i)), size, byte(i)); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	defer func() { _ = b.drop(s) }()
	for _, program := range []string{losantfs, rclone} {
		if b.tools[program] == "" {
			continue
		}
		for n := 1; n <= most; n *= 2 {
			d, away, err := b.fresh(ctx, program, s, mountOptions{uid: os.Geteuid()})
			if err != nil {
				return err
			}
			took, err := d.sh(ctx, fmt.Sprintf(`ls > /dev/null; for i in $(seq -f r%%02g 0 %d); do cat $i > /dev/null & done; wait`, n-1))
			away()
			if err != nil {
				return err
			}
			b.plot("readers", program, float64(n), speed(int64(n)*size, took))
		}
	}
	return nil
}

// growSizes reads and writes ever larger files.
func growSizes(ctx context.Context, b *bench) error {
	for _, size := range []int64{mib, 16 * mib, 256 * mib, gib, 5 * gib} {
		if err := b.growSize(ctx, size); err != nil {
			return fmt.Errorf("%d MiB: %w", size/mib, err)
		}
	}
	return nil
}

func (b *bench) growSize(ctx context.Context, size int64) error {
	if err := b.room(uint64(5 * size)); err != nil {
		return err
	}
	s, err := b.big(size)
	if err != nil {
		return err
	}
	defer func() { _ = b.drop(s) }()
	x := float64(size / mib)
	d, away, err := b.fresh(ctx, losantfs, s, mountOptions{uid: os.Geteuid()})
	if err != nil {
		return err
	}
	took, err := d.sh(ctx, readScript)
	away()
	if err != nil {
		return err
	}
	b.plot("sizes-read", losantfs, x, speed(size, took))

	it, _ := b.emu.Find(s.app, "public", "/"+bigName)
	if b.tools[curl] != "" {
		_, took, err := run(ctx, os.Geteuid(), "/", b.tools[curl], "-sSf", "-o", "/dev/null", it.URL)
		if err != nil {
			return err
		}
		b.plot("sizes-read", curl, x, speed(size, took))
		took, err = b.post(ctx, filepath.Join(s.dir, bigName))
		if err != nil {
			return err
		}
		b.plot("sizes-write", curl, x, speed(size, took))
	}
	to, d, away, err := b.target(ctx, losantfs)
	if err != nil {
		return err
	}
	defer away()
	began := time.Now()
	if _, err := d.sh(ctx, writeScript(filepath.Join(s.dir, bigName))); err != nil {
		return err
	}
	arrived, err := wait(ctx, 10*time.Millisecond, func() (bool, error) {
		return b.holds(losantfs, to, map[string]string{"/" + bigName: it.S3ETag})
	})
	if err == nil {
		b.plot("sizes-write", losantfs, x, speed(size, arrived.Sub(began)))
	}
	return err
}

// writeGrowth writes the figures that grow as tables.
func (r *results) writeGrowth(w io.Writer) {
	for _, g := range growthTable {
		if c := r.Growth[g.id]; c != nil {
			c.write(w, g)
		}
	}
}

func (c *curve) write(w io.Writer, g growing) {
	fmt.Fprintf(w, "| %s |", g.x)
	var of []string
	for _, p := range programs {
		if len(c.Of[p]) > 0 {
			of = append(of, p)
			fmt.Fprintf(w, " %s |", p)
		}
	}
	fmt.Fprint(w, "\n|---|")
	for range of {
		fmt.Fprint(w, "---|")
	}
	fmt.Fprintln(w)
	for i, p := range c.Of[of[0]] {
		fmt.Fprintf(w, "| %s |", number(p.X))
		for _, program := range of {
			cell := ""
			if i < len(c.Of[program]) {
				cell = quantity(c.Of[program][i].Y, g.y)
			}
			fmt.Fprintf(w, " %s |", cell)
		}
		fmt.Fprintln(w)
	}
	fmt.Fprintln(w)
}

// documentGrowth writes the chapter on growth with its charts.
func (r *results) documentGrowth(w io.Writer) error {
	if len(r.Growth) == 0 {
		return nil
	}
	fmt.Fprint(w, "\n## How cost grows\n\nOne run each; folders of 100 files; a look for changes is what `--poll-interval` is about.\n")
	for _, g := range growthTable {
		c := r.Growth[g.id]
		if c == nil {
			continue
		}
		fmt.Fprintf(w, "\n### %s\n\n", g.title)
		if err := r.picture(w, "benchmarks-growth-"+g.id, g.title, lines{title: g.title, xUnit: g.x, yUnit: g.y, of: c.Of}.draw()); err != nil {
			return err
		}
		c.write(w, g)
	}
	return nil
}
