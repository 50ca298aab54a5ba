package integration

import (
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"losantfs/remote/emulator"
)

func sample(emu *emulator.Server) {
	emu.PutFile(emu.Application(), "public", "/f", []byte("public"))
	emu.PutFile(emu.Application(), "private", "/p", []byte("private"))
}

func TestSpaces(t *testing.T) {
	emu := newEmulator(t)
	sample(emu)
	for space, want := range map[string]string{"both": "private\npublic\n", "public": "f\n", "private": "p\n"} {
		d := newDrive(t, emu, os.Geteuid())
		d.mount("--space", space)
		if got := d.sh("ls -A"); got != want {
			t.Errorf("--space %s shows %q, want %q", space, got, want)
		}
	}
}

func TestInstallationWithoutPrivateFiles(t *testing.T) {
	for _, status := range []string{"404", "405"} {
		emu := newEmulator(t)
		sample(emu)
		if err := emu.Set("private-files", status); err != nil {
			t.Fatal(err)
		}
		d := newDrive(t, emu, os.Geteuid())
		d.mount()
		if got := d.sh("ls -A; cat public/f"); got != "public\npublic" {
			t.Errorf("the mount shows %q", got)
		}
		d.stop()
		if n := strings.Count(d.stderr.String(), "private files"); n != 1 {
			t.Errorf("said %d times, want once:\n%s", n, d.stderr.String())
		}
		out, errs, err := d.run("mount", d.app, d.mnt, "--space", "private")
		if err == nil || !strings.Contains(errs, "private files") {
			t.Errorf("--space private: %v, %s%s", err, out, errs)
		}
	}
}

func TestEndsOnSignals(t *testing.T) {
	for _, sig := range []syscall.Signal{syscall.SIGINT, syscall.SIGTERM} {
		d := mounted(t, sample)
		if err := d.cmd.Process.Signal(sig); err != nil {
			t.Fatal(err)
		}
		if err := d.wait(10 * time.Second); err != nil || d.isMounted() {
			t.Errorf("%v: %v, mounted: %v", sig, err, d.isMounted())
		}
	}
}

func TestSignalWhileFilesAreOpen(t *testing.T) {
	d := mounted(t, sample)
	f, err := os.Open(d.path("public/f"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := d.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if err := d.wait(15 * time.Second); err != nil || d.isMounted() {
		t.Errorf("%v, mounted: %v", err, d.isMounted())
	}
	if !strings.Contains(d.stderr.String(), "open") {
		t.Errorf("nothing is said of open files:\n%s", d.stderr.String())
	}
}

func TestUnmountCommand(t *testing.T) {
	d := mounted(t, sample)
	f, err := os.Open(d.path("public/f"))
	if err != nil {
		t.Fatal(err)
	}
	if out, errs, err := d.run("unmount", d.mnt); err == nil || !d.isMounted() || !strings.Contains(errs, "open") && !strings.Contains(errs, "use") {
		t.Errorf("while a file is open: %v, %s%s", err, out, errs)
	}
	f.Close()
	if out, errs, err := d.run("unmount", d.mnt); err != nil || d.isMounted() {
		t.Errorf("unmount: %v, %s%s", err, out, errs)
	}
	if err := d.wait(10 * time.Second); err != nil {
		t.Error(err)
	}
	if _, errs, err := d.run("unmount", d.mnt); err == nil || !strings.Contains(errs, "not") {
		t.Errorf("unmounting what is not mounted: %v, %s", err, errs)
	}
	// Whoever unmounts, the program ends.
	d.mount()
	if out, err := exec.Command("umount", d.mnt).CombinedOutput(); err != nil {
		t.Fatal(err, string(out))
	}
	if err := d.wait(10 * time.Second); err != nil {
		t.Error(err)
	}
}

func TestStaleMountIsRecovered(t *testing.T) {
	d := mounted(t, sample)
	d.kill()
	if _, err := os.Stat(d.mnt); !isErrno(err, syscall.ENOTCONN) {
		t.Fatalf("after kill -9: %v, want ENOTCONN", err)
	}
	d.mount()
	if got := d.sh("cat public/f"); got != "public" {
		t.Errorf("after the next mount: %q", got)
	}
	d.kill()
	if out, errs, err := d.run("unmount", d.mnt); err != nil || d.isMounted() {
		t.Errorf("unmounting a dead mount: %v, %s%s", err, out, errs)
	}
}

func TestDaemon(t *testing.T) {
	emu := newEmulator(t)
	sample(emu)
	d := newDrive(t, emu, os.Geteuid())
	out, errs, err := d.run("mount", d.app, d.mnt, "--daemon")
	if err != nil || !strings.Contains(out, "mounted") {
		t.Fatalf("%v, %s%s", err, out, errs)
	}
	if got := d.sh("cat public/f"); got != "public" {
		t.Errorf("read %q", got)
	}
	if _, errs, err := d.run("mount", d.app, d.mnt, "--daemon"); err == nil || !strings.Contains(errs, "already") {
		t.Errorf("mounting twice: %v, %s", err, errs)
	}
	if out, errs, err := d.run("unmount", d.mnt); err != nil || d.isMounted() {
		t.Errorf("unmount: %v, %s%s", err, out, errs)
	}
	// A failure reaches the one who asked, not only a log.
	if _, errs, err := d.run("mount", "000000000000000000000000", d.mnt, "--daemon"); err == nil || !strings.Contains(errs, "application") {
		t.Errorf("a daemon that cannot start: %v, %s", err, errs)
	}
}

func TestOrdinaryUser(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("needs root to become somebody else; the other tests run as an ordinary user then")
	}
	emu := newEmulator(t)
	sample(emu)
	d := newDrive(t, emu, ordinary)
	d.mount()
	if got := d.sh("id -u; cat public/f; stat -c %u public/f"); got != fmt.Sprintf("%d\npublic%d\n", ordinary, ordinary) {
		t.Errorf("the user sees %q", got)
	}
	if _, err := os.ReadDir(d.mnt); !isErrno(err, syscall.EACCES) {
		t.Errorf("another user, even root, gets %v, want EACCES", err)
	}
	if out, errs, err := d.run("unmount", d.mnt); err != nil || d.isMounted() {
		t.Errorf("unmount: %v, %s%s", err, out, errs)
	}
	if err := d.wait(10 * time.Second); err != nil {
		t.Error(err)
	}
	d.mount()
	d.kill()
	d.mount() // over the stale mount
	d.stop()
}

func TestAllowOther(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("needs root to become somebody else")
	}
	d := mounted(t, sample, "--allow-other")
	if err := os.Chmod(d.home, 0o755); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("cat", d.path("public/f"))
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: ordinary, Gid: ordinary}}
	if out, err := cmd.CombinedOutput(); err != nil || string(out) != "public" {
		t.Errorf("another user reads %q, %v", out, err)
	}
}

func TestFstabWords(t *testing.T) {
	emu := newEmulator(t)
	sample(emu)
	d := newDrive(t, emu, os.Geteuid())
	d.mount("-o", "ro,_netdev,nofail,x-systemd.automount,uid=7,umask=077,space=public")
	if got := d.sh("stat -c '%u %a' f"); got != "7 600\n" {
		t.Errorf("stat gives %q", got)
	}
	d.stop()
	if _, errs, err := d.run("mount", d.app, d.mnt, "-o", "nonsense"); err == nil || !strings.Contains(errs, "nonsense") {
		t.Errorf("an unknown word: %v, %s", err, errs)
	}
}

// The helper of mount(8) for FUSE, and so fstab, can mount it.
func TestMountHelper(t *testing.T) {
	helper, err := exec.LookPath("mount.fuse3")
	if err != nil {
		helper = "/usr/sbin/mount.fuse3"
	}
	emu := newEmulator(t)
	sample(emu)
	d := newDrive(t, emu, os.Geteuid())
	cmd := d.command(helper, "losantfs#"+d.app, d.mnt, "-o", "ro,relatime,_netdev,space=public,umask=077")
	cmd.Env = append(cmd.Env, "PATH="+filepath.Dir(binary)+":"+os.Getenv("PATH"))
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	if got := d.sh("cat f; stat -c %a f"); got != "public600\n" {
		t.Errorf("%q", got)
	}
	if out, errs, err := d.run("unmount", d.mnt); err != nil || d.isMounted() {
		t.Errorf("unmount: %v, %s%s", err, out, errs)
	}
}

func TestMessages(t *testing.T) {
	t.Parallel()
	emu := newEmulator(t)
	sample(emu)
	closed, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	deadURL := "http://" + closed.Addr().String()
	closed.Close()
	page := http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "<html>welcome</html>") })}
	hotel, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	go func() { _ = page.Serve(hotel) }()
	defer page.Close()
	d := newDrive(t, emu, os.Geteuid())
	if err := os.WriteFile(filepath.Join(d.home, "file"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(filepath.Join(d.home, "full", "x"), 0o700); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		env  []string
		args []string
		want []string // in the message
	}{
		"no token":            {[]string{"LOSANT_API_TOKEN="}, []string{d.app, d.mnt}, []string{"token", "LOSANT_API_TOKEN"}},
		"wrong token":         {[]string{"LOSANT_API_TOKEN=nonsense"}, []string{d.app, d.mnt}, []string{"token"}},
		"expired token":       {[]string{"LOSANT_API_TOKEN=" + emu.NewToken(time.Nanosecond)}, []string{d.app, d.mnt}, []string{"token", "expired", "set LOSANT_API_TOKEN to a new token"}},
		"too small token":     {[]string{"LOSANT_API_TOKEN=" + emu.NewToken(0, "all.Organization.read.nothing")}, []string{d.app, d.mnt}, []string{"right"}},
		"unknown application": {nil, []string{"000000000000000000000000", d.mnt}, []string{"000000000000000000000000", d.app}},
		"unknown name":        {nil, []string{"No such app", d.mnt}, []string{"No such app", d.app}},
		"unreachable":         {[]string{"LOSANT_API_URL=" + deadURL}, []string{d.app, d.mnt, "--timeout", "3s"}, []string{deadURL, "reach"}},
		"not the API":         {[]string{"LOSANT_API_URL=http://" + hotel.Addr().String()}, []string{d.app, d.mnt, "--timeout", "3s"}, []string{"not the API"}},
		"plain http":          {[]string{"LOSANT_API_URL=http://api.example.com"}, []string{d.app, d.mnt}, []string{"https"}},
		"no mount point":      {nil, []string{d.app, d.home + "/absent"}, []string{"mkdir -p " + d.home + "/absent"}},
		"a file":              {nil, []string{d.app, d.home + "/file"}, []string{"not a folder"}},
		"not empty":           {nil, []string{d.app, d.home + "/full"}, []string{"not empty"}},
		"arguments swapped":   {nil, []string{d.mnt, d.app}, []string{d.app, "comes after"}},
		"bad space":           {nil, []string{d.app, d.mnt, "--space", "secret"}, []string{"both", "public", "private"}},
		"bad size":            {nil, []string{d.app, d.mnt, "--cache-size", "many"}, []string{"size such as"}},
		"bad umask":           {nil, []string{d.app, d.mnt, "--umask", "9"}, []string{"octal"}},
		"no token file":       {nil, []string{d.app, d.mnt, "--token-file", d.home + "/no-token"}, []string{d.home + "/no-token"}},
		"no arguments":        {nil, nil, []string{"MOUNTPOINT"}},
	} {
		cmd := d.command(binary, append([]string{"mount"}, c.args...)...)
		cmd.Env = append(cmd.Env, c.env...)
		began := time.Now()
		out, err := cmd.CombinedOutput()
		if err == nil || d.isMounted() {
			t.Errorf("%s: it mounts\n%s", name, out)
		}
		for _, want := range c.want {
			if !strings.Contains(strings.ToLower(string(out)), strings.ToLower(want)) {
				t.Errorf("%s: the message lacks %q:\n%s", name, want, out)
			}
		}
		if n := strings.Count(string(out), "\n"); n > 8 {
			t.Errorf("%s: the message has %d lines:\n%s", name, n, out)
		}
		if time.Since(began) > 10*time.Second {
			t.Errorf("%s: it took %v", name, time.Since(began))
		}
		if strings.Contains(string(out), "nonsense") && name == "wrong token" {
			t.Errorf("the message shows the token:\n%s", out)
		}
	}
}

func TestApplicationByNameAndByFolder(t *testing.T) {
	emu := newEmulator(t)
	sample(emu)
	d := newDrive(t, emu, os.Geteuid())
	try := func(what string, args ...string) {
		t.Helper()
		d.start(append([]string{"mount"}, args...)...)
		if _, err := d.stdout.next(20 * time.Second); err != nil {
			t.Fatalf("%s: %v\n%s", what, err, d.stderr.String())
		}
		if got := d.sh("cat public/f"); got != "public" {
			t.Errorf("%s: %q", what, got)
		}
		d.stop()
	}
	try("by name", "Demo application", d.mnt)
	try("the only one", d.mnt)
	emu.NewApplication("Other")
	if _, errs, err := d.run("mount", d.mnt); err == nil || !strings.Contains(errs, "Other") || !strings.Contains(errs, d.app) {
		t.Errorf("which of two: %v, %s", err, errs)
	}
	if err := os.Mkdir(filepath.Join(d.home, ".losant"), 0o700); err != nil {
		t.Fatal(err)
	}
	settings := fmt.Sprintf("applicationId: %s\napplicationName: Demo application\napiUrl: %s\n", d.app, emu.URL())
	if err := os.WriteFile(filepath.Join(d.home, ".losant", ".application.yml"), []byte(settings), 0o600); err != nil {
		t.Fatal(err)
	}
	try("by the folder's settings", d.mnt)
}

func TestCredentialsOfTheVendorsTools(t *testing.T) {
	emu := newEmulator(t)
	sample(emu)
	for _, form := range []string{"%q:\n  apiToken: %s\n", "# %s\napiToken: %s\n"} {
		d := newDrive(t, emu, os.Geteuid())
		if err := os.Mkdir(filepath.Join(d.home, ".losant"), 0o700); err != nil {
			t.Fatal(err)
		}
		file := filepath.Join(d.home, ".losant", ".credentials.yml")
		if err := os.WriteFile(file, fmt.Appendf(nil, form, emu.URL(), emu.Token()), 0o600); err != nil {
			t.Fatal(err)
		}
		cmd := d.command(binary, "mount", d.app, d.mnt, "--daemon")
		cmd.Env = append(cmd.Env, "LOSANT_API_TOKEN=")
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		if got := d.sh("cat public/f"); got != "public" {
			t.Errorf("%q", got)
		}
		if out, errs, err := d.run("unmount", d.mnt); err != nil {
			t.Errorf("%v %s%s", err, out, errs)
		}
	}
}

func TestStatusInfoURL(t *testing.T) {
	d := mounted(t, sample, "--read-only")
	d.sh("cat public/f private/p")
	out, errs, err := d.run("status", "--json")
	if err != nil {
		t.Fatal(err, errs)
	}
	var status struct {
		Mounts []struct {
			Mountpoint, Application, Space string
			APIURL                         string `json:"api_url"`
			Online                         bool
			ReadOnly                       bool `json:"read_only"`
			Owed                           *int
			OwedBytes                      *int64 `json:"owed_bytes"`
			Uploading                      *int
			Failed, Conflicts              []any
			CacheBytes                     int64 `json:"cache_bytes"`
			Requests                       map[string]int64
		}
	}
	if err := json.Unmarshal([]byte(out), &status); err != nil || len(status.Mounts) != 1 {
		t.Fatal(err, out)
	}
	m := status.Mounts[0]
	if m.Mountpoint != d.mnt || m.Application != d.app || m.APIURL != d.emu.URL() || m.Space != "both" || !m.Online || !m.ReadOnly ||
		m.Owed == nil || *m.Owed != 0 || m.OwedBytes == nil || m.Uploading == nil || m.Failed == nil || m.Conflicts == nil ||
		m.CacheBytes != 2*(8<<10+4<<10) || m.Requests["list"] != 2 || m.Requests["content"] != 2 {
		t.Errorf("status: %s", out)
	}
	if out, _, err := d.run("status"); err != nil || !strings.Contains(out, d.mnt) {
		t.Errorf("status for people: %v, %s", err, out)
	}
	item, _ := d.emu.Find(d.app, "public", "/f")
	if out, errs, err := d.run("info", d.path("public/f")); err != nil || !strings.Contains(out, item.ID) || !strings.Contains(out, item.URL) {
		t.Errorf("info: %v, %s%s", err, out, errs)
	}
	for path, want := range map[string]string{"public/f": "public", "private/p": "private"} {
		out, errs, err := d.run("url", d.path(path))
		if err != nil || strings.Count(out, "\n") != 1 {
			t.Fatalf("url %s: %v, %s%s", path, err, out, errs)
		}
		resp, err := http.Get(strings.TrimSpace(out))
		if err != nil {
			t.Fatal(err)
		}
		body := make([]byte, 100)
		n, _ := resp.Body.Read(body)
		resp.Body.Close()
		if string(body[:n]) != want {
			t.Errorf("url %s leads to %q", path, body[:n])
		}
	}
	for _, path := range []string{d.path("public/absent"), d.home, d.path("public")} {
		if out, _, err := d.run("url", path); err == nil {
			t.Errorf("url %s: %s, want an error", path, out)
		}
	}
	d.stop()
	if out, _, err := d.run("status"); err != nil || !strings.Contains(out, "othing is mounted") {
		t.Errorf("status of nothing: %v, %s", err, out)
	}
}

func TestNothingLeaks(t *testing.T) {
	d := mounted(t, sample, "--log-level", "debug")
	d.sh("cat public/f private/p; ls -lR > /dev/null")
	pid := d.cmd.Process.Pid
	token := d.emu.Token()
	cmdline, err := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid))
	if err != nil || strings.Contains(string(cmdline), token) {
		t.Errorf("the command line: %v, %q", err, cmdline)
	}
	limits, err := os.ReadFile(fmt.Sprintf("/proc/%d/limits", pid))
	if err != nil || !strings.Contains(strings.Join(strings.Fields(string(limits)), " "), "Max core file size 0 0") {
		t.Errorf("a core file could be written: %v\n%s", err, limits)
	}
	if out, _, err := d.run("status", "--json"); err != nil || strings.Contains(out, token) {
		t.Errorf("status: %v, %s", err, out)
	}
	d.stop()
	if s := d.stderr.String(); strings.Contains(s, token) || strings.Contains(s, "X-Amz-Signature") {
		t.Errorf("the log holds a secret:\n%s", s)
	}
	err = filepath.WalkDir(d.home, func(path string, e os.DirEntry, err error) error {
		if err != nil || path == d.home || path == d.mnt {
			return err
		}
		info, err := e.Info()
		if err != nil {
			return err
		}
		// The folders above the program's own are the user's.
		if strings.Contains(path, "losantfs") && info.Mode().Perm()&0o077 != 0 {
			t.Errorf("%s has mode %v", path, info.Mode())
		}
		if info.Mode().IsRegular() {
			if data, err := os.ReadFile(path); err != nil || strings.Contains(string(data), token) {
				t.Errorf("%s holds the token, %v", path, err)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestNoDescriptorsAreLeaked(t *testing.T) {
	d := mounted(t, func(emu *emulator.Server) { fillDirs(emu, 5, 20); sample(emu) })
	count := func() int {
		entries, err := os.ReadDir(fmt.Sprintf("/proc/%d/fd", d.cmd.Process.Pid))
		if err != nil {
			t.Fatal(err)
		}
		return len(entries)
	}
	work := func() {
		d.sh("cat public/*/* > /dev/null; ls -lR > /dev/null; head -c 1 public/d00/f000 > /dev/null")
		_, _ = d.shell("cat public/absent")
	}
	work()
	time.Sleep(200 * time.Millisecond)
	before := count()
	for range 5 {
		work()
	}
	time.Sleep(200 * time.Millisecond)
	if after := count(); after > before+5 {
		t.Errorf("%d descriptors after the work, %d before", after, before)
	}
}

func TestDemo(t *testing.T) {
	emu := newEmulator(t)
	d := newDrive(t, emu, os.Geteuid())
	cmd := d.command(binary, "demo", d.mnt)
	cmd.Env = append(cmd.Env, "CI=true")
	out, err := cmd.CombinedOutput()
	if err != nil || d.isMounted() {
		t.Fatalf("%v, mounted: %v\n%s", err, d.isMounted(), out)
	}
	for _, want := range []string{"index.html", "100% sure? yes #1.txt", "文档", "manual.pdf", "gateway.bin"} {
		if !strings.Contains(string(out), want) {
			t.Errorf("the demo does not show %s:\n%s", want, out)
		}
	}
	// For a person it stays until it is interrupted.
	d.start("demo", d.mnt)
	deadline := time.Now().Add(20 * time.Second)
	for !d.isMounted() && time.Now().Before(deadline) {
		time.Sleep(50 * time.Millisecond)
	}
	if got := d.sh("file -b --mime-type public/docs/manual.pdf public/images/logo.png"); got != "application/pdf\nimage/png\n" {
		t.Errorf("file says %q", got)
	}
	d.stop()
}

func TestEmulatorCommand(t *testing.T) {
	emu := newEmulator(t)
	d := newDrive(t, emu, os.Geteuid())
	d.start("emulator", "--dir", filepath.Join(d.home, "state"), "--samples", "--set", "completion-lag=1s")
	var text strings.Builder
	url := ""
	for url == "" {
		line, err := d.stdout.next(20 * time.Second)
		if err != nil {
			t.Fatal(err, text.String())
		}
		text.WriteString(line + "\n")
		if i := strings.Index(line, "http://127.0.0.1:"); i >= 0 {
			url = strings.Fields(line[i:])[0]
		}
	}
	resp, err := http.Get(url + "/_emulator/counts")
	if err != nil || resp.StatusCode != 200 {
		t.Fatalf("%s: %v", url, err)
	}
	resp.Body.Close()
	d.stop()
}
