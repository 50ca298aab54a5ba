package integration

import "golang.org/x/sys/unix"

// renameWith is renameat2(2).
func renameWith(from, to string, flags int) error {
	return unix.Renameat2(unix.AT_FDCWD, from, unix.AT_FDCWD, to, uint(flags)) // noReplace and exchange are its flags
}
