//go:build programs

package integration

import (
	"strings"
	"testing"
)

// TestHeavyDbench runs the calls of a file server's clients, as recorded by dbench.
// It ends with the first call that fails.
func TestHeavyDbench(t *testing.T) {
	wantPrograms(t, "dbench")
	d := dancing(t, nil)
	out := d.sh("dbench -t 5 -c /usr/share/dbench/client.txt -D . 3 2>&1")
	if !strings.Contains(out, "Throughput") || strings.Contains(out, "failed") || strings.Contains(out, "ERROR") {
		t.Errorf("dbench:\n%s", out)
	}
	left := tree(t, d.mnt) // dbench leaves its folders
	if _, ok := left["/clients/client2"]; !ok {
		t.Errorf("dbench left %q", left)
	}
	d.flush()
	d.wantSame(left)
}

// TestHeavyPostmark makes, appends to, reads and removes many small files.
func TestHeavyPostmark(t *testing.T) {
	wantPrograms(t, "postmark")
	d := dancing(t, nil)
	d.put("script", "set location .\nset number 200\nset subdirectories 5\nset transactions 500\nset size 10 20000\nset seed 7\nrun\nquit\n")
	out := d.sh(`postmark "$HOME/script" 2>&1`)
	if !strings.Contains(out, "seconds of transactions") || strings.Contains(out, "Error") {
		t.Errorf("postmark:\n%s", out)
	}
	d.flush()
	d.wantSame(map[string]string{})
}

// TestHeavyFio writes in random order through each way there is, with a checksum in
// each block, and has fio verify them: at once, and in a fresh mount that has nothing
// but what arrived at the service.
func TestHeavyFio(t *testing.T) {
	wantPrograms(t, "fio")
	for engine, sizes := range map[string]string{"psync": "1k-96k --bs_unaligned=1", "libaio": "1k-96k --bs_unaligned=1", "mmap": "4k-96k"} {
		t.Run(engine, func(t *testing.T) {
			d := dancing(t, nil)
			fio := "fio --name=job --directory=. --filename_format='f.$jobnum' --numjobs=2 --size=6M --bsrange=" + sizes +
				" --randseed=7 --fsync=50 --ioengine=" + engine + " --rw=randwrite --verify=crc32c --verify_fatal=1 --verify_state_save=0"
			d.sh(fio) // writes, then reads and verifies
			sums := d.sh("md5sum f.*")
			d.flush()

			fresh := newDrive(t, d.emu, d.uid)
			fresh.mount("--space", "public")
			fresh.sh(fio + " --verify_only=1")
			if got := fresh.sh("md5sum f.*"); got != sums {
				t.Errorf("the service has\n%swritten was\n%s", got, sums)
			}
			// fio would notice a wrong byte.
			fresh.sh("printf X | dd of=f.1 bs=1 seek=100000 conv=notrunc status=none")
			if out, err := fresh.shell(fio + " --verify_only=1"); err == nil {
				t.Errorf("fio verifies what is wrong:\n%s", out)
			}
		})
	}
}
