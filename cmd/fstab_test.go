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
	for _, tt := range []struct {
		change func(*mountOptions)
		part   string
	}{
		{func(o *mountOptions) { o.timeout = 0 }, "--timeout"},
		{func(o *mountOptions) { o.pollInterval = -1 }, "--poll-interval"},
		{func(o *mountOptions) { o.mountpoint = "" }, "mount point"},
	} {
		o, _ := parse(t)
		o.mountpoint = "x"
		tt.change(&o)
		wantError(t, o.complete(), tt.part)
	}
	o, _ := parse(t, "--token-file=t", "--cache-dir=c", "--log-file=/l")
	o.mountpoint = "m"
	if err := o.complete(); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{o.tokenFile, o.cacheDir, o.logFile, o.mountpoint} {
		if !strings.HasPrefix(path, "/") {
			t.Errorf("%q is still relative", path)
		}
	}
}
