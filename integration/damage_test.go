package integration

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"losantfs/remote/emulator"
)

// TestDamagedJournal ends a drive that owes changes with kill -9 and damages its
// journal: the next mount sends what is still recorded, removes nothing that was not
// certainly removed, and shows what it set aside until somebody removes that.
func TestDamagedJournal(t *testing.T) {
	d := dancing(t, func(emu *emulator.Server) {
		for _, name := range []string{"kept", "removed", "edited"} {
			emu.PutFile(emu.Application(), "public", "/"+name, []byte("old "+name))
		}
	})
	d.set("down", "true")
	d.sh(`rm removed; printf 'new edited' > edited; printf new > lost; mkdir folder; printf new > folder/in; printf new > last`)
	d.kill()
	journal, damaged := d.damageJournal("lost")
	d.set("down", "false")
	d.mount("--space", "public", "--write", "background")
	want := map[string]string{"/kept": "old kept", "/removed": "old removed", "/edited": "new edited", "/folder": "dir", "/folder/in": "new", "/last": "new"}
	d.flush()
	d.wantService(want)
	d.wantMount(want)
	if log := d.stderr.String(); !strings.Contains(log, "journal of what is owed is damaged") || !strings.Contains(log, "/removed") {
		t.Errorf("the log does not say what happened:\n%s", log)
	}
	d.remount()
	aside := d.setAside()
	if len(aside) != 2 {
		t.Fatalf("set aside are %+v", aside)
	}
	for _, a := range aside {
		data, err := os.ReadFile(a.Path)
		isJournal := strings.HasPrefix(a.Path, journal+".damaged-")
		if err != nil || isJournal && !bytes.Equal(data, damaged) || !isJournal && string(data) != "new" || a.Reason == "" || time.Since(a.Since) > time.Hour {
			t.Errorf("%+v holds %q: %v", a, data, err)
		}
		out, _, err := d.run("status", d.mnt)
		if err != nil || !strings.Contains(out, a.Path+" was set aside") {
			t.Errorf("the status does not tell it: %v\n%s", err, out)
		}
		if err := os.Remove(a.Path); err != nil {
			t.Fatal(err)
		}
	}
	if aside := d.setAside(); len(aside) > 0 {
		t.Errorf("still set aside: %+v", aside)
	}
	d.wantSame(want)
}

// damageJournal flips a bit in each line with a name, and returns where the journal
// is and what it holds now.
func (d *drive) damageJournal(name string) (path string, damaged []byte) {
	d.t.Helper()
	all, err := filepath.Glob(filepath.Join(d.home, ".local/state/losantfs/owed/*/public-0/journal"))
	if err != nil || len(all) != 1 {
		d.t.Fatalf("journals: %v, %v", all, err)
	}
	data, err := os.ReadFile(all[0])
	if err != nil {
		d.t.Fatal(err)
	}
	lines := bytes.SplitAfter(data, []byte("\n"))
	for _, line := range lines {
		if i := bytes.Index(line, []byte(`"`+name+`"`)); i >= 0 {
			line[i+1] ^= 1
		}
	}
	damaged = bytes.Join(lines, nil)
	if err := os.WriteFile(all[0], damaged, 0o600); err != nil {
		d.t.Fatal(err)
	}
	return all[0], damaged
}

type aside struct {
	Path, Reason string
	Since        time.Time
}

func (d *drive) setAside() []aside {
	d.t.Helper()
	out, errs, err := d.run("status", d.mnt, "--json")
	if err != nil {
		d.t.Fatal(err, errs)
	}
	var s struct {
		Mounts []struct {
			SetAside []aside `json:"set_aside"`
		}
	}
	if err := json.Unmarshal([]byte(out), &s); err != nil || len(s.Mounts) != 1 {
		d.t.Fatal(err, out)
	}
	return s.Mounts[0].SetAside
}
