package main

import (
	"unsafe"

	"golang.org/x/sys/unix"
)

// lstat asks the kernel for the attributes of a path, which ends with a zero byte, with
// nothing around the call that would count as time of the file system.
func lstat(path []byte) error {
	var st unix.Statx_t
	at := unix.AT_FDCWD
	_, _, errno := unix.RawSyscall6(unix.SYS_STATX, uintptr(at), uintptr(unsafe.Pointer(&path[0])), unix.AT_SYMLINK_NOFOLLOW,
		unix.STATX_BASIC_STATS, uintptr(unsafe.Pointer(&st)), 0)
	if errno != 0 {
		return errno
	}
	return nil
}
