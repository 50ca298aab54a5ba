package integration

import "golang.org/x/sys/unix"

// renameWith is renameatx_np(2).
func renameWith(from, to string, flags int) error {
	return unix.RenameatxNp(unix.AT_FDCWD, from, unix.AT_FDCWD, to,
		map[int]uint32{0: 0, noReplace: unix.RENAME_EXCL, exchange: unix.RENAME_SWAP}[flags])
}
