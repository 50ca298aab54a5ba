package draft

import (
	"errors"
	"io"
	"os"
	"path/filepath"
)

// wholeLocked says why the data cannot be read as a whole, if it cannot.
func (d *Draft) wholeLocked() error {
	switch {
	case d.closed:
		return os.ErrClosed
	case d.missing > 0:
		return ErrIncomplete
	}
	return nil
}

// copyUnchanged copies n bytes as long as the draft keeps its generation.
func (d *Draft) copyUnchanged(w io.Writer, r io.Reader, n int64, generation uint64) error {
	for n > 0 {
		k, err := io.CopyN(w, r, min(n, 8<<20))
		n -= k
		if err := d.unchanged(generation); err != nil {
			return err
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// unchanged says whether the draft still has its generation and is open: once it is
// closed, another file may have its name.
func (d *Draft) unchanged(generation uint64) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.closed {
		return os.ErrClosed
	}
	if d.generation != generation {
		return ErrChanged
	}
	return nil
}

// Snapshot copies the content to a new file at path, sharing the bytes on disk
// where the file system can. It fails when there is a file at path, with
// [ErrIncomplete], and with [ErrChanged] when the content changes meanwhile; then
// it leaves no file. The copy is not synced.
func (d *Draft) Snapshot(path string) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	err = d.copyTo(f)
	if closeErr := f.Close(); err == nil {
		err = closeErr
	}
	if err != nil {
		_ = os.Remove(path)
	}
	return err
}

func (d *Draft) copyTo(f *os.File) error {
	d.content.RLock()
	size, generation := d.size, d.generation
	err := d.wholeLocked()
	cloned := err == nil && clone(f, d.data) == nil
	d.content.RUnlock()
	if err != nil {
		return err
	}
	if cloned {
		return f.Truncate(size) // the data is longer when a cut is under way
	}
	data, err := os.Open(d.path) // two files, so that the kernel copies
	if err != nil {
		return errors.Join(d.unchanged(generation), err)
	}
	defer data.Close()
	return d.copyUnchanged(f, data, size, generation)
}

// Reader reads the content without taking part in anything else, for an upload. It
// fails with [ErrIncomplete]. What it reads during a change may be half of it.
func (d *Draft) Reader() io.ReaderAt { return wholeReader{d} }

type wholeReader struct{ d *Draft }

func (r wholeReader) ReadAt(p []byte, off int64) (int, error) {
	if off < 0 {
		return 0, os.ErrInvalid
	}
	r.d.mu.Lock()
	err := r.d.wholeLocked()
	r.d.mu.Unlock()
	if err != nil {
		return 0, err
	}
	return r.d.readData(p, off)
}
