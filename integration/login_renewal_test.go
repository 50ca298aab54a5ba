package integration

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"losantfs/remote/emulator"
)

// renewals are the places a token comes from, and how another one gets there.
var renewals = map[string]struct {
	first  func(*drive, string) []string // stores a token and returns flags for the mount
	second func(*drive, string)          // nil where a mount gets no other
	source func(*drive) string
	advice func(*drive) string
}{
	"token file": {
		first: func(d *drive, token string) []string {
			d.put("token", token)
			return []string{"--token-file", filepath.Join(d.home, "token")}
		},
		second: func(d *drive, token string) { d.put("token", token) },
		source: func(d *drive) string { return filepath.Join(d.home, "token") },
		advice: func(d *drive) string { return "write a new token into " + filepath.Join(d.home, "token") },
	},
	"login": {
		first:  func(d *drive, token string) []string { d.login(token); return nil },
		second: (*drive).login,
		source: (*drive).ownCredentials,
		advice: func(d *drive) string { return "losantfs login --api-url " + d.emu.URL() },
	},
	"vendor": {
		first:  func(d *drive, token string) []string { d.vendorLogin(token); return nil },
		second: (*drive).vendorLogin,
		source: func(d *drive) string { return filepath.Join(d.home, ".losant/.credentials.yml") },
		advice: func(d *drive) string { return "losantfs login --api-url " + d.emu.URL() },
	},
	"vendor, then login": {
		first:  func(d *drive, token string) []string { d.vendorLogin(token); return nil },
		second: (*drive).login,
		source: func(d *drive) string { return filepath.Join(d.home, ".losant/.credentials.yml") },
		advice: func(d *drive) string { return "losantfs login --api-url " + d.emu.URL() },
	},
	"environment": {
		first:  func(d *drive, token string) []string { d.env = []string{"LOSANT_API_TOKEN=" + token}; return nil },
		source: func(*drive) string { return "LOSANT_API_TOKEN" },
		advice: func(*drive) string { return "unmount, and mount again with a new token" },
	},
}

func (d *drive) ownCredentials() string {
	return filepath.Join(d.home, ".config", "losantfs", "credentials.yml")
}

// login stores a token with losantfs login.
func (d *drive) login(token string) {
	d.t.Helper()
	cmd := d.command(binary, "login", "--token-stdin")
	cmd.Stdin = strings.NewReader(token + "\n")
	if out, err := cmd.CombinedOutput(); err != nil {
		d.t.Fatalf("login: %v\n%s", err, out)
	}
}

// vendorLogin does what the vendor's tool does.
func (d *drive) vendorLogin(token string) {
	d.put(".losant/.credentials.yml", fmt.Sprintf("%q:\n  apiToken: %s\n", d.emu.URL(), token))
}

// tokenStatus returns what losantfs status says of the token, nil for nothing, and
// how many changes are owed.
func (d *drive) tokenStatus() (token map[string]string, owed int) {
	d.t.Helper()
	out, errs, err := d.run("status", d.mnt, "--json")
	var s struct {
		Mounts []struct {
			Token map[string]string
			Owed  int
		}
	}
	if err != nil || json.Unmarshal([]byte(out), &s) != nil || len(s.Mounts) != 1 {
		d.t.Fatal(err, errs, out)
	}
	return s.Mounts[0].Token, s.Mounts[0].Owed
}

// TestTokenIsRenewed revokes the token of a drive and gives it another one, which
// is used without mounting again.
func TestTokenIsRenewed(t *testing.T) {
	for name, how := range renewals {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			emu := newEmulator(t)
			filled(map[string]string{"/dir": "dir", "/dir/cached": "cached", "/other": "dir", "/other/cold": "cold"})(emu)
			d := newDrive(t, emu, os.Geteuid())
			d.env = []string{"LOSANT_API_TOKEN="}
			first, second := emu.NewToken(0), emu.NewToken(0)
			flags := how.first(d, first)
			d.mount(append(flags, "--space", "public", "--poll-interval", "0", "--settle", "50ms")...)
			d.sh("ls -l dir; cat dir/cached")
			emu.Revoke(first)
			time.Sleep(150 * time.Millisecond)
			for range 20 {
				if got := d.sh("cat dir/cached"); got != "cached" {
					t.Fatalf("%q", got)
				}
				if _, err := os.ReadFile(d.path("other/cold")); !isErrno(err, syscall.EACCES) {
					t.Fatalf("what is not known: %v, want EACCES", err)
				}
			}
			d.sh("echo -n changed > dir/cached; echo -n new > dir/new; cat dir/new")
			token, owed := d.tokenStatus()
			if owed != 2 || token["source"] != how.source(d) || token["error"] != "Invalid access token" || !strings.Contains(token["advice"], how.advice(d)) {
				t.Errorf("status: %d owed, %v", owed, token)
			}
			if out, _, err := d.run("status"); err != nil || !strings.Contains(out, "token refused since") || !strings.Contains(out, how.advice(d)) {
				t.Errorf("status for people: %v\n%s", err, out)
			}
			if n := strings.Count(d.stderr.String(), "the service refuses the token"); n != 1 {
				t.Errorf("%d messages in the log:\n%s", n, d.stderr.String())
			}
			for _, secret := range []string{first, second} {
				if strings.Contains(d.stderr.String(), secret) {
					t.Error("the log holds the token")
				}
			}
			if how.second == nil {
				return
			}
			d.settledAfter(func() { how.second(d, second) }, emu)
		})
	}
}

// settledAfter checks that with another token everything is read and sent.
func (d *drive) settledAfter(renew func(), emu *emulator.Server) {
	d.t.Helper()
	renew()
	d.settled(15 * time.Second)
	if got := d.sh("cat other/cold dir/cached dir/new"); got != "coldchangednew" {
		d.t.Errorf("%q", got)
	}
	want := map[string]string{"/dir": "dir", "/dir/cached": "changed", "/other": "dir", "/other/cold": "cold", "/dir/new": "new"}
	if diff := differences(d.service(), want); diff != "" {
		d.t.Errorf("the service differs:\n%s", diff)
	}
	if token, _ := d.tokenStatus(); token != nil {
		d.t.Errorf("status still says %v", token)
	}
	if n := strings.Count(d.stderr.String(), "the service accepts the token"); n != 1 {
		d.t.Errorf("%d messages that it works again:\n%s", n, d.stderr.String())
	}
}

// TestTokenIsRenewedUnasked has nobody use the drive, and nothing owed: another token
// is tried all the same.
func TestTokenIsRenewedUnasked(t *testing.T) {
	t.Parallel()
	emu := newEmulator(t)
	filled(map[string]string{"/dir": "dir"})(emu)
	d := newDrive(t, emu, os.Geteuid())
	d.env = []string{"LOSANT_API_TOKEN="}
	first := emu.NewToken(0)
	d.login(first)
	d.mount("--space", "public", "--read-only", "--poll-interval", "0") // without polls the space is not listed as a whole
	emu.Revoke(first)
	if _, err := os.ReadDir(d.path("dir")); !isErrno(err, syscall.EACCES) {
		t.Fatalf("%v, want EACCES", err)
	}
	wrong := emu.NewToken(time.Nanosecond)
	d.put(".config/losantfs/credentials.yml", fmt.Sprintf("%q:\n  apiToken: %s\n", emu.URL(), wrong))
	until := func(what string, done func(token map[string]string) bool) {
		t.Helper()
		for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(100 * time.Millisecond) {
			token, _ := d.tokenStatus()
			if done(token) {
				return
			}
			if time.Now().After(deadline) {
				t.Fatalf("%s: status says %v\n%s", what, token, d.stderr.String())
			}
		}
	}
	until("another that is refused", func(token map[string]string) bool { return token["error"] == "Access token has expired" })
	d.login(emu.NewToken(0))
	until("one that is good", func(token map[string]string) bool { return token == nil })
	if n := strings.Count(d.stderr.String(), "the service refuses the token"); n != 2 {
		t.Errorf("%d messages, want one for each token:\n%s", n, d.stderr.String())
	}
}
