package integration

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestLoginFromAPipe(t *testing.T) {
	emu := newEmulator(t)
	sample(emu)
	d := newDrive(t, emu, os.Geteuid())
	d.env = []string{"LOSANT_API_TOKEN="}
	login := func(stdin string, args ...string) (string, error) {
		cmd := d.command(binary, append([]string{"login"}, args...)...)
		cmd.Stdin = strings.NewReader(stdin)
		out, err := cmd.CombinedOutput()
		return string(out), err
	}
	for name, c := range map[string]struct {
		stdin string
		args  []string
		want  string
	}{
		"without saying so":  {emu.Token(), []string{"--api-url", emu.URL()}, "losantfs login --api-url " + emu.URL() + " --token-stdin"},
		"nothing":            {"", []string{"--token-stdin"}, "no token in it"},
		"two words":          {"SECRET SECRET", []string{"--token-stdin"}, "not a token"},
		"wrong":              {"SECRET.SECRET.SECRET", []string{"--token-stdin"}, "does not accept this token"},
		"in clear":           {"SECRET.SECRET.SECRET", []string{"--token-stdin", "--api-url", "http://api.example.com"}, "https"},
		"token for argument": {"", []string{"SECRET"}, "wrong arguments"},
	} {
		out, err := login(c.stdin, c.args...)
		if err == nil || !strings.Contains(out, c.want) || strings.Contains(out, "SECRET") {
			t.Errorf("%s: %v\n%s", name, err, out)
		}
	}
	if _, err := os.Stat(d.ownCredentials()); err == nil {
		t.Error("something was stored")
	}

	if out, err := login(emu.Token()+"\n", "--token-stdin"); err != nil || !strings.Contains(out, "as demo@example.com") || strings.Contains(out, emu.Token()) {
		t.Fatalf("%v\n%s", err, out)
	}
	for path, mode := range map[string]os.FileMode{d.ownCredentials(): 0o600, filepath.Dir(d.ownCredentials()): 0o700} {
		if info, err := os.Stat(path); err != nil || info.Mode().Perm() != mode {
			t.Errorf("%s: %v, %v", path, info, err)
		}
	}
	if left, _ := filepath.Glob(filepath.Join(filepath.Dir(d.ownCredentials()), ".credentials-*")); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
	d.mount()
	d.stop()
	// What the environment has goes before it, and that is said.
	d.env = []string{"LOSANT_API_TOKEN=" + emu.NewToken(0)}
	if out, err := login(emu.Token(), "--token-stdin"); err != nil || !strings.Contains(out, "unset LOSANT_API_TOKEN") {
		t.Errorf("%v\n%s", err, out)
	}
	d.env = []string{"LOSANT_API_TOKEN="}

	out, errs, err := d.run("logout")
	if err != nil || !strings.Contains(out, "was removed") {
		t.Errorf("%v, %s%s", err, out, errs)
	}
	if _, err := os.Stat(d.ownCredentials()); err == nil {
		t.Error("the file of no token stays")
	}
	if out, errs, err := d.run("logout"); err != nil || !strings.Contains(out, "no token") {
		t.Errorf("again: %v, %s%s", err, out, errs)
	}
	if _, errs, err := d.run("apps"); err == nil || !strings.Contains(errs, "losantfs login --api-url "+emu.URL()) {
		t.Errorf("after it: %v, %s", err, errs)
	}
}

func TestApps(t *testing.T) {
	emu := newEmulator(t)
	sample(emu)
	other := emu.NewApplication("Other")
	d := newDrive(t, emu, os.Geteuid())
	out, errs, err := d.run("apps")
	if err != nil || !strings.Contains(out, d.app) || !strings.Contains(out, other) || strings.Count(out, "\n") != 3 {
		t.Errorf("%v, %s%s", err, out, errs)
	}
	out, errs, err = d.run("apps", "--json")
	if err != nil || !strings.Contains(out, `"name": "Other",
      "public_files": 0,`) {
		t.Errorf("%v, %s%s", err, out, errs)
	}
	d.put("token", emu.NewToken(0, "all.Application"))
	if _, errs, err := d.run("apps", "--token-file", filepath.Join(d.home, "token")); err == nil || !strings.Contains(errs, "may not list applications") {
		t.Errorf("with the token of an application: %v, %s", err, errs)
	}
}
