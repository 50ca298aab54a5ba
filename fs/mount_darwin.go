package fs

import (
	"github.com/hanwen/go-fuse/v2/fuse"
	"golang.org/x/sys/unix"
)

// directMount does nothing: macFUSE mounts through its own helper.
func directMount(*fuse.MountOptions) {}

func detach(mountpoint string) error { return unix.Unmount(mountpoint, unix.MNT_FORCE) }
