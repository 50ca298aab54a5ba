package cmd

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// Less room than this on a disk is worth a word, in bytes.
const (
	lowRoom = 1_000_000_000
	noRoom  = 100_000_000
)

// checkDisks looks at the room for what is owed and for cached content.
func (d *doctor) checkDisks() {
	state, err := stateFolder()
	if err != nil {
		d.failed("state", err)
	} else {
		d.checkRoom("state", state, isProblem, "changes cannot be saved once it is full: make room on this disk")
	}
	cache, err := cacheFolder(d.cacheDir, "")
	if err != nil {
		d.failed("cache", err)
	} else {
		d.checkRoom("cache", cache, isWarning, "reading is slow while it is full: make room on this disk, or mount with --cache-dir on another")
	}
}

func (d *doctor) checkRoom(check, path string, worst level, todo string) {
	var s unix.Statfs_t
	if err := unix.Statfs(path, &s); err != nil {
		d.failed(check, fmt.Errorf("%s: %w", path, err))
		return
	}
	free := int64(uint64(s.Bavail) * uint64(s.Bsize))
	text := fmt.Sprintf("%s has %s of room", path, sizeText(free))
	switch {
	case free < noRoom:
		d.say(worst, check, text, todo)
	case free < lowRoom:
		d.say(isWarning, check, text, todo)
	default:
		d.say(isOK, check, text, "")
	}
}

// checkMounts looks at all drives, their sockets and what ended processes left.
func (d *doctor) checkMounts(ctx context.Context) {
	folder, err := openSockets()
	if err != nil {
		d.failed("mounts", err)
		return
	}
	for _, m := range leftovers() {
		d.checkDead(folder, m)
	}
	paths, err := folder.all()
	if err != nil {
		d.failed("mounts", err)
	}
	for _, path := range paths {
		d.checkSocket(ctx, folder, path)
	}
	if len(paths) == 0 {
		d.say(isOK, "mounts", "no process of yours serves a drive", "")
	}
}

// checkDead reports a mount whose process has ended. It takes it away only when it
// was made with this state folder, where the socket was left.
func (d *doctor) checkDead(folder sockets, m deadMount) {
	text := m.mountpoint + " is a drive whose process has ended"
	socket, made := folder.made(m)
	if !made {
		d.say(isWarning, "mounts", text, "losantfs unmount "+shellWord(m.mountpoint)+", as the user who mounted it")
		return
	}
	d.mend(isProblem, "mounts", text, "or losantfs unmount "+shellWord(m.mountpoint), func() error {
		if state, _, err := inspect(m.mountpoint); err != nil || state != deadDrive {
			return errors.Join(err, errNotDone)
		}
		if err := detachDead(m.mountpoint); err != nil {
			return err
		}
		folder.tidy(socket)
		return nil
	})
}

// checkSocket asks the process behind a control socket how it is.
func (d *doctor) checkSocket(ctx context.Context, folder sockets, path string) {
	ctx, cancel := context.WithTimeout(ctx, answerTime)
	defer cancel()
	m := liveMount{peer: newPeer(path)}
	switch err := m.peer.ask(ctx, routeStatus, nil, &m.statusAnswer); {
	case errors.Is(err, errNoPeer):
		if _, err := os.Lstat(path); err != nil {
			return // taken away with its mount
		}
		d.mend(isWarning, "mounts", path+" is the socket of a process that has ended", "", func() error {
			folder.tidy(path)
			if _, err := os.Lstat(path); err == nil {
				return errNotDone
			}
			return nil
		})
	case err != nil:
		d.say(isProblem, "mounts", err.Error(), "look into its log; should it hang, end it with kill and mount again")
	default:
		d.checkLive(m)
	}
}

func (d *doctor) checkLive(m liveMount) {
	s := m.Status
	d.names[owedName(s.APIURL, s.Application)] = m.Name
	text := fmt.Sprintf("%s is %s, owed: %s", s.Mountpoint, m.state(), s.owedText())
	seeStatus := "losantfs status " + shellWord(s.Mountpoint)
	switch {
	case s.Token != nil:
		d.say(isProblem, "mounts", fmt.Sprintf("%s (%s)", text, s.Token.Error), s.Token.Advice)
	case len(s.Failed) > 0:
		d.say(isProblem, "mounts", text, seeStatus+" says what was refused and why; losantfs flush tries it once more")
	case !s.Online:
		d.say(isWarning, "mounts", text, s.Error)
	case len(s.Conflicts) > 0:
		d.say(isWarning, "mounts", text, seeStatus+" names both versions of each")
	default:
		d.say(isOK, "mounts", text, "")
	}
}

// checkMode reports a file with tokens that other users can read. One of our own
// can be closed.
func (d *doctor) checkMode(path string, own bool) {
	info, err := os.Stat(path)
	if err != nil || !isOpenToOthers(info) {
		return
	}
	text, todo := fmt.Sprintf("other users can read %s (mode %03o)", path, info.Mode().Perm()), "chmod 600 "+shellWord(path)
	if st, ok := info.Sys().(*syscall.Stat_t); own && ok && int(st.Uid) == os.Geteuid() {
		d.mend(isProblem, "token", text, "or "+todo, func() error { return os.Chmod(path, 0o600) })
		return
	}
	d.say(isProblem, "token", text, todo)
}

// isOwnCredentials reports whether a path is the file of losantfs login.
func isOwnCredentials(path string) bool {
	own, err := ownCredentials()
	return err == nil && filepath.Clean(path) == own
}

// nearExpiry is how long before its end a token is worth a word.
const nearExpiry = 7 * 24 * time.Hour
