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
// new mount: what is cold is timed and counted with the mount itself. The ratio is to
// the same on a plain folder in the same run.
func BenchmarkDrive(b *testing.B) {
	for _, c := range []struct {
		name, script string
		warm, again  bool
	}{
		{"find-cold", "find . > /dev/null", false, false},
		{"find-again", "find . > /dev/null", false, true},
		{"find-warm", "find . > /dev/null", true, false},
		{"ls-lR-cold", "ls -lR > /dev/null", false, false},
		{"ls-lR-warm", "ls -lR > /dev/null", true, false},
		{"cat-cold", "cat d00/* > /dev/null", false, false},
		{"cat-warm", "cat d00/* > /dev/null", true, false},
	} {
		b.Run(c.name, func(b *testing.B) {
			var took, plain time.Duration
			var calls int64
			for range b.N {
				d := benchDrive(b)
				if c.warm || c.again {
					d.mount("--space", "public")
					d.sh(c.script)
				}
				if c.again {
					d.stop()
				}
				d.emu.ResetCounts()
				took += timed(func() {
					if !c.warm {
						d.mount("--space", "public")
					}
					d.sh(c.script)
				})
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

// benchDrive is a drive, not mounted so far, of 10,000 small files in 100 folders,
// which are also in a plain folder beside it.
func benchDrive(b *testing.B) *drive {
	b.Helper()
	d := newDrive(b, newEmulator(b), os.Geteuid())
	data := []byte(strings.Repeat("x", 1000))
	for i := range 100 {
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
	return d
}
