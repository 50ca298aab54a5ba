package integration

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

// Changes wait for the service in many places: for the listing of a folder, for the
// part of a file that is not overwritten. A signal that is handled ends none of them.
func TestHandledSignalsDoNotInterruptChanges(t *testing.T) {
	t.Parallel()
	d := dancing(t, filled(map[string]string{"/part": string(content("part", 1<<20)), "/end": string(content("end", 1<<20)), "/cut": string(content("cut", 1<<20)),
		"/old": "old", "/gone": "x", "/goes": "dir", "/dir": "dir", "/mode": "x"}), "--poll-interval", "0")
	d.set("latency", "200ms")
	out, err := d.shell(`perl -MTime::HiRes=ualarm -MFcntl -MIO::Handle -e '
		$SIG{ALRM} = sub { $n++ }; ualarm(20_000, 20_000);
		sub ok { $_[1] or die "$_[0]: $!"; $n or die "$_[0] waits for nothing"; $n = 0; }
		ok("create", sysopen(F, "new", O_WRONLY|O_CREAT|O_EXCL)); close F or die "close: $!";
		ok("mkdir", mkdir("made"));
		ok("unlink", unlink("gone"));
		ok("rmdir", rmdir("goes"));
		ok("rename", rename("old", "dir/older"));
		ok("chmod", chmod(0600, "mode"));
		ok("open", sysopen(F, "part", O_RDWR));
		sysseek F, 100_000, 0; syswrite(F, "PART") == 4 or die "write: $!";
		F->sync or die "fsync: $!"; close F or die "close: $!";
		ok("truncate", truncate("cut", 100_001));
		sysopen(F, "end", O_WRONLY|O_APPEND) or die "append: $!"; syswrite(F, "END") == 3 or die "write: $!"; close F or die "close: $!";
		ualarm(0); print "ok"'`)
	if err != nil || out != "ok" {
		t.Fatalf("%v, %s", err, out)
	}
	d.set("latency", "0s")
	part, cut := content("part", 1<<20), content("cut", 1<<20)
	copy(part[100_000:], "PART")
	d.flush()
	d.wantSame(map[string]string{"/part": string(part), "/end": string(content("end", 1<<20)) + "END", "/cut": string(cut[:100_001]), "/new": "", "/made": "dir",
		"/dir": "dir", "/dir/older": "old", "/mode": "x"})
}

// Ctrl-C ends a program whose change waits for a service that does not answer.
func TestInterruptedChange(t *testing.T) {
	t.Parallel()
	scripts := []string{"mkdir new", "touch new", "mv f g", "rm f", "rmdir dir", "chmod 600 f"}
	fill := map[string]string{}
	for i := range scripts {
		fill[fmt.Sprintf("/%d/f", i)] = "f"
		fill[fmt.Sprintf("/%d/dir", i)] = "dir"
	}
	d := dancing(t, filled(fill), "--poll-interval", "0", "--timeout", "20s")
	d.sh("ls > /dev/null")
	for i, script := range scripts { // in a folder that was not listed so far
		d.set("hang-count", "100")
		start := time.Now()
		out, err := d.shell(fmt.Sprintf("cd %d && timeout -s INT 0.5 %s", i, script))
		if took := time.Since(start); err == nil || took > 5*time.Second {
			t.Errorf("%s ends after %v: %v, %s", script, took, err, out)
		}
		d.set("hang-count", "0")
	}
	if out := d.sh("ls *"); strings.Count(out, "dir\nf\n") != len(scripts) {
		t.Errorf("afterwards there is %q", out)
	}
}
