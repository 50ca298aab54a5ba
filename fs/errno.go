package fs

import (
	"context"
	"errors"
	iofs "io/fs"
	"syscall"

	"losantfs/remote"
)

var errnos = map[remote.Kind]syscall.Errno{
	remote.Unreachable: syscall.EIO,
	remote.Throttled:   syscall.EIO,
	remote.Expired:     syscall.EIO,
	remote.Corrupt:     syscall.EIO,
	remote.NotFound:    syscall.ENOENT,
	remote.Exists:      syscall.EEXIST,
	remote.Busy:        syscall.EBUSY,
	remote.Denied:      syscall.EACCES,
	remote.Invalid:     syscall.EINVAL,
	remote.TooLarge:    syscall.EFBIG,
	remote.Unsupported: syscall.ENOTSUP,
	remote.Changed:     syscall.ESTALE,
}

// errno is the one place where errors become errnos. ctx is the context of the
// request: when it ended, the caller was interrupted.
func errno(ctx context.Context, err error) syscall.Errno {
	if err == nil {
		return 0
	}
	if ctx.Err() != nil {
		return syscall.EINTR
	}
	if e, ok := errnos[remote.KindOf(err)]; ok {
		return e
	}
	var e syscall.Errno
	if errors.As(err, &e) {
		return e
	}
	switch {
	case errors.Is(err, iofs.ErrNotExist):
		return syscall.ENOENT
	case errors.Is(err, iofs.ErrExist):
		return syscall.EEXIST
	}
	return syscall.EIO
}
