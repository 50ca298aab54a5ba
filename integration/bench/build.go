package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// rcloneVersion is the version that is compared.
const rcloneVersion = "v1.76.0"

// build builds the programs, and puts them where every user can run them.
func (b *bench) build(ctx context.Context) error {
	tools, err := filepath.Abs(b.options.tools)
	if err != nil {
		return err
	}
	version, _, err := run(ctx, os.Geteuid(), ".", "git", "describe", "--tags", "--always")
	if err != nil {
		version = "of an unknown version" // not in a clone
	}
	b.version = strings.TrimSpace(version)
	if changed, _, err := run(ctx, os.Geteuid(), ".", "git", "status", "--porcelain", "--", ".", ":!docs"); err != nil || changed != "" {
		b.version += " with changes"
	}
	bin := filepath.Join(b.work, "bin")
	b.losantfs, b.self = filepath.Join(bin, "losantfs"), filepath.Join(bin, "bench")
	if _, _, err := run(ctx, os.Geteuid(), ".", "go", "build", "-trimpath", "-o", b.losantfs, "."); err != nil {
		return err
	}
	self, err := os.Executable()
	if err != nil {
		return err
	}
	if err := copyProgram(self, b.self); err != nil {
		return err
	}
	if _, _, err := run(ctx, os.Geteuid(), ".", "go", "build", "-o", filepath.Join(bin, loopback), "github.com/hanwen/go-fuse/v2/example/loopback"); err != nil {
		return err
	}
	b.tools[losantfs], b.tools[native], b.tools[loopback] = b.losantfs, "/", filepath.Join(bin, loopback)
	if path, err := exec.LookPath(curl); err == nil {
		b.tools[curl] = path
	}
	built := filepath.Join(tools, rcloneVersion, rclone)
	if _, err := os.Stat(built); err != nil {
		b.say("building rclone %s, once: this takes minutes", rcloneVersion)
		cmd := command(ctx, os.Geteuid(), ".", []string{"GOBIN=" + filepath.Dir(built)}, "go", "install", "-trimpath", "github.com/rclone/rclone@"+rcloneVersion)
		if out, err := cmd.CombinedOutput(); err != nil {
			b.say("rclone cannot be built, its column stays empty: %v: %s", err, tail(string(out)))
			return ctx.Err()
		}
	}
	b.tools[rclone] = filepath.Join(bin, rclone)
	return copyProgram(built, b.tools[rclone])
}

func copyProgram(from, to string) error {
	program, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	return os.WriteFile(to, program, 0o755)
}

// free is the room on the disk of the temporary files, in bytes.
func (b *bench) free() (uint64, error) {
	var disk unix.Statfs_t
	err := unix.Statfs(b.work, &disk)
	return disk.Bavail * uint64(disk.Bsize), err
}

// room returns an error where the disk has too little for what comes.
func (b *bench) room(bytes uint64) error {
	free, err := b.free()
	if err == nil && free < bytes {
		err = fmt.Errorf("not measured: %d GiB of disk are needed and %d are free in %s", bytes>>30, free>>30, os.TempDir())
	}
	return err
}

// roundTrip is how long a small request takes on a connection that is open, in ms.
func (b *bench) roundTrip() (float64, error) {
	var took series
	for range 11 {
		began := time.Now()
		answer, err := http.Get(b.emu.URL() + "/applications")
		if err != nil {
			return 0, err
		}
		_, _ = io.Copy(io.Discard, answer.Body)
		_ = answer.Body.Close()
		took = append(took, time.Since(began).Seconds()*1000)
	}
	b.emu.ResetCounts()
	return took.median(), nil
}

// dropCaches empties the kernel's cache of files and names, which only root may, and
// brings back the programs: what is measured is not how they are read from the disk.
func (b *bench) dropCaches(ctx context.Context) error {
	unix.Sync()
	if err := os.WriteFile("/proc/sys/vm/drop_caches", []byte("3"), 0); err != nil {
		return err
	}
	_, _, err := run(ctx, os.Geteuid(), filepath.Join(b.work, "bin"), "sh", "-c",
		"cat * > /dev/null; for p in find ls dd cp grep; do $p --version > /dev/null; done")
	return err
}
