package cmd

import (
	"os"
	"path/filepath"
	"testing"
)

func TestDefaultFolders(t *testing.T) {
	home := isolate(t)
	state, err := stateFolder()
	if err != nil || state != filepath.Join(home, defaultState, "losantfs") {
		t.Errorf("state folder %q, %v", state, err)
	}
	cache, err := cacheFolder("", "/mnt")
	if err != nil || cache != filepath.Join(home, defaultCache, "losantfs") {
		t.Errorf("cache folder %q, %v", cache, err)
	}
	base := t.TempDir()
	t.Setenv("XDG_STATE_HOME", filepath.Join(base, "s"))
	t.Setenv("XDG_CACHE_HOME", "relative")
	if state, err = stateFolder(); err != nil || state != filepath.Join(base, "s", "losantfs") {
		t.Errorf("state folder %q, %v with XDG_STATE_HOME", state, err)
	}
	if again, err := cacheFolder("", "/mnt"); err != nil || again != cache {
		t.Errorf("cache folder %q, %v with a relative XDG_CACHE_HOME", again, err)
	}
	for _, path := range []string{state, cache} {
		if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o700 {
			t.Errorf("%s: %v, %v; want mode 0700", path, info.Mode(), err)
		}
	}
}

func TestOwnFolder(t *testing.T) {
	dir := t.TempDir()
	mkdir := func(name string, mode os.FileMode) string {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(path, 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(path, mode); err != nil {
			t.Fatal(err)
		}
		return path
	}
	target := mkdir("target", 0o700)
	link := filepath.Join(dir, "link")
	if err := os.Symlink(target, link); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		path, fail string
		mode       os.FileMode // afterwards
	}{
		{path: filepath.Join(dir, "new", "deep"), mode: 0o700},
		{path: mkdir("losantfs", 0o777), mode: 0o700},
		{path: mkdir("other", 0o755), mode: 0o755},
		{path: mkdir("shared", 0o770), fail: "can be written by other users", mode: 0o770},
		{path: link, fail: "is a link", mode: 0o700},
		{path: write(t, "", dir, "file"), fail: "not a directory", mode: 0o600},
	} {
		err := makeOwnFolder(tt.path)
		if tt.fail != "" {
			wantError(t, err, tt.fail)
		} else if err != nil {
			t.Errorf("%s: %v", tt.path, err)
		}
		if info, err := os.Stat(tt.path); err != nil || info.Mode().Perm() != tt.mode {
			t.Errorf("%s: mode %v, %v; want %o", tt.path, info.Mode(), err, tt.mode)
		}
	}
	t.Run("of another user", func(t *testing.T) {
		if os.Getuid() != 0 {
			t.Skip("only root can give folders away")
		}
		path := mkdir("theirs", 0o700)
		if err := os.Chown(path, 1, 1); err != nil {
			t.Fatal(err)
		}
		wantError(t, makeOwnFolder(path), "belongs to another user")
	})
}

func TestCacheFolderOnTheMount(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "mnt", "cache")
	_, err := cacheFolder(path, filepath.Join(dir, "mnt"))
	wantError(t, err, "would be hidden", "--cache-dir")
	if _, err := os.Stat(path); err == nil {
		t.Error("the folder was made all the same")
	}
}
