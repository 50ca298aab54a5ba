package integration

import (
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// BenchmarkRead times reads through the kernel, with a service that takes 50 ms for
// each answer: cold as a ratio to curl from the same service, and what is held here
// as a ratio to go-fuse's loopback example over the same bytes. One file of 1 GiB.
func BenchmarkRead(b *testing.B) {
	const size = 1 << 30
	d := benchFile(b, size)
	url := d.url("/large")
	plain := loopback(b, d)
	b.Run("cold", func(b *testing.B) {
		took := d.reads(b, func() {
			d.stop()
			d.must(exec.Command("rm", "-rf", d.home+"/.cache"))
			d.mount("--space", "public")
		}, d.path("large"), os.Geteuid())
		curl := timed(func() { d.must(exec.Command("curl", "-sSo", "/dev/null", url)) })
		b.ReportMetric(size/1e6/took.Seconds(), "MB/s")
		b.ReportMetric(float64(curl)/float64(took), "x-curl")
		b.ReportMetric(d.memory(), "MiB")
	})
	if d.cmd == nil {
		d.mount("--space", "public")
	}
	for _, c := range []struct {
		name string
		drop bool
	}{{"disk", true}, {"pages", false}} {
		b.Run(c.name, func(b *testing.B) {
			prepare := func(path string, uid int) func() {
				return func() {
					d.must(by(uid, "dd", "if="+path, "of=/dev/null", "bs=1M"))
					if c.drop { // what the kernel has cached of it
						d.must(by(uid, "dd", "if="+path, "iflag=nocache", "count=0"))
					}
				}
			}
			took := d.reads(b, prepare(d.path("large"), 0), d.path("large"), 0)
			other := d.reads(b, prepare(plain, ordinary), plain, ordinary)
			b.ReportMetric(size/1e6/took.Seconds(), "MB/s")
			b.ReportMetric(float64(other)/float64(took), "x-loopback")
		})
	}
}

// BenchmarkRandomRead reads 200 times 4 KiB of a file of 1 GiB.
func BenchmarkRandomRead(b *testing.B) {
	const size, reads = 1 << 30, 200
	d := benchFile(b, size)
	d.mount("--space", "public")
	r := rand.New(rand.NewPCG(1, 2))
	var took []time.Duration
	d.emu.ResetCounts()
	for range b.N {
		f, err := os.Open(d.path("large"))
		if err != nil {
			b.Fatal(err)
		}
		buf := make([]byte, 4096)
		for range reads {
			off := r.Int64N(size/4096) * 4096
			took = append(took, timed(func() { _, err = f.ReadAt(buf, off) }))
			if err != nil {
				b.Fatal(err)
			}
		}
		f.Close()
	}
	slices.Sort(took)
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(float64(took[len(took)/2].Microseconds())/1000, "p50-ms")
	b.ReportMetric(float64(d.emu.Counts().ContentBytes)/float64(4096*len(took)), "x-bytes")
}

// BenchmarkParallelReaders reads 256 MiB by so many processes at once, each a part,
// cold.
func BenchmarkParallelReaders(b *testing.B) {
	const size = 256 << 20
	for _, n := range []int64{1, 4, 16, 64} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			d := benchFile(b, size)
			var took time.Duration
			for range b.N {
				d.must(exec.Command("rm", "-rf", d.home+"/.cache"))
				d.mount("--space", "public")
				took += timed(func() {
					var all sync.WaitGroup
					for i := range n {
						all.Go(func() {
							f, err := os.Open(d.path("large"))
							if err == nil {
								defer f.Close()
								_, err = io.Copy(io.Discard, io.NewSectionReader(f, i*size/n, size/n))
							}
							if err != nil {
								b.Error(err)
							}
						})
					}
					all.Wait()
				})
				b.ReportMetric(d.memory(), "MiB")
				d.stop()
			}
			b.ReportMetric(0, "ns/op")
			b.ReportMetric(size*float64(b.N)/1e6/took.Seconds(), "MB/s")
		})
	}
}

// BenchmarkReadSizes reads files of 1 MiB to 5 GiB, cold.
func BenchmarkReadSizes(b *testing.B) {
	for _, size := range []int64{1 << 20, 16 << 20, 256 << 20, 5 << 30} {
		b.Run(fmt.Sprintf("%dMiB", size>>20), func(b *testing.B) {
			d := benchFile(b, size)
			took := d.reads(b, func() {
				d.stop()
				d.must(exec.Command("rm", "-rf", d.home+"/.cache"))
				d.mount("--space", "public")
			}, d.path("large"), os.Geteuid())
			b.ReportMetric(float64(size)/1e6/took.Seconds(), "MB/s")
			b.ReportMetric(float64(took.Milliseconds()), "ms")
			b.ReportMetric(d.memory(), "MiB")
		})
	}
}

// benchFile is a drive, not mounted so far, with one file, and a service that takes
// 50 ms.
func benchFile(b *testing.B, size int64) *drive {
	b.Helper()
	d := newDrive(b, newEmulator(b), os.Geteuid())
	d.emu.PutFile(d.app, "public", "/large", content("large", int(size)))
	d.set("latency", "50ms")
	return d
}

func (d *drive) url(path string) string {
	item, ok := d.emu.Find(d.app, "public", path)
	if !ok {
		d.t.Fatal("no", path)
	}
	return item.URL
}

func (d *drive) must(cmd *exec.Cmd) {
	d.t.Helper()
	if out, err := cmd.Output(); err != nil {
		d.t.Fatalf("%v: %v\n%s", cmd, err, out)
	}
}

// reads returns how long it takes a user to read a file, at best.
func (d *drive) reads(b *testing.B, prepare func(), path string, uid int) time.Duration {
	best := time.Hour
	for range b.N {
		prepare()
		best = min(best, timed(func() { d.must(by(uid, "dd", "if="+path, "of=/dev/null", "bs=1M")) }))
	}
	b.ReportMetric(0, "ns/op")
	return best
}

// by is a command of a user.
func by(uid int, name string, args ...string) *exec.Cmd {
	cmd := exec.Command(name, args...)
	if uid != os.Geteuid() {
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uint32(uid), Gid: uint32(uid)}}
	}
	return cmd
}

// memory returns the most memory the mount has used so far, in MiB.
func (d *drive) memory() float64 {
	data, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", d.cmd.Process.Pid))
	if err != nil {
		d.t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(data), "VmHWM:")
	var kb float64
	_, _ = fmt.Sscan(rest, &kb)
	return kb / 1024
}

// loopback mounts go-fuse's loopback example over a folder with the same file, and
// returns the path of it there.
func loopback(b *testing.B, d *drive) string {
	b.Helper()
	program := filepath.Join(d.home, "loopback")
	build := exec.Command("go", "build", "-o", program, "github.com/hanwen/go-fuse/v2/example/loopback")
	if out, err := build.CombinedOutput(); err != nil {
		b.Fatalf("%v\n%s", err, out)
	}
	from, mnt := filepath.Join(d.home, "plain"), filepath.Join(d.home, "loop")
	for _, dir := range []string{from, mnt} {
		if err := os.Mkdir(dir, 0o755); err != nil {
			b.Fatal(err)
		}
	}
	if err := os.WriteFile(filepath.Join(from, "large"), content("large", 1<<30), 0o600); err != nil {
		b.Fatal(err)
	}
	// As an ordinary user: root would get passthrough.
	d.must(exec.Command("chown", "-R", fmt.Sprint(ordinary), from, mnt))
	d.must(exec.Command("chmod", "755", d.home))
	cmd := exec.Command(program, "-q", mnt, from)
	cmd.SysProcAttr = by(ordinary, "").SysProcAttr
	if err := cmd.Start(); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		_ = exec.Command("umount", mnt).Run()
		_ = cmd.Wait()
	})
	path := filepath.Join(mnt, "large")
	for range 100 {
		if exec.Command("grep", "-q", " "+mnt+" ", "/proc/self/mountinfo").Run() == nil {
			return path
		}
		time.Sleep(50 * time.Millisecond)
	}
	b.Fatal("the loopback example does not come up")
	return ""
}

func timed(f func()) time.Duration {
	began := time.Now()
	f()
	return time.Since(began)
}
