package integration

import (
	"bytes"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"losantfs/remote/emulator"
)

var oddNames = []string{
	"plain.txt", "with space", "100%", "%41", "a#b", "a?b", "a&b=c", "a+b", "a;b", "quote'\"", "back\\slash", "[x]*", "~", "-rf",
	"文档.txt", "naïve", "e\u0301 decomposed", "é composed", "😀.png", ".hidden", "trailing.", " leading", "trailing ", "CON", "a:b|c<d>",
	strings.Repeat("n", 255), strings.Repeat("名", 85),
}

// content returns deterministic bytes for a path.
func content(path string, size int) []byte {
	var seed [32]byte
	copy(seed[:], path)
	b := make([]byte, size)
	_, _ = rand.NewChaCha8(seed).Read(b)
	return b
}

// fillTree puts a few hundred files into both spaces and returns what should be
// seen below the mount, directories with nil.
func fillTree(emu *emulator.Server) map[string][]byte {
	want := map[string][]byte{}
	put := func(space, path string, size int) {
		data := content(space+path, size)
		emu.PutFile(emu.Application(), space, path, data)
		want[space+path] = data
		for dir := filepath.Dir(path); dir != "/"; dir = filepath.Dir(dir) {
			want[space+dir] = nil
		}
	}
	for _, space := range []string{"public", "private"} {
		want[space] = nil
		for i, name := range oddNames {
			put(space, "/odd/"+name, 10*i)
			put(space, "/odd dirs/"+name+"/file", 7)
		}
		for i := range 100 {
			put(space, fmt.Sprintf("/many/%d/%d/f%d.bin", i%3, i%7, i), i*i)
		}
		for i, size := range []int{0, 1, 4095, 4096, 4097, 65535, 65536, 65537, 262143, 262144, 262145, 1 << 20, 3<<20 + 1} {
			put(space, fmt.Sprintf("/sizes/%02d-%d", i, size), size)
		}
		put(space, "/"+strings.Repeat("deep/", 40)+"bottom", 3)
		emu.PutDir(emu.Application(), space, "/empty dir")
		want[space+"/empty dir"] = nil
	}
	return want
}

func TestEveryByteOfATree(t *testing.T) {
	var want map[string][]byte
	d := mounted(t, func(emu *emulator.Server) { want = fillTree(emu) })
	seen := 0
	err := filepath.WalkDir(d.mnt, func(path string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, _ := filepath.Rel(d.mnt, path)
		if rel == "." {
			return nil
		}
		data, ok := want[rel]
		if !ok {
			t.Errorf("%q is seen and should not be", rel)
			return nil
		}
		seen++
		info, err := e.Info()
		if err != nil {
			return err
		}
		if info.IsDir() != (data == nil) {
			t.Errorf("%q: a directory: %v", rel, info.IsDir())
		}
		if data == nil {
			return nil
		}
		got, err := os.ReadFile(path)
		if err != nil || !bytes.Equal(got, data) || info.Size() != int64(len(data)) {
			t.Errorf("%q: %d bytes, size %d, %v; want %d", rel, len(got), info.Size(), err, len(data))
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if seen != len(want) {
		t.Errorf("%d entries are seen, want %d", seen, len(want))
	}
	if seen < 500 {
		t.Errorf("a tree of %d entries is too small for this test", seen)
	}
}

func TestLargeFile(t *testing.T) {
	const size = 100 << 20
	data := content("large", size)
	d := mounted(t, func(emu *emulator.Server) {
		emu.PutFile(emu.Application(), "public", "/large.bin", data)
		emu.PutFile(emu.Application(), "public", "/random.bin", data)
	})
	counts := d.calls(func() {
		f, err := os.Open(d.path("public/large.bin"))
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		got, err := io.ReadAll(f)
		if err != nil || !bytes.Equal(got, data) {
			t.Errorf("%d bytes, %v", len(got), err)
		}
	})
	if counts.ContentBytes != size {
		t.Errorf("reading %d bytes in order fetched %d", size, counts.ContentBytes)
	}
	if n := counts.Calls["content"]; n > 30 {
		t.Errorf("reading 100 MiB in order took %d requests, want at most 30", n)
	}

	r := rand.New(rand.NewPCG(1, 2))
	f, err := os.Open(d.path("public/random.bin"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	const reads = 200
	counts = d.calls(func() {
		buf := make([]byte, 4096)
		for range reads {
			off := r.Int64N(size/4096) * 4096
			if n, err := f.ReadAt(buf, off); n != len(buf) || err != nil || !bytes.Equal(buf, data[off:off+4096]) {
				t.Fatalf("4 KiB at %d: %d, %v", off, n, err)
			}
		}
	})
	if ratio := float64(counts.ContentBytes) / (reads * 4096); ratio > 17 {
		t.Errorf("random reads fetched %.1f times what they read, want at most 17", ratio)
	}

	// Several readers at once, at odd places and of odd lengths.
	done := make(chan error)
	for i := range 8 {
		go func() {
			done <- func() error {
				r := rand.New(rand.NewPCG(uint64(i), 3))
				for range 30 {
					off := r.Int64N(size)
					buf := make([]byte, 1+r.IntN(300_000))
					n, err := f.ReadAt(buf, off)
					if err != nil && err != io.EOF {
						return err
					}
					if !bytes.Equal(buf[:n], data[off:off+int64(n)]) || n < len(buf) && off+int64(n) != size {
						return fmt.Errorf("%d bytes at %d are wrong", n, off)
					}
				}
				return nil
			}()
		}()
	}
	for range 8 {
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
}

func TestAttributes(t *testing.T) {
	d := mounted(t, func(emu *emulator.Server) {
		emu.PutFile(emu.Application(), "public", "/dir/f.css", []byte("body{}"))
		emu.PutFile(emu.Application(), "private", "/p.csv", []byte("a,b"))
	}, "--umask", "027", "--uid", "1234", "--gid", "4321")
	for cmd, want := range map[string]string{
		"stat -c '%a %u %g %s %F %h' public/dir/f.css": "640 1234 4321 6 regular file 1\n",
		"stat -c '%a %u %g %F %h' public/dir":          "750 1234 4321 directory 1\n",
		"stat -c '%a %u %g %F' . public private":       strings.Repeat("750 1234 4321 directory\n", 3),
		"ls -a . ; ls -a public/dir":                   ".\n..\nprivate\npublic\n.\n..\nf.css\n",
		"test -r public/dir/f.css; echo $?":            "0\n",
		"test -x public/dir/f.css; echo $?":            "1\n",
	} {
		if got := d.sh(cmd); got != want {
			t.Errorf("%s: %q, want %q", cmd, got, want)
		}
	}
	item, _ := d.emu.Find(d.app, "public", "/dir/f.css")
	for name, want := range map[string]string{
		"user.losant.id": item.ID, "user.losant.url": item.URL, "user.losant.etag": item.S3ETag, "user.losant.status": "completed",
		"user.losant.state": "clean", "user.losant.content_type": "text/css", "user.mime_type": "text/css", "user.xdg.origin.url": item.URL,
	} {
		if got := strings.TrimSpace(d.sh("getfattr --only-values -n " + name + " public/dir/f.css")); got != want {
			t.Errorf("%s is %q, want %q", name, got, want)
		}
	}
	// A signed URL is a key: it is no attribute.
	if out, err := d.shell("getfattr -n user.losant.url private/p.csv"); err == nil {
		t.Errorf("a private file shows its URL: %s", out)
	}
	if got := d.sh("getfattr -d -m - private/p.csv public/dir | grep -c user.losant.id"); got != "2\n" {
		t.Errorf("ids are listed %s times, want 2", got)
	}
}

func TestInodeNumbersAreStable(t *testing.T) {
	d := mounted(t, func(emu *emulator.Server) { fillTree(emu) })
	list := func() string { return d.sh(`find . -printf '%i %P\n' | sort -k2`) }
	before := list()
	seen := map[string]bool{}
	for line := range strings.Lines(before) {
		ino, _, _ := strings.Cut(line, " ")
		if seen[ino] {
			t.Errorf("inode number %s is used twice", ino)
		}
		seen[ino] = true
	}
	// What readdir says agrees with what stat says.
	if bad := d.sh(`ls -iAR public | awk '$1 ~ /^[0-9]+$/' | sort > $HOME/a; find public -mindepth 1 -printf '%i %f\n' | sort > $HOME/b; sed 's/^ *//' $HOME/a | sort | diff - $HOME/b | head -5`); bad != "" {
		t.Errorf("readdir and stat differ:\n%s", bad)
	}
	d.stop()
	d.mount()
	if after := list(); after != before {
		t.Error("inode numbers changed with the remount")
	}
}

func TestStatfsNeverAsksTheService(t *testing.T) {
	d := mounted(t, func(emu *emulator.Server) {
		emu.PutFile(emu.Application(), "public", "/a", make([]byte, 1<<20))
	})
	d.set("down", "true")
	d.wantCalls("df", nil, func() {
		if out := d.sh("df -B1 --output=used,size . | tail -1"); strings.TrimSpace(out) != "1048576 1125899906842624" {
			t.Errorf("df says %q", out)
		}
	})
	d.set("down", "false")
}
