package cmd

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/moby/sys/mountinfo"
)

func TestCheckMountpoint(t *testing.T) {
	dir, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	empty := filepath.Join(dir, "an empty one")
	if err := os.Mkdir(empty, 0o700); err != nil {
		t.Fatal(err)
	}
	link := filepath.Join(dir, "link")
	if err := os.Symlink(empty, link); err != nil {
		t.Fatal(err)
	}
	file := write(t, "", dir, "full", "file")
	for _, tt := range []struct{ path, want, fail string }{
		{path: empty, want: empty},
		{path: link, want: empty},
		{path: empty + "/../link/", want: empty},
		{path: filepath.Join(dir, "missing one"), fail: "mkdir -p '" + dir + "/missing one'"},
		{path: filepath.Join(dir, "missing", "deep"), fail: "mkdir -p " + dir + "/missing/deep"},
		{path: file, fail: "is not a folder"},
		{path: filepath.Dir(file), fail: "is not empty"},
		{path: filepath.Join(file, "below"), fail: "cannot be used"},
	} {
		got, err := checkMountpoint(tt.path, quiet)
		if tt.fail != "" {
			wantError(t, err, tt.fail)
		} else if err != nil || got != tt.want {
			t.Errorf("%s: %q, %v; want %q", tt.path, got, err, tt.want)
		}
	}
}

// No test looks at a real mount: one that is wrong about it must not be able to
// take it away.
func TestStateOf(t *testing.T) {
	gone := &os.PathError{Op: "stat", Path: "/mnt", Err: syscall.ENOTCONN}
	denied := &os.PathError{Op: "stat", Path: "/mnt", Err: syscall.EACCES}
	for _, tt := range []struct {
		m    mountinfo.Info
		err  error
		want mountState
	}{
		{ourMount, nil, liveDrive},
		{ourMount, denied, liveDrive},
		{ourMount, gone, deadDrive},
		{mountinfo.Info{FSType: "devtmpfs"}, nil, foreignMount},
		{mountinfo.Info{FSType: "devtmpfs"}, gone, foreignMount},
		{mountinfo.Info{FSType: "fuse.sshfs", Source: "host:"}, gone, foreignMount},
		{mountinfo.Info{FSType: "fuse"}, gone, foreignMount},
	} {
		if got := stateOf(&tt.m, tt.err); got != tt.want {
			t.Errorf("%s, %v: state %d, want %d", tt.m.FSType, tt.err, got, tt.want)
		}
	}
}

// What can be told of a drive that no process of this user serves.
func TestNotServed(t *testing.T) {
	me := strconv.Itoa(os.Getuid())
	for options, want := range map[string]string{
		"rw,user_id=4294967290,group_id=0": "belongs to another user (4294967290): ",
		"rw,user_id=" + me + ",group_id=0": "set XDG_STATE_HOME",
		"rw,group_id=0":                    "belongs to another user, or ",
	} {
		if got := notServed(&mountinfo.Info{VFSOptions: options}); !strings.Contains(got, want) {
			t.Errorf("%s: %q, want %q", options, got, want)
		}
	}
	a, b, over := &mountinfo.Info{Mountpoint: "/"}, &mountinfo.Info{Mountpoint: "/mnt/a"}, &mountinfo.Info{Mountpoint: "/mnt/a"}
	if got := deepest([]*mountinfo.Info{a, b, over}); got != over {
		t.Errorf("deepest: %+v", got)
	}
	if got := deepest([]*mountinfo.Info{b, a}); got != b {
		t.Errorf("deepest: %+v", got)
	}
	if got := deepest(nil); got != nil {
		t.Errorf("deepest of none: %+v", got)
	}
}

func TestResolved(t *testing.T) {
	dir, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(dir, filepath.Join(dir, "link")); err != nil {
		t.Fatal(err)
	}
	for in, want := range map[string]string{
		"/": "/", dir: dir, dir + "/link": dir, dir + "/link/not/there": dir + "/not/there", "/not-there/x": "/not-there/x",
	} {
		if got := resolved(in); got != want {
			t.Errorf("resolved(%q) = %q, want %q", in, got, want)
		}
	}
	if state, m, err := innermost(filepath.Join(dir, "not", "there")); err != nil || state == liveDrive || state == deadDrive {
		t.Errorf("an ordinary folder: %d, %+v, %v", state, m, err)
	}
}

func TestWithin(t *testing.T) {
	for _, tt := range []struct {
		path, dir, rest string
		ok              bool
	}{
		{"/a/b", "/a/b", "", true},
		{"/a/b/c/d", "/a/b", "c/d", true},
		{"/a/bc", "/a/b", "/a/bc", false},
		{"/a", "/a/b", "/a", false},
		{"/a", "/", "a", true},
	} {
		if rest, ok := within(tt.path, tt.dir); rest != tt.rest || ok != tt.ok {
			t.Errorf("within(%q, %q) = %q, %t; want %q, %t", tt.path, tt.dir, rest, ok, tt.rest, tt.ok)
		}
	}
}

func TestLongestMount(t *testing.T) {
	at := func(path string) liveMount {
		return liveMount{statusAnswer: statusAnswer{Status: driveStatus{Mountpoint: path}}}
	}
	live := []liveMount{at("/mnt/a/b"), at("/mnt/a"), at("/mnt/ab")}
	for path, want := range map[string][2]string{
		"/mnt/a": {"/mnt/a", ""}, "/mnt/a/x": {"/mnt/a", "x"}, "/mnt/a/b/x/y": {"/mnt/a/b", "x/y"}, "/mnt/abc": {"", ""},
	} {
		m, rel, ok := longestMount(live, path)
		if m.Status.Mountpoint != want[0] || rel != want[1] || ok != (want[0] != "") {
			t.Errorf("%s: %q, %q, %t; want %q", path, m.Status.Mountpoint, rel, ok, want)
		}
	}
}
