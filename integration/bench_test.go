package integration

import (
	"fmt"
	"os/exec"
	"strings"
	"testing"
	"time"
)

// BenchmarkDrive times what people do, through the kernel, with a service that
// takes 50 ms for each answer, and counts the calls. Each line is one run on a
// new mount; the ratio is to the same on a plain folder in the same run.
func BenchmarkDrive(b *testing.B) {
	for _, c := range []struct {
		name, script string
		warm         bool
	}{
		{"find-cold", "find . > /dev/null", false},
		{"find-warm", "find . > /dev/null", true},
		{"ls-lR-cold", "ls -lR > /dev/null", false},
		{"ls-lR-warm", "ls -lR > /dev/null", true},
		{"cat-cold", "cat d00/* > /dev/null", false},
		{"cat-warm", "cat d00/* > /dev/null", true},
	} {
		b.Run(c.name, func(b *testing.B) {
			var took, plain time.Duration
			var calls int64
			for range b.N {
				d := benchDrive(b)
				if c.warm {
					d.sh(c.script)
				}
				d.emu.ResetCounts()
				took += timed(func() { d.sh(c.script) })
				counts := d.emu.Counts()
				calls += counts.Total() + counts.Calls["content"]
				dir := d.home + "/plain"
				if out, err := exec.Command("cp", "-r", d.mnt, dir).CombinedOutput(); err != nil {
					b.Fatal(err, string(out))
				}
				plain += timed(func() {
					if out, err := exec.Command("sh", "-c", "cd "+dir+" && "+c.script).CombinedOutput(); err != nil {
						b.Fatal(err, string(out))
					}
				})
				d.stop()
			}
			b.ReportMetric(0, "ns/op")
			b.ReportMetric(float64(took.Milliseconds())/float64(b.N), "ms")
			b.ReportMetric(float64(took)/float64(plain), "x-plain")
			b.ReportMetric(float64(calls)/float64(b.N), "calls")
		})
	}
}

func timed(f func()) time.Duration {
	began := time.Now()
	f()
	return time.Since(began)
}

// benchDrive mounts 2,000 small files in 20 folders.
func benchDrive(b *testing.B) *drive {
	b.Helper()
	emu := newEmulator(b)
	for i := range 20 {
		for j := range 100 {
			emu.PutFile(emu.Application(), "public", fmt.Sprintf("/d%02d/f%03d", i, j), []byte(strings.Repeat("x", 1000)))
		}
	}
	if err := emu.Set("latency", "50ms"); err != nil {
		b.Fatal(err)
	}
	d := newDrive(b, emu, 0)
	d.mount("--space", "public")
	return d
}
