package main

import "golang.org/x/sys/unix"

func lstat(path []byte) error {
	var st unix.Stat_t
	return unix.Lstat(string(path[:len(path)-1]), &st)
}
