package main

import "context"

// experiment measures one or more rows.
type experiment struct {
	name     string
	programs []string
	rounds   int  // how often each program is measured
	slow     bool // rclone takes so long that it is measured once
	once     func(ctx context.Context, b *bench, program string) error
	growth   func(ctx context.Context, b *bench) error // or else, one of how cost grows
}

func experiments() []experiment {
	return []experiment{
		{name: "find", programs: []string{losantfs, loopback, native, rclone}, rounds: 5, slow: true, once: measureFind},
		{name: "ls", programs: []string{losantfs, loopback, native, rclone}, rounds: 3, slow: true, once: measureList},
		{name: "read", programs: []string{losantfs, curl, rclone}, rounds: 5, slow: true, once: measureRead},
		{name: "warm", programs: []string{losantfs, loopback, native, rclone}, rounds: 3, slow: true, once: measureWarm},
		{name: "random", programs: []string{losantfs, rclone}, rounds: 1, slow: true, once: measureRandom},
		{name: "small", programs: []string{losantfs, rclone}, rounds: 3, slow: true, once: measureSmall},
		{name: "cp", programs: []string{losantfs, loopback, native, rclone}, rounds: 3, slow: true, once: measureCopy},
		{name: "write", programs: []string{losantfs, curl, loopback, native, rclone}, rounds: 3, slow: true, once: measureWrite},
		{name: "save", programs: []string{losantfs, loopback, native, rclone}, rounds: 5, slow: true, once: measureSave},
		{name: "memory", programs: []string{losantfs}, rounds: 1, once: measureMemory},
		{name: "inside", programs: []string{losantfs}, rounds: 1, once: measureInside},
		{name: "entries", growth: growEntries},
		{name: "readers", growth: growReaders},
		{name: "sizes", growth: growSizes},
	}
}
