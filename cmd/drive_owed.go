package cmd

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"time"

	"losantfs/cache"
	"losantfs/cache/outbox"
	"losantfs/remote"
)

// maxMounts bounds how often one user may mount one application at once.
const maxMounts = 16

// owedFolder returns where a mount keeps what it owes a space. Mounts of the same
// application at the same time have a folder each.
func (d *drive) owedFolder(name remote.Space, i int) (string, error) {
	owed := d.o.owedDir
	if owed == "" {
		state, err := stateFolder()
		if err != nil {
			return "", err
		}
		owed = filepath.Join(state, owedBelow)
	}
	return filepath.Join(owed, owedName(d.client.URL(), d.app.ID), fmt.Sprintf("%s-%d", name, i)), nil
}

// owedBelow is the folder of what is owed, in the state folder.
const owedBelow = "owed"

// owedName is the folder of what is owed to an application, in that.
func owedName(apiURL, app string) string {
	sum := sha256.Sum256([]byte(apiURL + "\x00" + app))
	return hex.EncodeToString(sum[:8])
}

// openSpace opens one space, with the first folder for what is owed that no other
// mount has.
func (d *drive) openSpace(name remote.Space) (*cache.Space, error) {
	if d.o.readOnly {
		return cache.NewSpace(d.client.Files(d.app.ID, name), d.spaceOptions(name, nil, d.o.pollInterval))
	}
	for i := range maxMounts {
		dir, err := d.owedFolder(name, i)
		if err != nil {
			return nil, err
		}
		if space, err := d.openOwed(name, dir, d.o.pollInterval); !errors.Is(err, outbox.ErrLocked) {
			return space, err
		}
	}
	return nil, fmt.Errorf("the application is mounted %d times already", maxMounts)
}

func (d *drive) openOwed(name remote.Space, dir string, poll time.Duration) (*cache.Space, error) {
	return cache.NewSpace(d.client.Files(d.app.ID, name), d.spaceOptions(name, d.o.writeOptions(dir), poll))
}

// writeOptions say how changes are sent that are kept in dir.
func (o *mountOptions) writeOptions(dir string) *cache.WriteOptions {
	return &cache.WriteOptions{
		Dir: dir, Settle: o.settle, Uploads: o.uploads, Through: o.write == writesThrough, Local: o.localPatterns(),
	}
}

// localPatterns are the patterns of all names that never leave this machine.
func (o *mountOptions) localPatterns() []string {
	return slices.Concat(cache.DefaultLocal, o.localOnly)
}

// spaceOptions say how a space is kept. What is watched is believed until a poll is
// late.
func (d *drive) spaceOptions(name remote.Space, w *cache.WriteOptions, poll time.Duration) cache.Options {
	return cache.Options{TTL: 2 * d.o.pollInterval, Poll: poll, Snapshot: d.snapshotFile(name), Content: d.store, Logger: d.log, Write: w}
}

// logEarlier says how much was owed when the drive began: an earlier mount ended
// before it was sent, or was killed.
func (d *drive) logEarlier() {
	if d.earlier.Owed > 0 {
		d.log.Info("changes of an earlier mount are owed; they are being sent", "changes", d.earlier.Owed, "bytes", d.earlier.Bytes)
	}
}
