package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"time"
)

// The programs that are compared.
const (
	losantfs = "losantfs"
	rclone   = "rclone"
	loopback = "loopback" // go-fuse's example: a FUSE file system over a local folder
	native   = "native"   // the local folder itself
	curl     = "curl"
)

// drive is a folder in which a program shows a set of files.
type drive struct {
	program string
	dir     string
	uid     int

	cmd    *exec.Cmd // nil for the native disk
	exited chan error
	output *syncBuffer
}

// mountOptions say how to mount.
type mountOptions struct {
	home string   // of a user: caches and state; a drive that knows a home is not cold
	uid  int      // who mounts and uses it
	args []string // more of them, for losantfs
}

// mount mounts a set with a program and returns once it can be used.
func (b *bench) mount(ctx context.Context, program string, s *set, o mountOptions) (*drive, error) {
	d := &drive{program: program, uid: o.uid, output: &syncBuffer{}}
	if program == native {
		d.dir = s.dir
		return d, nil
	}
	d.dir = filepath.Join(o.home, "mnt")
	if err := os.MkdirAll(d.dir, 0o755); err != nil {
		return nil, err
	}
	if err := os.Chown(d.dir, o.uid, o.uid); err != nil {
		return nil, err
	}
	var argv, env []string
	switch program {
	case losantfs:
		argv = append([]string{b.losantfs, "mount", "--space", "public", s.app, d.dir}, o.args...)
		env = []string{"LOSANT_API_URL=" + b.emu.URL(), "LOSANT_API_TOKEN=" + b.emu.Token()}
	case rclone:
		s3, err := b.s3(ctx)
		if err != nil {
			return nil, err
		}
		argv = []string{b.tools[rclone], "mount", ":s3:" + s.name, d.dir, "--s3-provider", "Rclone", "--s3-endpoint", "http://" + s3.addr(),
			"--s3-access-key-id", s3Key, "--s3-secret-access-key", s3Secret, "--cache-dir", filepath.Join(o.home, "cache"), "--config", ""}
		argv = append(argv, strings.Fields(rcloneFlags)...)
	case loopback:
		argv = []string{b.tools[loopback], "-q", d.dir, s.dir}
	}
	env = append(env, "HOME="+o.home, "XDG_STATE_HOME=", "XDG_CACHE_HOME=", "XDG_CONFIG_HOME=")
	d.cmd = command(context.WithoutCancel(ctx), o.uid, "/", env, argv...)
	d.cmd.Stdout, d.cmd.Stderr = d.output, d.output
	if err := d.cmd.Start(); err != nil {
		return nil, err
	}
	d.exited = make(chan error, 1)
	go func() { d.exited <- d.cmd.Wait() }()
	b.drives[d] = struct{}{}
	if _, err := wait(ctx, time.Millisecond, func() (bool, error) { return d.ready() }); err != nil {
		b.unmount(d)
		return nil, err
	}
	return d, nil
}

// ready reports whether the drive can be used: losantfs says so, the others appear in
// the mount table.
func (d *drive) ready() (bool, error) {
	select {
	case err := <-d.exited:
		d.exited <- err
		return false, fmt.Errorf("%s ended: %w: %s", d.program, err, tail(d.output.String()))
	default:
	}
	if d.program == losantfs {
		return strings.Contains(d.output.String(), "losantfs: mounted "), nil
	}
	return isMounted(d.dir)
}

func isMounted(dir string) (bool, error) {
	table, err := os.ReadFile("/proc/self/mountinfo")
	return bytes.Contains(table, []byte(" "+dir+" ")), err
}

// unmount ends a drive and makes sure that nothing of it is left but its home.
func (b *bench) unmount(d *drive) {
	if d == nil || d.cmd == nil {
		return
	}
	if _, live := b.drives[d]; !live {
		return
	}
	delete(b.drives, d)
	if d.program == rclone { // it goes on uploading after SIGTERM, but unmounts lazily
		_ = exec.Command("fusermount3", "-u", d.dir).Run()
	}
	if err := end(d.cmd, d.exited); err != nil {
		b.say("%v", err)
	}
	if still, _ := isMounted(d.dir); still {
		if err := exec.Command("umount", "-l", d.dir).Run(); err != nil {
			_ = exec.Command("fusermount3", "-u", "-z", d.dir).Run()
		}
	}
}

// sh times a shell script in the drive.
func (d *drive) sh(ctx context.Context, script string) (time.Duration, error) {
	_, took, err := run(ctx, d.uid, d.dir, "sh", "-c", script)
	if err != nil && d.output != nil {
		err = fmt.Errorf("%w; %s: %s", err, d.program, tail(d.output.String()))
	}
	return took, err
}

// syncBuffer collects the output of a process.
type syncBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *syncBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *syncBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}
