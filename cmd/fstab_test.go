package cmd

import (
	"io"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/spf13/pflag"

	"losantfs/remote"
)

// parse returns the options of a command line.
func parse(t *testing.T, args ...string) (mountOptions, error) {
	t.Helper()
	var o mountOptions
	f := pflag.NewFlagSet("test", pflag.ContinueOnError)
	f.SetOutput(io.Discard)
	o.register(f)
	err := flagError(f.Parse(args))
	return o, err
}

func TestFstabWords(t *testing.T) {
	defaults := func(change func(*mountOptions)) mountOptions {
		o, _ := parse(t)
		change(&o)
		return o
	}
	tests := []struct {
		args []string
		want mountOptions
	}{
		{nil, defaults(func(o *mountOptions) {})},
		{[]string{"-o", "defaults,_netdev,nofail,noauto,auto,user,users,nouser,exec,noexec,suid,nosuid,dev,nodev,x-systemd.automount,x-a=b,"},
			defaults(func(o *mountOptions) {})},
		{[]string{"-o", "ro,allow_other"}, defaults(func(o *mountOptions) { o.readOnly, o.allowOther = true, true })},
		{[]string{"-o", "read_only"}, defaults(func(o *mountOptions) { o.readOnly = true })},
		{[]string{"--read-only", "-o", "rw"}, defaults(func(o *mountOptions) {})},
		{[]string{"-o", "rw", "--read-only"}, defaults(func(o *mountOptions) { o.readOnly = true })},
		{[]string{"-o", "uid=1000, gid=1001,umask=077"}, defaults(func(o *mountOptions) { o.uid, o.gid, o.umask = 1000, 1001, 0o077 })},
		{[]string{"-o", "token_file=/etc/a=b,api_url=https://x", "-o", "space=private"},
			defaults(func(o *mountOptions) {
				o.tokenFile, o.apiURL, o.spaces = "/etc/a=b", "https://x", []remote.Space{remote.Private}
			})},
		{[]string{"-o", "cache_dir=/c,cache_size=5G,log_file=/l,poll_interval=1m,timeout=5s"},
			defaults(func(o *mountOptions) {
				o.cacheDir, o.cacheSize, o.logFile, o.pollInterval, o.timeout = "/c", 5_000_000_000, "/l", time.Minute, 5*time.Second
			})},
		{[]string{"-o", "rw,write=through,settle=250ms,uploads=64,local_only=*.tmp,local_only=~*", "--local-only", "*.bak"},
			defaults(func(o *mountOptions) {
				o.write, o.settle, o.uploads, o.localOnly = writesThrough, 250*time.Millisecond, 64, []string{"*.tmp", "~*", "*.bak"}
			})},
		{[]string{"--write", "background", "--settle", "0s", "--uploads", "1"},
			defaults(func(o *mountOptions) { o.settle, o.uploads = 0, 1 })},
		{[]string{"--settle", "1m"}, defaults(func(o *mountOptions) { o.settle = time.Minute })},
	}
	for _, tt := range tests {
		got, err := parse(t, tt.args...)
		if err != nil {
			t.Errorf("%q: %v", tt.args, err)
			continue
		}
		if !reflect.DeepEqual(got, tt.want) {
			t.Errorf("%q:\n%+v, want\n%+v", tt.args, got, tt.want)
		}
	}
}

func TestFlagsRefused(t *testing.T) {
	tests := []struct{ args, part string }{
		{"-o token=SECRET", `"token" is not known`},
		{"-o ro,SECRETS=1", "is not known"},
		{"-o uid", "needs a value"},
		{"-o uid=", "needs a value"},
		{"-o uid=me", "a number"},
		{"-o ro=1", "takes no value"},
		{"-o umask=999", "octal"},
		{"--umask 1777", "octal"},
		{"--space all", "both, public or private"},
		{"--cache-size lots", "10G"},
		{"--cache-size lots", `"lots"`},
		{"--cache-size 10EB", "10G"},
		{"--log-level loud", "debug"},
		{"--write sometimes", "background or through is needed"},
		{"--write=", "background or through"},
		{"-o write=", "needs a value"},
		{"--settle -1s", "0s to 1m"},
		{"--settle 61s", "0s to 1m"},
		{"-o settle=soon", "500ms"},
		{"--uploads 0", "1 to 64"},
		{"-o uploads=65", "1 to 64"},
		{"--uploads many", "1 to 64"},
		{"--local-only [", "a pattern of a name"},
		{"--local-only a/b", "without /"},
		{"--log-format xml", "json"},
	}
	for _, tt := range tests {
		_, err := parse(t, strings.Fields(tt.args)...)
		wantError(t, err, tt.part)
		if err != nil && strings.Contains(err.Error(), "=SECRET") {
			t.Errorf("%s: the error repeats the value: %v", tt.args, err)
		}
	}
}

func TestComplete(t *testing.T) {
	t.Chdir(t.TempDir())
	complete := func(line string) (mountOptions, error) {
		var o mountOptions
		f := pflag.NewFlagSet("test", pflag.ContinueOnError)
		o.register(f)
		f.StringVar(&o.mountpoint, "at", "x", "")
		if err := f.Parse(strings.Fields(line)); err != nil {
			t.Fatal(err)
		}
		err := o.complete(f)
		return o, err
	}
	for line, part := range map[string]string{
		"--timeout=0s":                       "--timeout",
		"--poll-interval=-1s":                "--poll-interval",
		"--poll-interval=1ns":                "at least 100ms",
		"--poll-interval=99ms":               "at least 100ms",
		"--at=":                              "mount point",
		"--read-only --write background":     "leave one of them out",
		"-o ro,write=through":                "leave one of them out",
		"--write through -o ro":              "leave one of them out",
		"--write background -o rw,read_only": "leave one of them out",
	} {
		_, err := complete(line)
		wantError(t, err, part)
	}
	for line, want := range map[string]string{
		"": "writable", "-o rw": "writable", "--write through": "writable", "-o ro,rw --write through": "writable",
		"-o ro": "read-only", "--read-only": "read-only", "--poll-interval=0": "writable", "--poll-interval=100ms": "writable",
	} {
		if o, err := complete(line); err != nil || o.access() != want {
			t.Errorf("%q: %s, %v; want %s", line, o.access(), err, want)
		}
	}
	o, err := complete("--token-file=t --cache-dir=c --log-file=/l --at=m")
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{o.tokenFile, o.cacheDir, o.logFile, o.mountpoint} {
		if !strings.HasPrefix(path, "/") {
			t.Errorf("%q is still relative", path)
		}
	}
}
