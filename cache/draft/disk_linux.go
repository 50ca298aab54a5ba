package draft

import (
	"errors"
	"os"

	"golang.org/x/sys/unix"
)

// allocate reserves room, where the file system can.
func allocate(f *os.File, off, size int64, keepSize bool) error {
	mode := uint32(0)
	if keepSize {
		mode = unix.FALLOC_FL_KEEP_SIZE
	}
	for {
		err := unix.Fallocate(int(f.Fd()), mode, off, size)
		switch {
		case err == unix.EINTR:
			continue
		case errors.Is(err, errors.ErrUnsupported) && keepSize:
			return nil
		case errors.Is(err, errors.ErrUnsupported):
			return extend(f, off+size)
		}
		return err
	}
}

// clone makes dst share the bytes of src.
func clone(dst, src *os.File) error { return unix.IoctlFileClone(int(dst.Fd()), int(src.Fd())) }
