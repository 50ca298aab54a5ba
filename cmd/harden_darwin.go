package cmd

import (
	"fmt"

	"golang.org/x/sys/unix"
)

// protectMemory keeps the token in this process's memory out of core files.
func protectMemory() error {
	if err := unix.Setrlimit(unix.RLIMIT_CORE, &unix.Rlimit{}); err != nil {
		return fmt.Errorf("switching core files off: %w", err)
	}
	return nil
}
