package cmd

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// sockets is the folder of the control sockets, one per mount, named by a hash of
// the mount point. A socket that refuses connections was left by a process that
// was killed, and is removed by whoever finds it.
//
// Sockets are made and removed under a lock on the folder: one that is just being
// made refuses connections too.
type sockets string

func openSockets() (sockets, error) {
	state, err := stateFolder()
	if err != nil {
		return "", err
	}
	dir := filepath.Join(state, "mounts")
	if err := makeOwnFolder(dir); err != nil {
		return "", fmt.Errorf("the state folder cannot be used: %w", err)
	}
	return sockets(dir), nil
}

// maxSocketPath is the longest path of a socket on macOS, in bytes; Linux allows
// four more.
const maxSocketPath = 103

// path returns where the socket of a mount point is.
func (s sockets) path(mountpoint string) (string, error) {
	sum := sha256.Sum256([]byte(mountpoint))
	path := filepath.Join(string(s), hex.EncodeToString(sum[:8])+".sock")
	if len(path) > maxSocketPath {
		return "", fmt.Errorf("the path %s is too long for a socket (%d bytes of %d): set XDG_STATE_HOME to a folder with a shorter path",
			path, len(path), maxSocketPath)
	}
	return path, nil
}

// all returns the paths of all sockets, live or not.
func (s sockets) all() ([]string, error) {
	files, err := os.ReadDir(string(s))
	var paths []string
	for _, f := range files {
		if f.Type()&os.ModeSocket != 0 {
			paths = append(paths, filepath.Join(string(s), f.Name()))
		}
	}
	return paths, err
}

// lock keeps other processes from making or removing sockets.
func (s sockets) lock() (unlock func(), err error) { return lockFolder(string(s)) }

// lockFolder waits until no other process has locked a folder, and locks it. The
// lock ends with the process.
func lockFolder(dir string) (unlock func(), err error) {
	f, err := os.Open(dir)
	if err != nil {
		return nil, err
	}
	for err = syscall.EINTR; errors.Is(err, syscall.EINTR); {
		err = unix.Flock(int(f.Fd()), unix.LOCK_EX)
	}
	if err != nil {
		f.Close()
		return nil, err
	}
	return func() { f.Close() }, nil
}

// handover is how long a process may take to end after its mount is gone.
const handover = drainTime + 5*time.Second

// listen makes the socket of a mount point. A process that serves the same one
// and is about to end is waited for.
func (s sockets) listen(mountpoint string) (*net.UnixListener, error) {
	path, err := s.path(mountpoint)
	if err != nil {
		return nil, err
	}
	for deadline := time.Now().Add(handover); ; time.Sleep(50 * time.Millisecond) {
		l, err := s.tryListen(path)
		if !errors.Is(err, errServed) {
			return l, err
		}
		// One that has its mount does not end.
		if state, _, err := inspect(mountpoint); err != nil || state == liveDrive {
			return nil, errors.Join(err, alreadyMounted(mountpoint))
		}
		if time.Now().After(deadline) {
			return nil, fmt.Errorf("another losantfs serves %s or is about to: wait for it, or choose another folder", mountpoint)
		}
	}
}

var errServed = errors.New("a process listens")

func (s sockets) tryListen(path string) (*net.UnixListener, error) {
	unlock, err := s.lock()
	if err != nil {
		return nil, err
	}
	defer unlock()
	live, err := probe(path)
	if err != nil {
		return nil, err
	}
	if live {
		return nil, errServed
	}
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
	if err != nil {
		return nil, err
	}
	l.SetUnlinkOnClose(false) // that would be without the lock
	return l, os.Chmod(path, 0o600)
}

// probe reports whether a process listens at path, and removes a socket nobody
// does. The folder must be locked.
func probe(path string) (live bool, err error) {
	c, err := net.DialTimeout("unix", path, time.Second)
	if err == nil {
		return true, c.Close()
	}
	if errors.Is(err, syscall.ECONNREFUSED) {
		return false, os.Remove(path)
	}
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	return false, err
}

// close ends a listener of listen and removes its socket.
func (s sockets) close(l *net.UnixListener) {
	unlock, err := s.lock()
	if err != nil {
		l.Close()
		return
	}
	defer unlock()
	_ = os.Remove(l.Addr().String())
	l.Close()
}

// made returns the socket of a dead mount that this user made with this state folder,
// where it was left.
func (s sockets) made(m deadMount) (socket string, ok bool) {
	socket, err := s.path(m.mountpoint)
	if err == nil {
		_, err = os.Lstat(socket)
	}
	return socket, err == nil && m.owner == strconv.Itoa(os.Getuid())
}

// isOfDead reports whether a socket is that of a dead mount.
func (s sockets) isOfDead(path string) bool {
	return slices.ContainsFunc(leftovers(), func(m deadMount) bool {
		socket, err := s.path(m.mountpoint)
		return err == nil && socket == path
	})
}

// tidy removes a socket that refuses connections.
func (s sockets) tidy(path string) {
	if unlock, err := s.lock(); err == nil {
		defer unlock()
		_, _ = probe(path)
	}
}
