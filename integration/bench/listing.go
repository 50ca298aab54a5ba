package main

import (
	"context"
	"os"
	"time"
)

// cold empties the kernel's caches before a local program lists, where that is allowed.
// A drive that was just mounted has nothing in them.
func (b *bench) cold(ctx context.Context, program string, rows ...string) error {
	if program != native && program != loopback {
		return nil
	}
	if os.Geteuid() != 0 {
		for _, id := range rows {
			b.row(id).note("native and loopback have what the kernel had in its caches: only root can drop them")
		}
		return nil
	}
	return b.dropCaches(ctx)
}

// measureFind times find on a new drive and on one that knows what it knew.
func measureFind(ctx context.Context, b *bench, program string) error {
	s, err := b.tree(treeDirs)
	if err != nil {
		return err
	}
	home, err := b.home(os.Geteuid())
	if err != nil {
		return err
	}
	defer os.RemoveAll(home)
	for _, again := range []bool{false, true} {
		if err := b.cold(ctx, program, "find", "mount-find", "remount-find"); err != nil {
			return err
		}
		before, began := b.requests(program), time.Now()
		d, err := b.mount(ctx, program, s, mountOptions{home: home, uid: os.Geteuid()})
		if err != nil {
			return err
		}
		took, err := d.sh(ctx, findScript)
		all, calls := time.Since(began), b.requests(program)-before
		b.unmount(d)
		if err != nil {
			return err
		}
		id := "find"
		if again {
			id = "remount-find"
		}
		b.add(id, program, took.Seconds())
		b.calls(id, program, calls)
		if !again {
			b.add("mount-find", program, all.Seconds())
			b.calls("mount-find", program, calls)
		}
	}
	return nil
}

// measureList times ls -lR on a new drive, once more, and stat.
func measureList(ctx context.Context, b *bench, program string) error {
	s, err := b.tree(treeDirs)
	if err != nil {
		return err
	}
	if err := b.cold(ctx, program, "ls-cold"); err != nil {
		return err
	}
	before := b.requests(program)
	d, away, err := b.fresh(ctx, program, s, mountOptions{uid: os.Geteuid()})
	if err != nil {
		return err
	}
	defer away()
	for _, id := range []string{"ls-cold", "ls-warm"} {
		took, err := d.sh(ctx, listScript)
		if err != nil {
			return err
		}
		b.add(id, program, took.Seconds())
		b.calls(id, program, b.requests(program)-before)
		time.Sleep(1500 * time.Millisecond) // FUSE attributes are commonly believed for a second
		before = b.requests(program)
	}
	if program == losantfs || program == rclone {
		rss, _, err := memory(d.cmd.Process.Pid)
		if err != nil {
			return err
		}
		b.add("memory-10k", program, rss)
	}
	out, _, err := run(ctx, d.uid, "/", b.self, workCommand, "stat", d.dir)
	if err != nil {
		return err
	}
	rate, err := numbers(out)
	if err != nil {
		return err
	}
	b.add("stat", program, rate[0])
	return nil
}

// measureMemory lists 100,000 files.
func measureMemory(ctx context.Context, b *bench, program string) error {
	s, err := b.tree(1000)
	if err != nil {
		return err
	}
	defer func() { _ = b.drop(s) }()
	d, away, err := b.fresh(ctx, program, s, mountOptions{uid: os.Geteuid()})
	if err != nil {
		return err
	}
	defer away()
	if _, err := d.sh(ctx, listScript); err != nil {
		return err
	}
	time.Sleep(time.Second)
	rss, peak, err := memory(d.cmd.Process.Pid)
	if err != nil {
		return err
	}
	b.add("memory-100k", program, rss)
	b.add("memory-100k-peak", program, peak)
	return nil
}
