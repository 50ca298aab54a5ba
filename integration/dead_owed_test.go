package integration

import (
	"os/exec"
	"strings"
	"testing"
)

// Of a drive that was killed nobody sends anything until it is mounted again, which
// flush and unmount do not pass over.
func TestOwedOfADeadDrive(t *testing.T) {
	t.Parallel()
	d := writable(t, filled(map[string]string{"/f": "f"}))
	d.set("down", "true")
	d.sh("echo -n changed > f; echo -n new > new")
	d.kill()
	ends := func(args ...string) {
		t.Helper()
		_, errs, err := d.run(args...)
		e, ok := err.(*exec.ExitError)
		if !ok || e.ExitCode() != 3 || !strings.Contains(errs, "2 changes of mounts that have ended stay owed") || !strings.Contains(errs, d.mnt) {
			t.Errorf("%v: %v, %s", args, err, errs)
		}
	}
	ends("flush")
	ends("flush") // also after the first
	ends("unmount", d.mnt)
	if d.isMounted() {
		t.Error("it is still mounted")
	}
	if _, errs, err := d.run("flush"); err != nil {
		t.Errorf("without a dead drive: %v, %s", err, errs)
	}
	d.set("down", "false")
	d.mount("--space", "public")
	d.flush()
	if got, _ := d.emu.Content(d.app, "public", "/new"); string(got) != "new" {
		t.Errorf("the service has %q", got)
	}
}
