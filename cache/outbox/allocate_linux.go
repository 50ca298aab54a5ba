package outbox

import (
	"errors"
	"os"

	"golang.org/x/sys/unix"
)

// allocate makes the disk promise room for n bytes from off.
func allocate(f *os.File, off, n int64) error {
	err := unix.Fallocate(int(f.Fd()), unix.FALLOC_FL_KEEP_SIZE, off, n)
	if errors.Is(err, unix.EOPNOTSUPP) {
		return nil
	}
	return err
}
