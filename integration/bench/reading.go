package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"time"
)

const gib = 1 << 30

// speed is what was moved in a time, in MB/s.
func speed(bytes int64, took time.Duration) float64 { return float64(bytes) / 1e6 / took.Seconds() }

// measureRead reads 1 GiB that no program has seen before.
func measureRead(ctx context.Context, b *bench, program string) error {
	if err := b.room(5 * gib); err != nil {
		return err
	}
	s, err := b.big(gib)
	if err != nil {
		return err
	}
	if program == curl {
		it, _ := b.emu.Find(s.app, "public", "/"+bigName)
		_, took, err := run(ctx, os.Geteuid(), "/", b.tools[curl], "-sSf", "-o", "/dev/null", it.URL)
		if err == nil {
			b.add("read", program, speed(gib, took))
		}
		return err
	}
	d, away, err := b.fresh(ctx, program, s, mountOptions{uid: os.Geteuid()})
	if err != nil {
		return err
	}
	defer away()
	if _, err := d.sh(ctx, findScript); err != nil { // what is there is known; its content is not
		return err
	}
	before := b.requests(program)
	took, err := d.sh(ctx, readScript)
	if err != nil {
		return err
	}
	b.add("read", program, speed(gib, took))
	b.calls("read", program, b.requests(program)-before)
	_, peak, err := memory(d.cmd.Process.Pid)
	b.add("memory-read", program, peak)
	return err
}

// measureWarm reads 1 GiB that is on this machine, from the disk and then from the
// kernel's cache, as each kind of user.
func measureWarm(ctx context.Context, b *bench, program string) error {
	if err := b.room(5 * gib); err != nil {
		return err
	}
	s, err := b.big(gib)
	if err != nil {
		return err
	}
	if os.Geteuid() != 0 {
		b.row("page-user").note("from the disk and as root it was not measured: only root can drop the kernel's cache")
		return b.warmAs(ctx, program, s, "user", mountOptions{uid: os.Geteuid()})
	}
	root := mountOptions{}
	if program == losantfs {
		root.args = []string{"--read-only"}
	}
	if err := b.warmAs(ctx, program, s, "root", root); err != nil {
		return err
	}
	return b.warmAs(ctx, program, s, "user", mountOptions{uid: ordinary})
}

func (b *bench) warmAs(ctx context.Context, program string, s *set, user string, o mountOptions) (err error) {
	if o.home, err = b.home(o.uid); err != nil {
		return err
	}
	defer os.RemoveAll(o.home)
	if program == losantfs || program == rclone {
		d, err := b.mount(ctx, program, s, o) // brings the file to the disk
		if err != nil {
			return err
		}
		_, err = d.sh(ctx, readScript)
		if program == rclone {
			time.Sleep(6 * time.Second) // unmounted earlier, it forgets what it has fetched
		}
		b.unmount(d)
		if err != nil {
			return err
		}
	}
	d, err := b.mount(ctx, program, s, o)
	if err != nil {
		return err
	}
	defer b.unmount(d)
	if _, err := d.sh(ctx, "ls -l > /dev/null"); err != nil {
		return err
	}
	if os.Geteuid() == 0 {
		before := b.fetched(program)
		if err := b.dropCaches(ctx); err != nil {
			return err
		}
		took, err := d.sh(ctx, readScript)
		if err != nil {
			return err
		}
		b.add("disk-"+user, program, speed(gib, took))
		if again := b.fetched(program) - before; again > gib/2 {
			b.row("disk-" + user).note(program + " fetched the file again")
		}
	} else if _, err := d.sh(ctx, readScript); err != nil {
		return err
	}
	took, err := d.sh(ctx, readScript)
	if err != nil {
		return err
	}
	b.add("page-"+user, program, speed(gib, took))
	return nil
}

const randomReads = 200

// measureRandom reads at random places of a file that no program has seen before.
func measureRandom(ctx context.Context, b *bench, program string) error {
	s, err := b.big(gib)
	if err != nil {
		return err
	}
	d, away, err := b.fresh(ctx, program, s, mountOptions{uid: os.Geteuid()})
	if err != nil {
		return err
	}
	defer away()
	if _, err := d.sh(ctx, findScript); err != nil {
		return err
	}
	before, bytes := b.requests(program), b.fetched(program)
	out, _, err := run(ctx, d.uid, "/", b.self, workCommand, "random", filepath.Join(d.dir, bigName), fmt.Sprint(randomReads))
	if err != nil {
		return err
	}
	ms, err := numbers(out)
	if err != nil {
		return err
	}
	b.add("random", program, ms.percentile(50)/1000/(2*oneWay).Seconds())
	b.calls("random", program, b.requests(program)-before)
	b.add("amplification", program, (b.fetched(program)-bytes)/(randomReads*randomBytes))
	return nil
}

// measureSmall reads small files that no program has seen before.
func measureSmall(ctx context.Context, b *bench, program string) error {
	s, err := b.small()
	if err != nil {
		return err
	}
	d, away, err := b.fresh(ctx, program, s, mountOptions{uid: os.Geteuid()})
	if err != nil {
		return err
	}
	defer away()
	if _, err := d.sh(ctx, findScript); err != nil {
		return err
	}
	before := b.requests(program)
	took, err := d.sh(ctx, grepScript)
	if err != nil {
		return err
	}
	b.add("small", program, took.Seconds())
	b.calls("small", program, b.requests(program)-before)
	return nil
}
