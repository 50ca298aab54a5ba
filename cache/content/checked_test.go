package content

import (
	"bytes"
	"os"
	"testing"
)

// What was checked is not checked again while it is as it was; what was changed since,
// whatever its times say, is.
func TestCheckedOnce(t *testing.T) {
	src := newSource(SmallFile + 3*BlockSize + 5)
	dir, data, _ := filledCache(t, src)
	st := openStore(t, dir, 1<<30)
	defer st.Close()
	trusted := func() bool {
		r := src.open(st)
		defer r.Close()
		f := r.f()
		f.mu.Lock()
		defer f.mu.Unlock()
		return f.allTrustedLocked()
	}
	read := func() {
		t.Helper()
		r := src.open(st)
		defer r.Close()
		if got, err := readAll(t.Context(), r); err != nil || !bytes.Equal(got, src.data) {
			t.Errorf("%d bytes, not the %d right ones: %v", len(got), len(src.data), err)
		}
	}
	if trusted() {
		t.Error("what an earlier mount left is trusted")
	}
	read()
	for range 2 {
		if !trusted() {
			t.Error("what was checked is not trusted when it is opened again")
		}
	}
	info, err := os.Stat(data)
	if err != nil {
		t.Fatal(err)
	}
	f, err := os.OpenFile(data, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.WriteAt([]byte("damage"), 5*BlockSize); err != nil {
		t.Fatal(err)
	}
	f.Close()
	if err := os.Chtimes(data, info.ModTime(), info.ModTime()); err != nil {
		t.Fatal(err)
	}
	if trusted() {
		t.Error("what was damaged since is trusted")
	}
	src.bytes = 0
	read()
	if src.bytes != BlockSize {
		t.Errorf("%d bytes were fetched, want one block", src.bytes)
	}
	if !trusted() {
		t.Error("what was repaired is not trusted")
	}
	// What is changed while it is open is checked by who opens it next.
	r := src.open(st)
	if err := os.Chmod(data, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, _, ok := r.Checked(); ok {
		t.Error("what was changed since it was opened may be read without a check")
	}
	r.Close()
	if trusted() {
		t.Error("what was changed while it was open is trusted")
	}
	st.Discard(src.key())
	if trusted() || len(st.checked) != 0 {
		t.Error("what was discarded is trusted")
	}
}
