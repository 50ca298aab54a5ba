package integration

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// posix runs one script of system calls in a folder and notes what each call gave.
type posix struct {
	dir    string
	script string
	saw    []observation
	open   []int
}

// observation is what one call gave, as text that is the same on every disk.
type observation struct{ Call, Result string }

// posixScripts are the scripts by name. Each has a new folder.
var posixScripts = []struct {
	name string
	run  func(*posix)
}{
	{"open", openScript}, {"names", namesScript}, {"folders", foldersScript}, {"rename", renameScript},
	{"links", linksScript}, {"special", specialScript}, {"read folder", readFolderScript},
	{"write", writeScript}, {"seek", seekScript}, {"truncate", truncateScript}, {"allocate", allocateScript},
	{"copy", copyScript}, {"direct", directScript}, {"map", mapScript}, {"sync", syncScript},
	{"stat", statScript}, {"times", timesScript}, {"modes", modesScript}, {"set-group-ID", setGroupScript},
	{"xattr", xattrScript}, {"statfs", statfsScript}, {"ioctl", ioctlScript},
	{"unlinked", unlinkedScript}, {"replaced", replacedScript}, {"removed folder", removedFolderScript},
	{"flock", flockScript}, {"fcntl", fcntlScript}, {"watch", watchScript}, {"run", runScript}, {"handle", handleScript},
}

// TestPosixDifferences runs the same system calls in a drive and on a disk, while
// nothing is sent, while all is, and while the calls wait for that. They give the
// same as ext4 does, but for posixDifferences.
func TestPosixDifferences(t *testing.T) {
	if result := os.Getenv(childEnv); result != "" {
		observe(t, result)
		return
	}
	wantPrograms(t, "flock perl")
	listed, differs := map[string]change{}, map[string]bool{}
	for _, row := range posixDifferences {
		for call, c := range row.calls {
			listed[call] = c
		}
	}
	var disk unix.Statfs_t
	if err := unix.Statfs(os.TempDir(), &disk); err != nil {
		t.Fatal(err)
	}
	ext4 := disk.Type == unix.EXT4_SUPER_MAGIC // other disks differ from it as well
	other := os.Geteuid()
	if other == 0 {
		other = ordinary
	}
	var mu sync.Mutex // guards differs
	t.Run("runs", func(t *testing.T) {
		for name, r := range map[string]struct {
			uid  int
			args []string
		}{
			"owed":    {os.Geteuid(), []string{"--settle", "1m"}},
			"sent":    {other, []string{"--settle", "1ms"}},
			"through": {os.Geteuid(), []string{"--write", "through"}},
		} {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				d := writableBy(t, r.uid, nil, r.args...)
				for call, got := range d.differences() {
					switch want, ok := listed[call]; {
					case got == want:
					case !ext4 && (!ok || got.drive == want.drive):
						t.Logf("%s: %+v, where the disk is no ext4", call, got)
					default:
						t.Errorf("%s: %+v, listed is %+v", call, got, want)
					}
					mu.Lock()
					differs[call] = true
					mu.Unlock()
				}
				d.sh("chmod -R u+rwx . && rm -rf *")
				d.flush()
				d.wantService(map[string]string{})
			})
		}
	})
	for call := range listed {
		if !differs[call] && ext4 && os.Geteuid() == 0 { // some are seen by root only
			t.Errorf("%s is listed, but does not differ", call)
		}
	}
}

// differences runs the scripts on a disk and in the drive, and returns the calls that
// differ.
func (d *drive) differences() map[string]change {
	d.t.Helper()
	program, all := d.testProgram(), map[string]change{}
	onDrive, onDisk := d.observed(program, d.mnt), d.observed(program, d.folder("disk"))
	for i, o := range onDisk {
		if i >= len(onDrive) || onDrive[i].Call != o.Call {
			d.t.Fatalf("the scripts part before %q: %v", o.Call, onDrive[min(i, len(onDrive)-1):min(i+1, len(onDrive))])
		}
		if o.Result != onDrive[i].Result {
			all[o.Call] = change{o.Result, onDrive[i].Result}
		}
	}
	return all
}

// TestPosixDifferencesAreDocumented has docs/semantics.md name each row of
// posixDifferences and each reason of posixOmitted.
func TestPosixDifferencesAreDocumented(t *testing.T) {
	text, err := os.ReadFile("../docs/semantics.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, row := range posixDifferences {
		if !strings.Contains(string(text), "\n| "+row.name+" | ") {
			t.Errorf("docs/semantics.md has no row %q", row.name)
		}
	}
	for name, why := range posixOmitted {
		if !strings.Contains(string(text), "`"+name+"`") || !strings.Contains(string(text), why) {
			t.Errorf("docs/semantics.md does not say that %s is omitted: %s", name, why)
		}
	}
}

// folder makes a folder beside the mount.
func (d *drive) folder(name string) string {
	d.t.Helper()
	dir := filepath.Join(d.home, name)
	if err := os.Mkdir(dir, 0o755); err != nil {
		d.t.Fatal(err)
	}
	if err := os.Chown(dir, d.uid, d.uid); err != nil {
		d.t.Fatal(err)
	}
	return dir
}

// observed runs the scripts in a folder, as the user of the drive and in a process of
// their own: this one is the service, which must not wait for itself.
func (d *drive) observed(program, dir string) (all []observation) {
	d.t.Helper()
	result := filepath.Join(d.folder("result-"+filepath.Base(dir)), "result")
	cmd := d.command(program, "-test.run=^TestPosixDifferences$", "-test.timeout=100s")
	cmd.Env = append(cmd.Env, childEnv+"="+result)
	cmd.Dir = dir
	if out, err := cmd.CombinedOutput(); err != nil {
		d.t.Fatalf("%v\n%s", err, out)
	}
	text, err := os.ReadFile(result)
	if err == nil {
		err = json.Unmarshal(text, &all)
	}
	if err != nil {
		d.t.Fatal(err)
	}
	return all
}

// observe runs the scripts in the working folder.
func observe(t *testing.T, result string) {
	unix.Umask(0o022)
	var all []observation
	made := map[string]bool{}
	for _, s := range posixScripts {
		dir, err := filepath.Abs(s.name)
		if err == nil {
			err = os.Mkdir(dir, 0o755)
		}
		if err != nil {
			t.Fatal(err)
		}
		p := &posix{dir: dir, script: s.name}
		p.guarded(s.run)
		for _, o := range p.saw {
			if made[o.Call] {
				t.Errorf("two calls are named %q", o.Call)
			}
			made[o.Call] = true
		}
		all = append(all, p.saw...)
	}
	text, err := json.Marshal(all)
	if err == nil {
		err = os.WriteFile(result, text, 0o644)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// guarded runs a script and closes what it opened. What it could not prepare is an
// observation as well.
func (p *posix) guarded(run func(*posix)) {
	defer func() {
		if r := recover(); r != nil {
			p.on("the script").is(r)
		}
		for _, fd := range p.open {
			_ = unix.Close(fd)
		}
	}()
	run(p)
}

func (p *posix) path(name string) string { return filepath.Join(p.dir, name) }

// file makes a file with some content.
func (p *posix) file(name, content string) string {
	p.must(os.WriteFile(p.path(name), []byte(content), 0o644))
	return p.path(name)
}

// folder makes a folder.
func (p *posix) folder(name string) string {
	p.must(os.Mkdir(p.path(name), 0o755))
	return p.path(name)
}

// fd opens a file for what follows.
func (p *posix) fd(name string, flags int) int {
	fd, err := unix.Open(p.path(name), flags, 0o644)
	p.must(err)
	p.open = append(p.open, fd)
	return fd
}

func (p *posix) must(err error) {
	if err != nil {
		panic(fmt.Sprintf("%d calls on: %v", len(p.saw), err))
	}
}

// on says what call is about to be made.
func (p *posix) on(call string) recorder { return recorder{p, p.script + ": " + call} }

// recorder notes what a call gives.
type recorder struct {
	p    *posix
	call string
}

func (r recorder) is(v any) {
	r.p.saw = append(r.p.saw, observation{r.call, fmt.Sprint(v)})
}

func (r recorder) err(err error) {
	var e syscall.Errno
	switch {
	case err == nil:
		r.is("ok")
	case errors.As(err, &e):
		r.is(unix.ErrnoName(e))
	default:
		r.is(err)
	}
}

func (r recorder) n(n int, err error) {
	if err != nil {
		r.err(err)
		return
	}
	r.is(n)
}

func (r recorder) off(n int64, err error) { r.n(int(n), err) }

// fd notes whether a file was opened; it is closed when the script ends.
func (r recorder) fd(fd int, err error) int {
	r.err(err)
	if err == nil {
		r.p.open = append(r.p.open, fd)
	}
	return fd
}

// text notes what a file has.
func (r recorder) text(path string) {
	data, err := os.ReadFile(path)
	if err != nil {
		r.err(err)
		return
	}
	r.is(fmt.Sprintf("%d bytes %.60q", len(data), data))
}

// stat is stat(2) of what must be there.
func (p *posix) stat(name string) unix.Stat_t {
	var st unix.Stat_t
	p.must(unix.Lstat(p.path(name), &st))
	return st
}

func (p *posix) fstat(fd int) unix.Stat_t {
	var st unix.Stat_t
	p.must(unix.Fstat(fd, &st))
	return st
}
