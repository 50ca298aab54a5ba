package cmd

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

func TestOthersAllowed(t *testing.T) {
	for text, want := range map[string]bool{
		"user_allow_other\n": true, "# c\n  user_allow_other": true,
		"#user_allow_other\n": false, "mount_max = 5\n": false, "": false,
	} {
		if got := othersAllowed(write(t, text, t.TempDir(), "fuse.conf")); got != want {
			t.Errorf("%q: %t, want %t", text, got, want)
		}
	}
	if othersAllowed("/nonexistent") {
		t.Error("without the file nobody may")
	}
}

func TestUsersOf(t *testing.T) {
	dir := t.TempDir()
	if users := usersOf(dir); len(users) > 0 {
		t.Fatalf("nobody is there, but %v", users)
	}
	open, err := os.Create(filepath.Join(dir, "file"))
	if err != nil {
		t.Fatal(err)
	}
	defer open.Close()
	start := func(change func(*exec.Cmd)) {
		c := exec.Command("sleep", "100")
		change(c)
		if err := c.Start(); err != nil {
			t.Fatal(err)
		}
		defer func() {
			_ = c.Process.Kill()
			_ = c.Wait()
		}()
		if users := usersOf(dir); len(users) != 1 || !strings.HasPrefix(users[0], "sleep (") {
			t.Errorf("users %v, want one sleep", users)
		}
	}
	start(func(c *exec.Cmd) { c.Dir = dir })
	start(func(c *exec.Cmd) { c.ExtraFiles = []*os.File{open} })
}
