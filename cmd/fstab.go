package cmd

import (
	"fmt"
	"strings"

	"github.com/spf13/pflag"
)

// fstabWords is the flag -o: options in the words of mount(8) and fstab(5). Each
// sets the flag it stands for, so the last one on the command line counts.
type fstabWords struct{ flags *pflag.FlagSet }

// fstabSwitches are words without a value, and what they set.
var fstabSwitches = map[string][2]string{
	"ro":          {"read-only", "true"},
	"read_only":   {"read-only", "true"},
	"rw":          {"read-only", "false"},
	"allow_other": {"allow-other", "true"},
}

// fstabValues are words with a value, and the flag that takes it.
var fstabValues = map[string]string{
	"uid": "uid", "gid": "gid", "umask": "umask", "token_file": "token-file", "api_url": "api-url", "space": "space",
	"cache_dir": "cache-dir", "cache_size": "cache-size", "log_file": "log-file",
	"poll_interval": "poll-interval", "timeout": "timeout",
	"write": "write", "settle": "settle", "uploads": "uploads", "local_only": "local-only",
}

// fstabIgnored are words for mount(8), systemd or the kernel, which mean nothing
// here or hold for every mount of this kind.
var fstabIgnored = map[string]bool{
	"defaults": true, "_netdev": true, "nofail": true, "noauto": true, "auto": true,
	"user": true, "users": true, "nouser": true, "exec": true, "noexec": true,
	"suid": true, "nosuid": true, "dev": true, "nodev": true, "owner": true, "group": true,
	"atime": true, "noatime": true, "relatime": true, "strictatime": true, "nodiratime": true,
	"lazytime": true, "sync": true, "async": true,
}

func (fstabWords) String() string { return "" }

func (fstabWords) Type() string { return "words" }

func (w fstabWords) Set(list string) error {
	for word := range strings.SplitSeq(list, ",") {
		if err := w.set(strings.TrimSpace(word)); err != nil {
			return err
		}
	}
	return nil
}

func (w fstabWords) set(word string) error {
	key, text, valued := strings.Cut(word, "=")
	switch {
	case word == "", fstabIgnored[word], strings.HasPrefix(word, "x-"):
		return nil
	case fstabValues[key] != "":
		if text == "" {
			return fmt.Errorf("the option %s needs a value: %s=…", key, key)
		}
		return w.flags.Set(fstabValues[key], text)
	}
	to, ok := fstabSwitches[key]
	switch {
	case !ok:
		return fmt.Errorf("the option %q is not known", key)
	case valued:
		return fmt.Errorf("the option %s takes no value", key)
	}
	return w.flags.Set(to[0], to[1])
}
