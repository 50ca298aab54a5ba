package integration

import (
	"fmt"
	"os"
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
				plain += timed(func() {
					if out, err := exec.Command("sh", "-c", "cd "+d.home+"/plain && "+c.script).CombinedOutput(); err != nil {
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

// benchDrive mounts 2,000 small files in 20 folders, which are also in a plain
// folder beside the mount.
func benchDrive(b *testing.B) *drive {
	b.Helper()
	d := newDrive(b, newEmulator(b), os.Geteuid())
	data := []byte(strings.Repeat("x", 1000))
	for i := range 20 {
		dir := fmt.Sprintf("/d%02d", i)
		if err := os.MkdirAll(d.home+"/plain"+dir, 0o755); err != nil {
			b.Fatal(err)
		}
		for j := range 100 {
			name := fmt.Sprintf("%s/f%03d", dir, j)
			d.emu.PutFile(d.app, "public", name, data)
			if err := os.WriteFile(d.home+"/plain"+name, data, 0o644); err != nil {
				b.Fatal(err)
			}
		}
	}
	if err := d.emu.Set("latency", "50ms"); err != nil {
		b.Fatal(err)
	}
	d.mount("--space", "public")
	return d
}
