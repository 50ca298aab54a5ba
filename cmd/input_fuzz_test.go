package cmd

import (
	"io"
	"math"
	"path"
	"reflect"
	"strings"
	"testing"

	"github.com/spf13/pflag"

	"losantfs/remote"
)

// What people, mount(8) and the vendor's tools write can be anything.

// FuzzFstabWords reads any words of fstab. What is accepted can be used, and reads the
// same when it is written out.
func FuzzFstabWords(f *testing.F) {
	for _, words := range []string{"", "ro", "rw,ro", "uid=0,gid=4294967295,umask=777", "umask=0o22", "umask=-1", "cache_size=1e3", "cache_size=17EB", "cache_size=0.5KiB",
		"settle=1m0.1s", "settle=-1s", "settle=NaN", "uploads=0064", "uploads=65", "timeout=9223372036s", "poll_interval=-5m", "local_only=[,local_only=*.tmp",
		"local_only=a/b", "space=both,space=private", "write=through", "x-systemd.a=b=c", "ro=1", "=", "uid=", ",,,"} {
		f.Add(words)
	}
	f.Fuzz(func(t *testing.T, words string) {
		var o, again mountOptions
		flags, written := pflag.NewFlagSet("test", pflag.ContinueOnError), pflag.NewFlagSet("test", pflag.ContinueOnError)
		o.register(flags)
		again.register(written)
		flags.SetOutput(io.Discard)
		o.mountpoint, again.mountpoint = "/mnt", "/mnt"
		if flags.Set("options", words) != nil || o.complete(flags) != nil {
			return
		}
		if o.umask > 0o777 || o.cacheSize < 0 || o.settle < 0 || o.settle > maxSettle || o.uploads < 1 || o.uploads > maxUploads || len(o.spaces) == 0 ||
			o.timeout <= 0 || o.pollInterval < 0 {
			t.Errorf("%q is taken for %+v", words, o)
		}
		for _, p := range o.localOnly {
			if _, err := path.Match(p, "some name"); err != nil || strings.Contains(p, "/") {
				t.Errorf("the pattern %q: %v", p, err)
			}
		}
		flags.VisitAll(func(fl *pflag.Flag) {
			if fl.Changed && fl.Name != "local-only" && fl.Name != "cache-size" { // which have several, or are rounded
				if err := written.Set(fl.Name, fl.Value.String()); err != nil {
					t.Errorf("%s is written as %q, which is wrong: %v", fl.Name, fl.Value, err)
				}
			}
		})
		again.localOnly, again.cacheSize, again.tokenFile, again.cacheDir, again.logFile = o.localOnly, o.cacheSize, o.tokenFile, o.cacheDir, o.logFile
		if !reflect.DeepEqual(o, again) {
			t.Errorf("%+v is written as %+v", o, again)
		}
	})
}

// FuzzSize reads any size.
func FuzzSize(f *testing.F) {
	for _, s := range []string{"0", "1", "500M", "8GiB", "1,000", "-1", "1e9", ".5k", "9223372036854775807", "9223372036854775808", "16EiB", "NaN", "infGB", "1 0 B", ""} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		n, err := parseSize(s)
		if err != nil {
			return
		}
		if n < 0 {
			t.Errorf("%q is %d", s, n)
		}
		again, err := parseSize(sizeText(n))
		if err != nil || math.Abs(float64(again)-float64(n)) > 0.06*float64(n)+1 {
			t.Errorf("%q is %d, which is written as %s: %d, %v", s, n, sizeText(n), again, err)
		}
	})
}

// FuzzToken reads any file as one with a token: what is taken for one fits into a
// header, and what is not is in no error.
func FuzzToken(f *testing.F) {
	for _, s := range []string{"", "abc.def.ghi", " abc\n", "a b", "a\r\nX: y", "a\x00", "é", "\xef\xbb\xbfabc", strings.Repeat("x", 5000)} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		got, err := checkToken(s)
		if err != nil {
			wantNoSecret(t, err, s)
			return
		}
		if got == "" || strings.ContainsFunc(got, func(r rune) bool { return r <= ' ' || r > '~' }) || !strings.Contains(s, got) {
			t.Errorf("%q is taken for the token %q", s, got)
		}
	})
}

// wantNoSecret checks that an error quotes nothing of a secret.
func wantNoSecret(t *testing.T, err error, secret string) {
	t.Helper()
	for word := range strings.FieldsSeq(secret) {
		if len(word) > 20 && strings.Contains(err.Error(), word) {
			t.Errorf("the error tells the secret: %v", err)
		}
	}
}

// FuzzCredentials reads any file as that of the vendor's tool. A token is shown to
// the API only that it was stored for.
func FuzzCredentials(f *testing.F) {
	for _, s := range []string{"", "apiToken: abc", "https://api.losant.com:\n  apiToken: abc\n", "https://API.losant.com/:\n  apiToken: abc\nhttps://x:\n  apiToken: def",
		"a: &a [*a, *a]", "apiToken: [1]", "? {a: b}\n: c", "<<: {apiToken: x}", "a:\n  apiToken: !!binary YWJj", "\t", "1: 2", "apiToken: |\n  a\n  b"} {
		f.Add([]byte(s), "https://api.losant.com")
	}
	f.Fuzz(func(t *testing.T, data []byte, url string) {
		c, err := parseCredentials(data)
		if err != nil {
			wantNoSecret(t, err, string(data))
			return
		}
		for _, b := range brands {
			text := c.token(trimURL(url), b)
			if other, known := brandOf(trimURL(url)); text != "" && c.byURL[trimURL(url)] == "" && (text != c.older || known && other != b) {
				t.Errorf("%s gets a token that is not for it", url)
			}
		}
	})
}

// FuzzFolderSettings reads any file as the settings of a project's folder.
func FuzzFolderSettings(f *testing.F) {
	for _, s := range []string{"", "applicationId: 61f1f1f1f1f1f1f1f1f1f1f1\napiUrl: https://api.losant.com/", "applicationId: ../x", "applicationId: 5", "applicationId: [a]",
		"apiUrl: {a: b}", "- a", "path: /x", "applicationId: &a a\nb: *a", "\x00"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		s, err := parseFolderSettings("/a/.losant/.application.yml", data)
		if err != nil {
			if !strings.HasPrefix(err.Error(), "/a/.losant/.application.yml: ") {
				t.Errorf("%v", err)
			}
			return
		}
		if s.ApplicationID != "" && !remote.ValidID(s.ApplicationID) || s.path != "/a/.losant/.application.yml" || trimURL(s.APIURL) != s.APIURL {
			t.Errorf("%+v", s)
		}
	})
}
