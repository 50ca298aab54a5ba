// Package integration tests the whole program: the real binary, mounted through
// the kernel, used by system calls and by the programs people have, against the
// emulator.
package integration

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// binary is the program under test.
var binary string

// childEnv tells a process of this program that it is one of a test, which then does
// its part instead.
const childEnv = "LOSANTFS_TEST_CHILD"

func TestMain(m *testing.M) {
	if os.Getenv(childEnv) != "" {
		os.Exit(m.Run())
	}
	os.Exit(run(m))
}

func run(m *testing.M) int {
	dir, err := os.MkdirTemp("", "losantfs-bin")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	// Ordinary users run it too.
	if err := os.Chmod(dir, 0o755); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	binary = filepath.Join(dir, "losantfs")
	build := exec.Command("go", append(append([]string{"build"}, buildFlags...), "-o", binary, "losantfs")...)
	if out, err := build.CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "building the program: %v\n%s", err, out)
		return 1
	}
	defer openFuseDevice()()
	return m.Run()
}
