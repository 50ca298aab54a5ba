package cmd

import (
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"github.com/spf13/pflag"

	"losantfs/remote"
)

// mountOptions are the flags of losantfs mount.
type mountOptions struct {
	wanted
	spaces                []remote.Space
	readOnly, allowOther  bool
	cacheDir              string
	cacheSize             int64 // bytes
	pollInterval, timeout time.Duration
	uid, gid, umask       uint32
	daemon                bool
	write                 writeMode     // unless readOnly
	settle                time.Duration // how long a change waits for more
	uploads               int           // at once
	localOnly             []string      // more patterns of names that never leave this machine
	owedDir               string        // of what is owed; "" is in the state folder
	logLevel              slog.Level
	logFormat, logFile    string
	mountpoint            string
}

const (
	defaultCacheSize    = 10_000_000_000
	defaultPollInterval = 5 * time.Second
	shortestPoll        = 100 * time.Millisecond
	defaultTimeout      = 30 * time.Second
	defaultSettle       = time.Second
	defaultUploads      = 64
	defaultUmask        = 0o022
)

func (o *mountOptions) register(f *pflag.FlagSet) {
	same := func(s string) string { return s }
	f.SortFlags = false
	o.flags(f)
	f.Var(newValue(&o.spaces, bothSpaces, "both|public|private", parseSpaces, spacesWord), "space",
		"which files to show; both are shown as two folders")
	f.BoolVar(&o.readOnly, "read-only", false, "refuse every change")
	f.Var(newValue(&o.write, writesBackground, "background|through", parseWrite, writeText), "write",
		"when a change is sent: soon after it is safe on this machine, or before the program that closes or syncs the file goes on")
	f.Var(newValue(&o.settle, defaultSettle, "duration", parseSettle, time.Duration.String), "settle",
		"how long a change waits for others that belong to it, up to 1m")
	f.Var(newValue(&o.uploads, defaultUploads, "number", parseUploads, strconv.Itoa), "uploads", "how many changes are sent at once, 1 to 64; never more than 8 files of 1 MiB and more")
	f.Var(newValue(&o.localOnly, nil, "pattern", o.parseLocalOnly, patternsText), "local-only",
		"names that never leave this machine, such as '*.tmp', besides those of swap, lock and trash files; may be repeated")
	f.StringVar(&o.cacheDir, "cache-dir", "", "`folder` for cached content (default one of your own)")
	f.Var(newValue(&o.cacheSize, defaultCacheSize, "size", parseSize, sizeText), "cache-size", "most that is kept in it")
	f.DurationVar(&o.pollInterval, "poll-interval", defaultPollInterval, "how often to look for changes made elsewhere, less often while nothing is used; at least 100ms, or 0 to ask the service at each access, which costs a call each time and makes each wait for it")
	f.DurationVar(&o.timeout, "timeout", defaultTimeout, "how long one file operation may wait for the service")
	f.Var(newValue(&o.uid, uint32(os.Getuid()), "number", parseID, idText), "uid", "owner of the files")
	f.Var(newValue(&o.gid, uint32(os.Getgid()), "number", parseID, idText), "gid", "group of the files")
	f.Var(newValue(&o.umask, defaultUmask, "octal", parseUmask, umaskText), "umask", "permissions the files do not have")
	f.BoolVar(&o.allowOther, "allow-other", false, "let other users in, as far as --umask allows")
	f.BoolVar(&o.daemon, "daemon", false, "go on in the background once the drive is ready")
	f.Var(newValue(&o.logLevel, slog.LevelInfo, "debug|info|warn|error", parseLevel, levelText), "log-level", "least that is logged")
	f.Var(newValue(&o.logFormat, "text", "text|json", parseLogFormat, same), "log-format", "form of the log")
	f.StringVar(&o.logFile, "log-file", "", "`file` to log to (default stderr; with --daemon one in the state folder)")
	f.VarP(fstabWords{f}, "options", "o", "the same in the words of fstab, such as ro,uid=1000,token_file=/etc/losant.token")
}

// complete checks what the flags alone can tell, and makes paths independent of
// the current folder, which a daemon leaves. f is what o was registered with.
func (o *mountOptions) complete(f *pflag.FlagSet) error {
	switch {
	case o.pollInterval < 0:
		return errors.New("--poll-interval must not be negative")
	case o.pollInterval > 0 && o.pollInterval < shortestPoll:
		return fmt.Errorf("--poll-interval must be at least %v, or 0 to ask the service at each access", shortestPoll)
	case o.timeout < time.Second:
		return errors.New("--timeout must be at least 1s")
	case o.readOnly && f.Changed("write"):
		return errors.New("--read-only (or -o ro) and --write contradict each other: leave one of them out")
	case o.mountpoint == "":
		return errors.New("the mount point is empty")
	}
	for _, path := range []*string{&o.tokenFile, &o.cacheDir, &o.logFile, &o.mountpoint} {
		if *path == "" {
			continue
		}
		var err error
		if *path, err = filepath.Abs(*path); err != nil {
			return fmt.Errorf("the current folder is gone, so paths must begin with /: %w", err)
		}
	}
	return nil
}
