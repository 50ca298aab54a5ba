package integration

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

func (d *drive) mode(path string) os.FileMode {
	d.t.Helper()
	info, err := os.Stat(path)
	if err != nil {
		d.t.Fatal(err)
	}
	return info.Mode().Perm()
}

func TestDoctorOfTokens(t *testing.T) {
	emu := newEmulator(t)
	sample(emu)
	d := newDrive(t, emu, os.Geteuid())
	d.env = []string{"LOSANT_API_TOKEN="}
	file := filepath.Join(d.home, "token")
	d.doctor(t).want("problem", "token", "losantfs login")

	d.put("token", emu.Token())
	if err := os.Chmod(file, 0o644); err != nil {
		t.Fatal(err)
	}
	f := d.doctor(t, "--token-file", file, "--repair")
	f.want("problem", "token", "chmod 600 "+file)
	f.want("ok", "token", "the one from "+file)
	if got := d.mode(file); got != 0o644 {
		t.Errorf("a file of the user has mode %o now", got)
	}

	d.login(emu.Token())
	if err := os.Chmod(d.ownCredentials(), 0o640); err != nil {
		t.Fatal(err)
	}
	d.doctor(t).want("problem", "token", "mode 640")
	if got := d.mode(d.ownCredentials()); got != 0o640 {
		t.Errorf("without --repair it has mode %o", got)
	}
	d.doctor(t, "--repair").wantRepaired("token", "mode 640")
	if f := d.doctor(t); !f.OK || d.mode(d.ownCredentials()) != 0o600 {
		t.Errorf("after the repair: %+v", f)
	}

	soon := emu.NewToken(time.Hour)
	d.login(soon)
	d.doctor(t).want("warning", "token", "it expires on")
	d.put(".config/losantfs/credentials.yml", `"`+emu.URL()+`":`+"\n  apiToken: "+emu.NewToken(time.Nanosecond)+"\n")
	time.Sleep(time.Second) // the claim is in whole seconds
	f = d.doctor(t)
	f.want("problem", "token", "it expired on")
	f.want("problem", "token", "the service refuses it")
	d.login(soon)
	emu.Revoke(soon)
	d.doctor(t).want("problem", "token", "losantfs login --api-url "+emu.URL())
	d.put(".config/losantfs/credentials.yml", "*SECRET: [")
	if c := d.doctor(t).want("problem", "token", "not a credentials file"); strings.Contains(c.Text, "SECRET") {
		t.Error(c.Text)
	}
}

func TestDoctorOfTheCache(t *testing.T) {
	d := mounted(t, filled(map[string]string{"/a": strings.Repeat("a", 200_000), "/b": "bbb"}), "--space", "public")
	d.sh("cat a b > /dev/null")
	damage := func() {
		t.Helper()
		files, _ := filepath.Glob(filepath.Join(d.home, ".cache/losantfs/content/*/*.data"))
		if len(files) != 2 {
			t.Fatalf("%q are cached", files)
		}
		for _, path := range files {
			if err := os.WriteFile(path, append([]byte("X"), read(t, path)[1:]...), 0o600); err != nil {
				t.Fatal(err)
			}
		}
	}
	check := func() {
		t.Helper()
		f := d.doctor(t)
		f.want("warning", "cache", "2 blocks of 2 files")
		if !f.OK {
			t.Error("what is only cached is no problem")
		}
		d.doctor(t).want("warning", "cache", "2 blocks")
		d.doctor(t, "--repair").wantRepaired("cache", "2 blocks")
		d.doctor(t).want("ok", "cache", "2 files (134 kB) are right")
	}
	d.stop()
	damage()
	check()
	d.mount("--space", "public")
	if got := d.sh("cat a b | md5sum; head -c 1 a"); !strings.HasSuffix(got, "a") {
		t.Errorf("%q", got)
	}
	d.doctor(t).want("ok", "cache", "2 files (200 kB) are right")
	damage()
	check() // beside the mount
	d.stop()
	index, _ := filepath.Glob(filepath.Join(d.home, ".cache/losantfs/content/*/*.index"))
	if err := os.WriteFile(index[0], []byte("nonsense"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Chtimes(index[0], time.Time{}, time.Now().Add(-time.Hour)); err != nil {
		t.Fatal(err)
	}
	d.doctor(t, "--repair").wantRepaired("cache", "1 index")
	d.mount("--space", "public")
	if got := d.sh("head -c 1 a; head -c 1 b"); got != "ab" {
		t.Errorf("%q", got)
	}
}

func read(t *testing.T, path string) []byte {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// TestDoctorOfWhatIsOwed damages what a killed mount left. The doctor names it all,
// and changes nothing of it.
func TestDoctorOfWhatIsOwed(t *testing.T) {
	d := writable(t, filled(map[string]string{"/old": "old", "/gone": "x", "/there": "dir", "/there/deep": "dir"}), "--settle", "10ms")
	d.sh("ls")
	d.set("error-ops", strings.Join(writing, ","))
	d.set("error-rate", "1")
	d.sh("echo -n new > old; echo -n one > one; echo -n two > two; rm gone; echo -n in > there/deep/in; mkdir dir; echo -n x > dir/.x.swp")
	owed := filepath.Join(d.home, ".local/state/losantfs/owed")
	d.doctor(t, "--repair").want("ok", "mounts", "6 changes")
	d.kill()
	d.unmountLeftover()
	journals, _ := filepath.Glob(filepath.Join(owed, "*/public-0/journal"))
	if len(journals) != 1 {
		t.Fatal(journals)
	}
	journal := journals[0]
	d.doctor(t).want("warning", "owed", "6 changes to public files of Demo application are owed")
	d.set("down", "true")
	d.doctor(t).want("warning", "owed", "whose name is not known without the service")
	d.set("down", "false")
	whole := read(t, journal)
	if err := os.WriteFile(journal, append(whole, "0123"...), 0o600); err != nil {
		t.Fatal(err)
	}
	before := tree(t, owed)
	f := d.doctor(t, "--repair")
	f.want("warning", "owed", "6 changes")
	f.want("ok", "owed", "was not finished")
	drafts := filepath.Join(filepath.Dir(journal), "drafts")
	if err := os.Rename(drafts, drafts+"-away"); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"old", "one", "two", "in"} {
		d.doctor(t).want("problem", "owed", "the content of "+name)
	}
	if err := os.Rename(drafts+"-away", drafts); err != nil {
		t.Fatal(err)
	}
	if diff := differences(tree(t, owed), before); diff != "" {
		t.Errorf("the doctor changed:\n%s", diff)
	}
	// A mount goes on from there.
	d.set("error-rate", "0")
	d.mount("--space", "public", "--settle", "10ms")
	d.settled(20 * time.Second)
	want := map[string]string{"/old": "new", "/one": "one", "/two": "two", "/dir": "dir", "/there": "dir", "/there/deep": "dir", "/there/deep/in": "in"}
	if diff := differences(d.service(), want); diff != "" {
		t.Errorf("the service differs:\n%s", diff)
	}
	d.doctor(t).want("ok", "mounts", "owed: nothing")
	d.stop()

	damaged := append([]byte("ffffffff"), read(t, journal)[8:]...)
	if err := os.WriteFile(journal, damaged, 0o600); err != nil {
		t.Fatal(err)
	}
	f = d.doctor(t, "--repair")
	f.want("problem", "owed", "1 line of "+journal)
	if c, ok := f.find("", "owed", "left no changes"); ok {
		t.Errorf("beside damage: %+v", c)
	}
	if string(read(t, journal)) != string(damaged) {
		t.Error("the doctor changed the journal")
	}
	d.mount("--space", "public")
	d.stop()
	d.doctor(t).want("warning", "owed", "journal.damaged-")
}

func TestDoctorOfDeadMounts(t *testing.T) {
	d := mounted(t, sample)
	sockets := func() []string {
		found, _ := filepath.Glob(filepath.Join(d.home, ".local/state/losantfs/mounts/*.sock"))
		return found
	}
	d.kill()
	if _, errs, err := d.run("status"); err != nil || len(sockets()) != 1 {
		t.Errorf("after status: %v, %s, sockets: %q", err, errs, sockets())
	}
	d.doctor(t).want("problem", "mounts", d.mnt+" is a drive whose process has ended")
	if !d.isMounted() || len(sockets()) != 1 {
		t.Error("it was taken away without --repair")
	}
	d.doctor(t, "--repair").wantRepaired("mounts", d.mnt)
	if d.isMounted() || len(sockets()) != 0 {
		t.Errorf("it was not taken away; sockets: %q", sockets())
	}
	d.doctor(t).want("ok", "mounts", "no process of yours serves a drive")

	// A socket without a mount.
	d.mount()
	d.kill()
	d.unmountLeftover()
	socket := sockets()[0]
	d.doctor(t).want("warning", "mounts", socket)
	d.doctor(t, "--repair").wantRepaired("mounts", socket)
	if len(sockets()) != 0 {
		t.Error("the socket stays")
	}

	// A dead mount that another state folder may know of stays.
	d.mount()
	d.kill()
	if err := os.Remove(sockets()[0]); err != nil {
		t.Fatal(err)
	}
	d.doctor(t, "--repair").want("warning", "mounts", "losantfs unmount "+d.mnt)
	if !d.isMounted() {
		t.Error("it was taken away")
	}
}

// A mount in use is never touched.
func TestDoctorBesideAMount(t *testing.T) {
	t.Parallel()
	d := writable(t, filled(map[string]string{"/f": "f"}))
	d.sh("cat f")
	d.set("down", "true")
	d.sh("echo -n changed > f; echo -n new > new")
	f := d.doctor(t, "--repair", "--api-url", d.emu.URL())
	if c, ok := f.find("", "owed", "changes to"); ok {
		t.Errorf("what a mount in use owes is said to be of an earlier one: %+v", c)
	}
	if _, ok := f.find("", "mounts", d.mnt); !ok || !d.isMounted() {
		t.Error("the mount is not shown, or gone")
	}
	d.set("down", "false")
	if err := d.cmd.Process.Signal(syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	f = d.doctor(t, "--repair")
	if err := d.cmd.Process.Signal(syscall.SIGCONT); err != nil {
		t.Fatal(err)
	}
	f.want("problem", "mounts", "does not answer")
	if !d.isMounted() {
		t.Error("a mount that does not answer was taken away")
	}
	d.flush()
	if diff := differences(d.service(), map[string]string{"/f": "changed", "/new": "new"}); diff != "" {
		t.Errorf("the service differs:\n%s", diff)
	}
}
