package cmd

import (
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"losantfs/cache/content"
	"losantfs/remote"
	"losantfs/remote/emulator"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var quiet = slog.New(slog.DiscardHandler)

// isolate gives a test an empty home and an environment without settings of its
// caller, and returns the home.
func isolate(t *testing.T) string {
	t.Helper()
	home := t.TempDir()
	t.Setenv("HOME", home)
	for _, name := range []string{"XDG_STATE_HOME", "XDG_CACHE_HOME", "XDG_CONFIG_HOME", "LOSANT_API_URL", "WEGNOLOGY_API_URL",
		"LOSANT_API_TOKEN", "WEGNOLOGY_API_TOKEN"} {
		t.Setenv(name, "")
	}
	return home
}

// write makes a file with its folders and returns its path.
func write(t *testing.T, text string, path ...string) string {
	t.Helper()
	full := filepath.Join(path...)
	if err := os.MkdirAll(filepath.Dir(full), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(full, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return full
}

// wantError checks that err says all of the given things.
func wantError(t *testing.T, err error, parts ...string) {
	t.Helper()
	if err == nil {
		t.Fatalf("no error; want one with %q", parts)
	}
	for _, part := range parts {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("error %q lacks %q", err, part)
		}
	}
}

func startEmulator(t *testing.T) *emulator.Server {
	t.Helper()
	e, err := emulator.Start(emulator.Config{Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { e.Close() })
	return e
}

func serviceOf(t *testing.T, e *emulator.Server, text string) service {
	t.Helper()
	tok, err := constantToken("the test", text)
	if err != nil {
		t.Fatal(err)
	}
	return service{apiURL: e.URL(), token: tok}
}

func clientOf(t *testing.T, s service) *remote.Client {
	t.Helper()
	c, err := remote.New(remote.Config{BaseURL: s.apiURL, Token: s.token.get, Timeout: time.Second})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

// unmounted returns a drive as it is just before it is mounted, and its service.
func unmounted(t *testing.T, e *emulator.Server, text string, spaces []remote.Space) (*drive, service) {
	t.Helper()
	s := serviceOf(t, e, text)
	d := &drive{log: quiet, client: clientOf(t, s), tokens: newTokenWatch(s.token), o: &mountOptions{
		spaces: spaces, mountpoint: "/mnt/files", pollInterval: time.Minute, readOnly: true,
	}, cacheDir: t.TempDir()}
	var err error
	if d.store, err = content.Open(t.TempDir(), 1<<20, quiet); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(d.close)
	return d, s
}
