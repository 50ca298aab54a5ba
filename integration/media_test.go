package integration

import (
	"bytes"
	"encoding/base64"
	"errors"
	"image"
	"image/color"
	"image/gif"
	"image/jpeg"
	"image/png"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"losantfs/remote/emulator"
)

// picture returns an image of 7 by 5 pixels.
func picture(t *testing.T, encode func(*bytes.Buffer, image.Image) error) string {
	t.Helper()
	var b bytes.Buffer
	if err := encode(&b, image.NewPaletted(image.Rect(0, 0, 7, 5), color.Palette{color.Black, color.White})); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// TestUploadsSayWhatTheyAre saves files of many types: the service is told the type
// and, of images, the size.
func TestUploadsSayWhatTheyAre(t *testing.T) {
	t.Parallel()
	d := dancing(t, func(*emulator.Server) {})
	webp, err := base64.StdEncoding.DecodeString("UklGRhoAAABXRUJQVlA4TA0AAAAvAAAAEAcQERGIiP4HAA==")
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]struct {
		content, kind string
		size          *emulator.Dimensions
	}{
		"a.png":       {picture(t, func(b *bytes.Buffer, m image.Image) error { return png.Encode(b, m) }), "image/png", &emulator.Dimensions{Width: 7, Height: 5}},
		"a.JPG":       {picture(t, func(b *bytes.Buffer, m image.Image) error { return jpeg.Encode(b, m, nil) }), "image/jpeg", &emulator.Dimensions{Width: 7, Height: 5}},
		"a.gif":       {picture(t, func(b *bytes.Buffer, m image.Image) error { return gif.Encode(b, m, nil) }), "image/gif", &emulator.Dimensions{Width: 7, Height: 5}},
		"a.webp":      {string(webp), "image/webp", &emulator.Dimensions{Width: 1, Height: 1}},
		"a.svg":       {`<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg" width="12.5px" height="8"/>`, "image/svg+xml", &emulator.Dimensions{Width: 12.5, Height: 8}},
		"b.svg":       {`<svg viewBox="0 0 20 10"/>`, "image/svg+xml", &emulator.Dimensions{Width: 20, Height: 10}},
		"broken.png":  {"no picture", "image/png", nil},
		"style.css":   {"a{}", "text/css", nil},
		"page.html":   {"<p>", "text/html", nil},
		"data.json":   {"{}", "application/json", nil},
		"no-ending":   {picture(t, func(b *bytes.Buffer, m image.Image) error { return png.Encode(b, m) }), "image/png", &emulator.Dimensions{Width: 7, Height: 5}},
		"plain":       {"words", "text/plain", nil},
		"unknown.qqq": {"\x00\x01\x02", "application/octet-stream", nil},
	}
	for name, c := range want {
		if err := os.WriteFile(d.path(name), []byte(c.content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	d.flush()
	for name, c := range want {
		it, ok := d.emu.Find(d.app, "public", "/"+name)
		if !ok || it.ContentType != c.kind {
			t.Errorf("%s is %q on the service (there: %v), want %s", name, it.ContentType, ok, c.kind)
		}
		if (it.FileDimensions == nil) != (c.size == nil) || c.size != nil && *it.FileDimensions != *c.size {
			t.Errorf("%s is %v large on the service, want %v", name, it.FileDimensions, c.size)
		}
	}
}

// TestTypeIsKept overwrites a file whose type somebody chose.
func TestTypeIsKept(t *testing.T) {
	t.Parallel()
	d := dancing(t, filled(map[string]string{"/page.html": "old"}))
	before, _ := d.emu.Find(d.app, "public", "/page.html")
	d.sh("echo new > .page.tmp && mv .page.tmp page.html")
	d.flush()
	if after, _ := d.emu.Find(d.app, "public", "/page.html"); after.ContentType != before.ContentType || after.ID != before.ID {
		t.Errorf("%s %s, want %s %s", after.ID, after.ContentType, before.ID, before.ContentType)
	}
}

// TestTooLargeForTheService refuses what the service does not take (5 GiB) before
// anything is lost.
func TestTooLargeForTheService(t *testing.T) {
	t.Parallel()
	d := dancing(t, filled(map[string]string{"/f": "before"}))
	f, err := os.OpenFile(d.path("f"), os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	const limit = 5 << 30
	if err := f.Truncate(limit + 1); !errors.Is(err, syscall.EFBIG) {
		t.Errorf("making it longer than 5 GiB: %v, want EFBIG", err)
	}
	if _, err := f.WriteAt([]byte("x"), limit); !errors.Is(err, syscall.EFBIG) {
		t.Errorf("writing past 5 GiB: %v, want EFBIG", err)
	}
	if err := os.Truncate(d.path("f"), limit+1); !errors.Is(err, syscall.EFBIG) {
		t.Errorf("making it longer than 5 GiB by name: %v, want EFBIG", err)
	}
	if _, err := f.WriteAt([]byte("!"), 6); err != nil {
		t.Error(err)
	}
	if err := f.Close(); err != nil {
		t.Error(err)
	}
	d.flush()
	d.wantSame(map[string]string{"/f": "before!"})
}

// TestMovedFolderIsUsable moves a folder that the service takes seconds for: all
// of it is there under its new name at once, can be read and written, and arrives.
func TestMovedFolderIsUsable(t *testing.T) {
	t.Parallel()
	files := map[string]string{"/old/a": "a", "/old/sub/b": strings.Repeat("b", 400_000), "/old/sub/deep/c": "c", "/f": "f"}
	d := dancing(t, filled(files), "--settle", "100ms")
	d.set("move-delay", "400ms")
	here := map[string]string{"/new": "dir", "/new/a": "a", "/new/sub": "dir", "/new/sub/b": files["/old/sub/b"], "/new/sub/deep": "dir", "/new/sub/deep/c": "c", "/f": "f"}
	d.sh("ls -R > /dev/null; mv old new")
	for end := time.Now().Add(2 * time.Second); time.Now().Before(end); time.Sleep(50 * time.Millisecond) {
		d.wantMount(here)
		if t.Failed() {
			t.Fatal("while the service moves it")
		}
	}
	d.sh("echo -n more >> new/a; mv f new/sub/f; echo -n d > new/sub/deep/d; rm new/sub/deep/c")
	here["/new/a"], here["/new/sub/f"], here["/new/sub/deep/d"] = "amore", "f", "d"
	delete(here, "/f")
	delete(here, "/new/sub/deep/c")
	d.wantMount(here)
	d.flush()
	d.wantSame(here)
}

// A folder that is renamed holds what it held, with the times it had: programs that
// compare them would copy all of it anew.
func TestMovedFolderKeepsItsTimes(t *testing.T) {
	d := dancing(t, filled(map[string]string{"/a/f": "f", "/a/sub/g": "g"}), "--settle", "100ms")
	times := "cd a && find . -printf '%p %T@\\n' | sort"
	before := d.sh(times)
	d.sh("sleep 0.1; mv a b")
	d.flush()
	times = strings.Replace(times, "a", "b", 1)
	if after := d.sh("sleep 1.1; " + times); after != before {
		t.Errorf("before:\n%safter:\n%s", before, after)
	}
	d.remount()
	if after := d.sh(times); after != before {
		t.Errorf("before:\n%safter a remount:\n%s", before, after)
	}
}

// A drive that was killed while the service moves a folder shows the folder whole when
// it is mounted again.
func TestKilledWhileAFolderMoves(t *testing.T) {
	t.Parallel()
	files := map[string]string{"/old/a": "a", "/old/b": "b", "/old/sub/c": "c", "/old/sub/d": "d"}
	args := []string{"--space", "public", "--write", "background", "--settle", "50ms"}
	d := newDrive(t, newEmulator(t), os.Geteuid())
	filled(files)(d.emu)
	d.mount(args...)
	d.set("directory-move", "job")
	d.set("move-delay", "300ms")
	d.sh("ls -R > /dev/null; mv old new")
	for end := time.Now().Add(10 * time.Second); d.emu.Counts().Calls["move"] == 0; time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("nothing moves")
		}
	}
	d.kill()
	time.Sleep(500 * time.Millisecond) // a part has arrived
	d.mount(args...)
	d.wantMount(map[string]string{"/new": "dir", "/new/a": "a", "/new/b": "b", "/new/sub": "dir", "/new/sub/c": "c", "/new/sub/d": "d"})
}
