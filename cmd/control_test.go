package cmd

import (
	"bytes"
	"context"
	"encoding/json"
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

func TestStatusJSON(t *testing.T) {
	d := opened(t, bothSpaces)
	serve(t, d)
	var out bytes.Buffer
	if err := showStatus(t.Context(), &out, nil, true); err != nil {
		t.Fatal(err)
	}
	var got map[string][]map[string]any
	if err := json.Unmarshal(out.Bytes(), &got); err != nil {
		t.Fatal(err)
	}
	if len(got) != 1 || len(got["mounts"]) != 1 {
		t.Fatalf("not one mount: %s", out.String())
	}
	m := got["mounts"][0]
	want := map[string]any{
		"mountpoint": "/mnt/files", "application": d.app.ID, "api_url": d.client.URL(), "space": "both", "online": true, "read_only": true,
		"files": 3.0, "bytes": 596.0, "owed": 0.0, "owed_bytes": 0.0, "uploading": 0.0, "failed": []any{}, "conflicts": []any{},
		"cache_bytes": 0.0, "requests": map[string]any{"list": 2.0},
	}
	for key, value := range want {
		if a, b := mustJSON(t, m[key]), mustJSON(t, value); a != b {
			t.Errorf("%s is %s, want %s", key, a, b)
		}
		delete(m, key)
	}
	if len(m) > 0 {
		t.Errorf("more than agreed: %v", m)
	}
}

func mustJSON(t *testing.T, v any) string {
	t.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestStatusOffline(t *testing.T) {
	e := startEmulator(t)
	d, s := unmounted(t, e, e.Token(), bothSpaces)
	d.app.ID = e.Application()
	d.o.pollInterval = 0
	if err := d.openSpaces(t.Context(), s); err != nil {
		t.Fatal(err)
	}
	before := time.Now()
	if err := e.Set("down", "true"); err != nil {
		t.Fatal(err)
	}
	if _, _, err := d.spaces[1].List(t.Context(), "/none/"); err == nil {
		t.Fatal("listing works although the service is down")
	}
	got := d.status().Status
	if got.Online || got.Error == "" || got.OfflineSince == nil || got.OfflineSince.Before(before) {
		t.Errorf("status %+v; want offline with a time and a reason", got)
	}
}

func TestStatusTable(t *testing.T) {
	isolate(t)
	var out bytes.Buffer
	if err := showStatus(t.Context(), &out, nil, true); err != nil || mustCompact(t, out.Bytes()) != `{"mounts":[]}` {
		t.Errorf("%q, %v; want no mounts", out.String(), err)
	}
	out.Reset()
	if err := statusTable(&out, nil, nil); err != nil || out.String() != "nothing is mounted\n" {
		t.Errorf("%q, %v", out.String(), err)
	}
	out.Reset()
	since := time.Now()
	live := []liveMount{{statusAnswer: statusAnswer{Name: "A\x1b[31m", Status: driveStatus{
		Mountpoint: "/mnt/files", Application: someID, Space: "public", OfflineSince: &since, Error: "no answer",
		Files: 12, Bytes: 34_000, CacheBytes: 5_000, Requests: map[string]int64{"list": 3, "get": 4}}}}}
	if err := statusTable(&out, live, []string{"/mnt/left over"}); err != nil {
		t.Fatal(err)
	}
	for _, part := range []string{"/mnt/files", someID, "public", "offline since " + since.Format(time.TimeOnly), "12 (34 kB)", "5.0 kB", " 7\n",
		"/mnt/files is offline: no answer", "losantfs unmount '/mnt/left over'"} {
		if !strings.Contains(out.String(), part) {
			t.Errorf("the table lacks %q:\n%s", part, out.String())
		}
	}
	if strings.Contains(out.String(), "\x1b") {
		t.Error("the table passes an escape sequence on")
	}
}

func mustCompact(t *testing.T, b []byte) string {
	t.Helper()
	var out bytes.Buffer
	if err := json.Compact(&out, b); err != nil {
		t.Fatal(err)
	}
	return out.String()
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
	wantError(t, unmount(t.Context(), dir+"/public"), "is a part of the drive at "+dir)
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
