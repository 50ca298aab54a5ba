package cmd

import (
	"os"
	"path/filepath"
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
