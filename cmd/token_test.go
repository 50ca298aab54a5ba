package cmd

import (
	"bytes"
	"log/slog"
	"os"
	"strings"
	"testing"
	"time"
)

func TestTokenFile(t *testing.T) {
	path := write(t, "  first\n", t.TempDir(), "token")
	tok, err := tokenFile(path, quiet)
	if err != nil {
		t.Fatal(err)
	}
	want := func(want string) {
		t.Helper()
		if got, err := tok.get(); got != want || err != nil {
			t.Errorf("get() = %q, %v; want %q", got, err, want)
		}
	}
	want("first")
	t.Run("changed in place", func(t *testing.T) {
		// The same length within the same tick of the clock: the time tells.
		write(t, " second\n", path)
		if err := os.Chtimes(path, time.Time{}, time.Now().Add(time.Hour)); err != nil {
			t.Fatal(err)
		}
		want("second")
	})
	t.Run("replaced, with the time of the old one", func(t *testing.T) {
		info, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		other := write(t, " third-\n", path+".new")
		if err := os.Chtimes(other, time.Time{}, info.ModTime()); err != nil {
			t.Fatal(err)
		}
		if err := os.Rename(other, path); err != nil {
			t.Fatal(err)
		}
		want("third-")
	})
	t.Run("unusable for a while", func(t *testing.T) {
		write(t, "", path)
		want("third-")
		if err := os.Remove(path); err != nil {
			t.Fatal(err)
		}
		want("third-")
		write(t, "fourth", path)
		want("fourth")
	})
}

func TestTokenFileRefused(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{"empty": " \n", "two": "SECRET SECRET", "lines": "SECRET\nSECRET", "binary": "SECRET\x00"} {
		_, err := tokenFile(write(t, text, dir, name), quiet)
		wantError(t, err, "token")
		if strings.Contains(err.Error(), "SECRET") {
			t.Errorf("%s: the error tells the token: %v", name, err)
		}
	}
	_, err := tokenFile(dir, quiet)
	wantError(t, err, "is a folder")
}

func TestTokenFileOpenToOthers(t *testing.T) {
	path := write(t, "SECRET", t.TempDir(), "token")
	for mode, warned := range map[os.FileMode]bool{0o600: false, 0o640: true, 0o604: true} {
		if err := os.Chmod(path, mode); err != nil {
			t.Fatal(err)
		}
		var log bytes.Buffer
		if _, err := tokenFile(path, slog.New(slog.NewTextHandler(&log, nil))); err != nil {
			t.Fatal(err)
		}
		if got := strings.Contains(log.String(), "chmod 600"); got != warned {
			t.Errorf("mode %o: warned %t, want %t", mode, got, warned)
		}
		if strings.Contains(log.String(), "SECRET") {
			t.Error("the log tells the token")
		}
	}
}
