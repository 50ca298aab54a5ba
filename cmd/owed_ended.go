package cmd

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"losantfs/cache/outbox"
)

// owedFolders returns all folders in which mounts of this user keep what they owe.
func owedFolders() (dirs []string) {
	state, err := stateFolder()
	if err != nil {
		return nil
	}
	found, _ := filepath.Glob(filepath.Join(state, owedBelow, "*", "*-*"))
	for _, dir := range found {
		if info, err := os.Stat(dir); err == nil && info.IsDir() {
			dirs = append(dirs, dir)
		}
	}
	return dirs
}

// owedByEnded counts the changes that mounts left which have ended.
func owedByEnded() (n int64) {
	for _, dir := range owedFolders() {
		// Of what cannot be read losantfs doctor tells.
		if found, err := outbox.Inspect(dir); err == nil && !found.InUse {
			n += int64(found.Owed)
		}
	}
	return n
}

func endedText(n int64) string {
	return fmt.Sprintf("%s of mounts that have ended %s owed", changesText(n), verb(n, "stays", "stay"))
}

// owedByDead returns an error when changes were left and a mount of this user is
// there whose process has ended: to programs it looks as if it were still in use.
func owedByDead() error {
	folder, err := openSockets()
	if err != nil {
		return err
	}
	var dead []string
	for _, m := range leftovers() {
		if _, made := folder.made(m); made {
			dead = append(dead, m.mountpoint)
		}
	}
	if len(dead) == 0 {
		return nil
	}
	n := owedByEnded()
	if n == 0 {
		return nil
	}
	return &owedError{fmt.Sprintf("%s: mount again, which sends them, what was mounted at %s", endedText(n), strings.Join(dead, ", "))}
}
