package integration

import (
	"strings"
	"testing"
	"time"

	"losantfs/remote/emulator"
)

// TestWhatTheServiceRefusesStaysHere saves what the service does not take: it is
// said, it is kept over a remount and a kill, and the rest arrives all the same.
func TestWhatTheServiceRefusesStaysHere(t *testing.T) {
	long := strings.Repeat("long", 60)
	deep := strings.Join([]string{long, long, long, long, long}, "/") // more than the 1,024 characters of a folder's path
	for _, c := range []struct {
		name     string
		switches []string
		fill     map[string]string
		script   string
		refused  string // path
		arrives  map[string]string
		mend     string            // what makes it acceptable
		mended   map[string]string // what arrives then
	}{
		{"a file without bytes", []string{"zero-bytes", "reject"}, map[string]string{"/old": "x"}, ": > empty; echo -n full > full", "/empty",
			map[string]string{"/old": "x", "/full": "full"},
			"echo -n text > empty", map[string]string{"/old": "x", "/full": "full", "/empty": "text"}},
		{"a file that is emptied", []string{"zero-bytes", "reject"}, map[string]string{"/old": "x"}, ": > old; echo -n full > full", "/old",
			map[string]string{"/old": "x", "/full": "full"},
			"echo -n y > old", map[string]string{"/old": "y", "/full": "full"}},
		{"another case", []string{"case-sensitive", "false"}, map[string]string{"/readme": "theirs"}, "echo -n mine > README; echo -n full > full", "/README",
			map[string]string{"/readme": "theirs", "/full": "full"},
			"mv README mine", map[string]string{"/readme": "theirs", "/full": "full", "/mine": "mine"}},
		{"too deep", nil, nil, "mkdir -p " + deep + " && cd " + deep + " && echo -n deep > file && cd - > /dev/null; echo -n full > full", "/" + deep + "/file",
			map[string]string{"/full": "full"},
			"mv " + deep + "/file up; rm -r " + long, map[string]string{"/full": "full", "/up": "deep"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			d := dancing(t, func(emu *emulator.Server) {
				filled(c.fill)(emu)
				for i := 0; i < len(c.switches); i += 2 {
					if err := emu.Set(c.switches[i], c.switches[i+1]); err != nil {
						t.Fatal(err)
					}
				}
			}, "--settle", "100ms")
			d.sh("ls > /dev/null")
			d.sh(c.script)
			here := tree(t, d.mnt)
			owed := func(when string) {
				t.Helper()
				out, errs, err := d.run("flush", d.mnt, "--timeout", "5s")
				if err == nil || !strings.Contains(out+errs, d.mnt+c.refused) {
					t.Errorf("%s, flush says %v, %s%s; it must name %s", when, err, out, errs, c.refused)
				}
				for end := time.Now().Add(5 * time.Second); !strings.Contains(d.stderr.String(), c.refused); time.Sleep(10 * time.Millisecond) {
					if time.Now().After(end) {
						t.Errorf("%s, the log does not name %s", when, c.refused)
						break
					}
				}
				got := d.service()
				for path := range got {
					switch _, wanted := c.arrives[path]; {
					case strings.HasPrefix(c.refused, path+"/"): // the folders on the way come as far as they can
						delete(got, path)
					case path == c.refused && !wanted: // waits for its content
						delete(got, path)
					case path == c.refused:
						got[path] = strings.TrimSuffix(got[path], " (pending)")
					}
				}
				if diff := differences(got, c.arrives); diff != "" {
					t.Errorf("%s, the service differs:\n%s", when, diff)
				}
				d.wantMount(here)
			}
			owed("at first")
			d.remount()
			owed("after a remount")
			d.kill()
			d.mount("--space", "public", "--write", "background", "--settle", "100ms")
			owed("after a kill")
			d.sh(c.mend)
			d.flush()
			d.wantSame(c.mended)
		})
	}
}
