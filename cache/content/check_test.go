package content

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// flip damages one byte of a file.
func flip(t *testing.T, path string, at int64) {
	t.Helper()
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	b := make([]byte, 1)
	if _, err := f.ReadAt(b, at); err != nil {
		t.Fatal(err)
	}
	b[0] ^= 1
	if _, err := f.WriteAt(b, at); err != nil {
		t.Fatal(err)
	}
}

func wantChecked(t *testing.T, dir string, repair bool, want Checked) {
	t.Helper()
	if got, err := Check(t.Context(), dir, repair); err != nil || got != want {
		t.Errorf("%+v, %v; want %+v", got, err, want)
	}
}

func TestCheck(t *testing.T) {
	dir := t.TempDir()
	wantChecked(t, filepath.Join(dir, "none"), true, Checked{})
	wantChecked(t, dir, true, Checked{})
	src := newSource(10*BlockSize + 9) // more than is fetched in one request
	size := int64(len(src.data))
	st := openStore(t, dir, 1<<30)
	r := src.open(st)
	if _, err := readAll(t.Context(), r); err != nil {
		t.Fatal(err)
	}
	wantChecked(t, dir, true, Checked{Files: 1, Bytes: size})
	flip(t, files(t, dir, dataExt)[0], BlockSize+5)
	wantChecked(t, dir, false, Checked{Files: 1, Bytes: size, Damaged: 1})
	wantChecked(t, dir, true, Checked{Files: 1, Bytes: size, Damaged: 1})
	wantChecked(t, dir, true, Checked{Files: 1, Bytes: size - BlockSize})
	r.Close()
	st.Close()
	// The block, and nothing else, is fetched again.
	st = openStore(t, dir, 1<<30)
	r = src.open(st)
	got, err := readAll(t.Context(), r)
	if err != nil || !bytes.Equal(got, src.data) || src.bytes != size+BlockSize {
		t.Errorf("%d bytes, %v; %d were fetched", len(got), err, src.bytes)
	}
	wantChecked(t, dir, false, Checked{Files: 1, Bytes: size})
	r.Close()
	st.Close()

	data := files(t, dir, dataExt)[0]
	if err := os.Truncate(data, 2*BlockSize); err != nil {
		t.Fatal(err)
	}
	wantChecked(t, dir, false, Checked{Files: 1, Bytes: size, Damaged: 9})
	if err := os.Remove(data); err != nil {
		t.Fatal(err)
	}
	wantChecked(t, dir, true, Checked{Files: 1, Bytes: size, Damaged: 11})
	wantChecked(t, dir, true, Checked{Files: 1})
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := Check(ended, dir, true); !errors.Is(err, context.Canceled) {
		t.Errorf("%v after the end of the context", err)
	}
}

// An index that cannot be read is taken away, but for one that is just being made.
func TestCheckOfAnIndex(t *testing.T) {
	dir := t.TempDir()
	src := newSource(BlockSize)
	st := openStore(t, dir, 1<<30)
	defer st.Close()
	r := src.open(st)
	defer r.Close()
	if _, err := readAll(t.Context(), r); err != nil {
		t.Fatal(err)
	}
	index := files(t, dir, indexExt)[0]
	if err := os.Truncate(index, 3); err != nil {
		t.Fatal(err)
	}
	wantChecked(t, dir, true, Checked{})
	if err := os.Chtimes(index, time.Time{}, time.Now().Add(-2*youngIndex)); err != nil {
		t.Fatal(err)
	}
	wantChecked(t, dir, false, Checked{Unusable: 1})
	wantChecked(t, dir, true, Checked{Unusable: 1})
	wantChecked(t, dir, true, Checked{})
	if got, err := readAll(t.Context(), r); err != nil || !bytes.Equal(got, src.data) {
		t.Errorf("who has it open reads %d bytes, %v", len(got), err)
	}
}

// What was taken over as a whole is fetched as a whole when it is damaged.
func TestCheckOfKeptContent(t *testing.T) {
	dir := t.TempDir()
	src := newSource(2 * BlockSize)
	st := openStore(t, dir, 1<<30)
	keep(t, st, src, src.key())
	flip(t, files(t, dir, dataExt)[0], 7)
	wantChecked(t, dir, true, Checked{Files: 1, Bytes: 2 * BlockSize, Damaged: 1})
	r := src.open(st)
	got, err := readAll(t.Context(), r)
	if err != nil || !bytes.Equal(got, src.data) || src.bytes != 2*BlockSize {
		t.Errorf("%d bytes, %v; %d were fetched", len(got), err, src.bytes)
	}
	r.Close()
	st.Close()
	wantChecked(t, dir, false, Checked{Files: 1, Bytes: 2 * BlockSize})
}
