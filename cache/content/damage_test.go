package content

import (
	"bytes"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// Whatever is damaged in the cache is fetched again; nothing of it is handed out.

// filledCache returns a folder in which a file was kept that was read once.
func filledCache(t testing.TB, src *fakeSource) (dir, data, index string) {
	t.Helper()
	dir = t.TempDir()
	st := openStore(t, dir, 1<<30)
	r := src.open(st)
	if _, err := readAll(t.Context(), r); err != nil {
		t.Fatal(err)
	}
	r.Close()
	st.Close()
	k := Key{ID: "5c8e6b0f2f4d2a0007d1a001", Version: src.md5(), Size: int64(len(src.data))}
	return dir, st.path(k.name(), dataExt), st.path(k.name(), indexExt)
}

// wantWhole reads a file through a new store, twice, and checks that the second time
// nothing is fetched.
func wantWhole(t *testing.T, dir string, src *fakeSource) {
	t.Helper()
	for i := range 2 {
		src.bytes = 0
		st := openStore(t, dir, 1<<30)
		r := src.open(st)
		got, err := readAll(t.Context(), r)
		if err != nil || !bytes.Equal(got, src.data) {
			t.Errorf("%d bytes, not the %d right ones: %v", len(got), len(src.data), err)
		}
		r.Close()
		st.Close()
		if i == 1 && src.bytes > 0 {
			t.Errorf("%d bytes were fetched again, and not kept", src.bytes)
		}
	}
}

func TestCacheIsWrecked(t *testing.T) {
	src := newSource(SmallFile + 3*BlockSize + 5)
	for kind, wreck := range map[string]func(path string) error{
		"missing": func(string) error { return nil },
		"empty":   func(path string) error { return os.WriteFile(path, nil, 0o600) },
		"garbage": func(path string) error { return os.WriteFile(path, bytes.Repeat([]byte("garbage\n"), 100), 0o600) },
		"folder":  func(path string) error { return os.MkdirAll(filepath.Join(path, "x"), 0o700) },
		"link":    func(path string) error { return os.Symlink("nowhere", path) },
	} {
		for i, name := range []string{"data", "index", "both", "their folder"} {
			t.Run(name+" "+kind, func(t *testing.T) {
				dir, data, index := filledCache(t, src)
				for _, path := range [][]string{{data}, {index}, {data, index}, {filepath.Dir(data)}}[i] {
					if err := os.RemoveAll(path); err != nil {
						t.Fatal(err)
					}
					if err := wreck(path); err != nil {
						t.Fatal(err)
					}
				}
				wantWhole(t, dir, src)
				if _, err := os.Lstat(filepath.Join(filepath.Dir(data), "nowhere")); err == nil {
					t.Error("a link was followed out of the cache")
				}
			})
		}
	}
}

func TestCacheIsCut(t *testing.T) {
	src := newSource(SmallFile + 3*BlockSize + 5)
	for i, step := range []int64{40_000, 3} {
		dir, data, index := filledCache(t, src)
		path := []string{data, index}[i]
		info, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		for n := info.Size() - 1; n >= 0; n -= step {
			if err := os.Truncate(path, n); err != nil {
				t.Fatal(err)
			}
			wantWhole(t, dir, src)
		}
	}
}

// A folder that cannot be used is an error that says so; one that is lost later makes
// reading slower, not wrong.
func TestCacheFolderCannotBeUsed(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "cache")
	inTheWay := func() {
		if err := errors.Join(os.RemoveAll(dir), os.WriteFile(dir, nil, 0o600)); err != nil {
			t.Fatal(err)
		}
	}
	inTheWay()
	if _, err := Open(dir, 1<<30, slog.New(slog.DiscardHandler)); err == nil || !strings.Contains(err.Error(), dir) || !strings.Contains(err.Error(), "--cache-dir") {
		t.Errorf("error %v", err)
	}
	if err := os.Remove(dir); err != nil {
		t.Fatal(err)
	}
	st := openStore(t, dir, 1<<30)
	defer st.Close()
	inTheWay()
	src := newSource(SmallFile + 1)
	r := src.open(st)
	defer r.Close()
	if got, err := readAll(t.Context(), r); err != nil || !bytes.Equal(got, src.data) {
		t.Errorf("%d bytes: %v", len(got), err)
	}
}

// FuzzCache reads a file over any bytes as its index and at the beginning of its data.
func FuzzCache(f *testing.F) {
	large := newSource(SmallFile + 1)
	dir, data, index := filledCache(f, large)
	good, err := os.ReadFile(index)
	if err != nil {
		f.Fatal(err)
	}
	whole, err := os.ReadFile(data)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(good, whole[:100])
	f.Add(good, []byte("x"))
	f.Add(good[:70], []byte(nil))
	f.Add([]byte(nil), []byte(nil))
	kept := bytes.Clone(good)
	kept[keptAt] = 1
	f.Add(kept, []byte("x"))
	f.Add(append(bytes.Clone(good), good...), []byte(nil))
	f.Fuzz(func(t *testing.T, x, begin []byte) {
		changed := bytes.Clone(whole)
		copy(changed, begin)
		if err := os.WriteFile(index, x, 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(data, changed, 0o600); err != nil {
			t.Fatal(err)
		}
		wantWhole(t, dir, large)
	})
}
