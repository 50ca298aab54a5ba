package cmd

import (
	"context"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// serve makes the control socket of a drive that is not mounted.
func serve(t *testing.T, d *drive) sockets {
	t.Helper()
	isolate(t)
	folder, err := openSockets()
	if err != nil {
		t.Fatal(err)
	}
	l, err := folder.listen(d.o.mountpoint)
	if err != nil {
		t.Fatal(err)
	}
	d.control = serveControl(folder, l, d)
	return folder
}

func TestAskThroughSocket(t *testing.T) {
	d := opened(t, bothSpaces)
	dir, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(filepath.Join(dir, "public"), 0o700); err != nil {
		t.Fatal(err)
	}
	d.o.mountpoint = dir
	folder := serve(t, d)
	path, err := folder.path(d.o.mountpoint)
	if err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Fatalf("socket: %v, %v; want mode 0600", info, err)
	}
	var i entryInfo
	if err := askAbout(t.Context(), dir+"/public/100% sure? yes #1.txt", routeInfo, &i); err != nil || i.Type != "file" || *i.Size != 53 {
		t.Errorf("info %+v, %v", i, err)
	}
	var u urlAnswer
	if err := askAbout(t.Context(), dir+"/public/index.html", routeURL, &u); err != nil || !strings.HasPrefix(u.URL, "http") {
		t.Errorf("url %+v, %v", u, err)
	}
	wantError(t, askAbout(t.Context(), dir+"/public/none", routeURL, &u), dir+"/public/none: file does not exist")
	wantError(t, askAbout(t.Context(), "/mnt/other", routeURL, &u), "is not on a drive")
	wantError(t, newPeer(path).ask(t.Context(), "GET /nothing", url.Values{}, &u), "404")
	wantError(t, (&unmounter{bar: newProgress(nil)}).unmount(t.Context(), dir+"/public"), "is a part of the drive at "+dir)
	d.control.close()
	d.control = nil
	if _, err := os.Stat(path); err == nil {
		t.Error("the socket is still there after the end")
	}
	wantError(t, newPeer(path).ask(t.Context(), routeStatus, nil, &u), errNoPeer.Error())
}

func TestDeadSocket(t *testing.T) {
	isolate(t)
	folder, err := openSockets()
	if err != nil {
		t.Fatal(err)
	}
	dead := func() string {
		path, err := folder.path("/mnt/dead")
		if err != nil {
			t.Fatal(err)
		}
		l, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
		if err != nil {
			t.Fatal(err)
		}
		l.SetUnlinkOnClose(false)
		l.Close()
		return path
	}
	path := dead()
	if live, err := liveMounts(t.Context()); err != nil || len(live) != 0 {
		t.Errorf("mounts %v, %v; want none", live, err)
	}
	if _, err := os.Lstat(path); err == nil {
		t.Error("status left the dead socket")
	}
	dead()
	l, err := folder.listen("/mnt/dead")
	if err != nil {
		t.Fatalf("a dead socket is in the way: %v", err)
	}
	// A second process for the same mount point waits for the first to end.
	time.AfterFunc(200*time.Millisecond, func() { folder.close(l) })
	second, err := folder.listen("/mnt/dead")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := folder.tryListen(path); err != errServed {
		t.Errorf("listening twice: %v", err)
	}
	folder.close(second)
	if paths, err := folder.all(); err != nil || len(paths) != 0 {
		t.Errorf("left: %v, %v", paths, err)
	}
}

func TestSilentProcess(t *testing.T) {
	isolate(t)
	folder, err := openSockets()
	if err != nil {
		t.Fatal(err)
	}
	l, err := folder.listen("/mnt/silent") // and never answers
	if err != nil {
		t.Fatal(err)
	}
	defer folder.close(l)
	var answer statusAnswer
	path, _ := folder.path("/mnt/silent")
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	wantError(t, newPeer(path).ask(ctx, routeStatus, nil, &answer), "does not answer")
}

func TestLongSocketPath(t *testing.T) {
	_, err := sockets("/" + strings.Repeat("x", 100)).path("/mnt")
	wantError(t, err, "too long", "XDG_STATE_HOME")
	a, _ := sockets("/s").path("/mnt/a")
	b, _ := sockets("/s").path("/mnt/b")
	if a == b || filepath.Dir(a) != "/s" || filepath.Ext(a) != ".sock" {
		t.Errorf("paths %q and %q", a, b)
	}
}
