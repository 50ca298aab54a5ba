package cmd

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
)

// stateFolder returns the folder of control sockets and logs, made if need be.
func stateFolder() (string, error) {
	path, err := userFolder("XDG_STATE_HOME", defaultState)
	if err != nil {
		return "", err
	}
	if err := makeOwnFolder(path); err != nil {
		return "", fmt.Errorf("the state folder cannot be used: %w; another can be given as XDG_STATE_HOME", err)
	}
	return path, nil
}

// cacheFolder returns the folder of cached content, made if need be: the given
// one, or the user's. It must not be on the mount that needs it, "" for none.
func cacheFolder(given, mountpoint string) (string, error) {
	path := given
	if path == "" {
		var err error
		if path, err = userFolder("XDG_CACHE_HOME", defaultCache); err != nil {
			return "", err
		}
	}
	if _, hidden := within(path, mountpoint); hidden && mountpoint != "" {
		return "", fmt.Errorf("the cache folder %s would be hidden by the mount: choose another with --cache-dir", path)
	}
	if err := makeOwnFolder(path); err != nil {
		return "", fmt.Errorf("the cache folder cannot be used: %w; choose another with --cache-dir", err)
	}
	return path, nil
}

// userFolder returns losantfs's folder in the one an XDG variable names, or in
// the system's default below the home folder.
func userFolder(variable, below string) (string, error) {
	// The XDG specification has relative paths ignored.
	if base := os.Getenv(variable); filepath.IsAbs(base) {
		return filepath.Join(base, "losantfs"), nil
	}
	home, err := homeFolder()
	if err != nil {
		return "", fmt.Errorf("there is no home folder: set HOME or %s", variable)
	}
	return filepath.Join(home, below, "losantfs"), nil
}

// makeOwnFolder makes a folder that only this user can look into. One that exists
// must be the user's own; it is closed to others unless its name is not ours, as
// closing, say, /srv would do harm: others must then not be able to write to it.
func makeOwnFolder(path string) error {
	if err := os.MkdirAll(path, 0o700); err != nil {
		return err
	}
	info, err := os.Lstat(path)
	if err != nil {
		return err
	}
	st, ok := info.Sys().(*syscall.Stat_t)
	switch perm := info.Mode().Perm(); {
	case !info.IsDir():
		return fmt.Errorf("%s is a link, not a folder", path)
	case !ok || int(st.Uid) != os.Geteuid():
		return fmt.Errorf("%s belongs to another user", path)
	case perm&0o077 == 0:
		return nil
	case filepath.Base(path) == "losantfs":
		return os.Chmod(path, 0o700)
	case perm&0o022 != 0:
		return errors.New(path + " can be written by other users")
	}
	return nil
}
