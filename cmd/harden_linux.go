package cmd

import (
	"fmt"

	"golang.org/x/sys/unix"
)

// protectMemory keeps the token in this process's memory from others: no core
// file is written, and no process of the same user can attach or read /proc.
func protectMemory() error {
	if err := unix.Setrlimit(unix.RLIMIT_CORE, &unix.Rlimit{}); err != nil {
		return fmt.Errorf("switching core files off: %w", err)
	}
	if err := unix.Prctl(unix.PR_SET_DUMPABLE, 0, 0, 0, 0); err != nil {
		return fmt.Errorf("closing the memory to other processes: %w", err)
	}
	return nil
}
