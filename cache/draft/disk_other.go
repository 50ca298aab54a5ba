//go:build !linux

package draft

import (
	"errors"
	"os"
)

// allocate can only extend.
func allocate(f *os.File, off, size int64, keepSize bool) error {
	if keepSize {
		return nil
	}
	return extend(f, off+size)
}

func clone(_, _ *os.File) error { return errors.ErrUnsupported }
