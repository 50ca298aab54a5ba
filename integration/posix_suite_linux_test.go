package integration

import (
	"maps"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/hanwen/go-fuse/v2/posixtest"
)

// posixOmitted are the functions of go-fuse's posixtest that a drive does not pass,
// each with the reason. docs/semantics.md has the same list.
var posixOmitted = map[string]string{
	"Link": noHardLinks, "LinkUnlinkRename": noHardLinks,
	"SymlinkReadlink": noSymlinks, "SetattrSymlink": noSymlinks, "OpenSymlinkRace": noSymlinks,
	"XAttr": noAttributes, "XAttrLarge": noAttributes,
	"Tmpfile":             "there is no `O_TMPFILE`",
	"FcntlFlockLocksFile": "it has two locks of one process exclude each other, which fcntl(2) says they do not",
}

const (
	noHardLinks  = "the service has no hard links"
	noSymlinks   = "the service has no symbolic links"
	noAttributes = "the service has no place for extended attributes"
)

// TestPosixSuite runs all of posixtest in a mount. What is omitted is run as well,
// and must fail or be skipped: no reason may outlive itself. Each function has a
// process of its own, as this one is the service.
func TestPosixSuite(t *testing.T) {
	if name := os.Getenv(childEnv); name != "" {
		runPosixFunction(t, posixtest.All[name])
		return
	}
	for name := range posixOmitted {
		if posixtest.All[name] == nil {
			t.Errorf("%s is omitted, but does not exist", name)
		}
	}
	users := map[string]int{"user": os.Geteuid()}
	if os.Geteuid() == 0 {
		users = map[string]int{"root": 0, "ordinary user": ordinary}
	}
	for who, uid := range users {
		t.Run(who, func(t *testing.T) {
			d := writableBy(t, uid, nil)
			suite := d.testProgram()
			for _, name := range slices.Sorted(maps.Keys(posixtest.All)) {
				t.Run(name, func(t *testing.T) {
					d.sh("mkdir " + name)
					cmd := d.command(suite, "-test.run=^TestPosixSuite$", "-test.timeout=60s")
					cmd.Env = append(cmd.Env, childEnv+"="+name)
					cmd.Dir = d.path(name)
					out, err := cmd.CombinedOutput()
					switch why, omitted := posixOmitted[name]; {
					case err != nil && !omitted:
						t.Errorf("%v\n%s", err, out)
					case err == nil && omitted:
						t.Errorf("it is omitted (%s), but passes", why)
					}
				})
			}
			d.sh("rm -r *")
			d.flush()
			d.wantService(map[string]string{})
		})
	}
}

// runPosixFunction takes what is skipped as failed: the suite would skip whatever a
// drive cannot do.
func runPosixFunction(t *testing.T, f func(*testing.T, string)) {
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	skipped := false
	t.Run("", func(t *testing.T) {
		defer func() { skipped = t.Skipped() }()
		f(t, dir)
	})
	if skipped {
		t.Error("skipped")
	}
}

// testProgram puts this program where the user of the drive may run it.
func (d *drive) testProgram() string {
	d.t.Helper()
	program, err := os.ReadFile(os.Args[0])
	path := filepath.Join(d.home, "test-program")
	if err == nil {
		err = os.WriteFile(path, program, 0o755)
	}
	if err != nil {
		d.t.Fatal(err)
	}
	return path
}
