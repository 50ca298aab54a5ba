package integration

import (
	"fmt"
	"os"
	"slices"
	"syscall"
	"testing"

	"losantfs/remote/emulator"
)

// someNames reads the next names of an open directory, as many as the kernel gives for a
// small buffer, none at the end.
func someNames(t *testing.T, f *os.File) (names []string) {
	t.Helper()
	buf := make([]byte, 1024)
	n, err := syscall.ReadDirent(int(f.Fd()), buf)
	if err != nil {
		t.Fatal(err)
	}
	_, _, names = syscall.ParseDirent(buf[:n], -1, nil)
	return names
}

// Who reads a directory slowly sees each name that is there all the time once, whoever
// else reads it meanwhile, also where it was opened before a change and read after it.
func TestNamesTheKernelKeepsForSeveral(t *testing.T) {
	fill := func(emu *emulator.Server) {
		for i := range 200 {
			emu.PutFile(emu.Application(), "public", fmt.Sprintf("/d/f%03d", i), nil)
		}
	}
	for _, change := range []string{"rm d/f000", "touch d/a"} {
		d := writable(t, fill, "--settle", "1m")
		open := func() *os.File {
			f, err := os.Open(d.path("d"))
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { f.Close() })
			return f
		}
		all := func(f *os.File) (names []string) {
			for some := someNames(t, f); len(some) > 0; some = someNames(t, f) {
				names = append(names, some...)
			}
			return names
		}
		slow, other := open(), open()
		seen := someNames(t, slow)
		d.sh(change)
		all(other)
		seen = append(seen, all(slow)...)
		slices.Sort(seen)
		for i := range 199 {
			name := fmt.Sprintf("f%03d", i+1)
			at, found := slices.BinarySearch(seen, name)
			if twice := found && at+1 < len(seen) && seen[at+1] == name; !found || twice {
				t.Errorf("%s: %s is seen: %v, twice: %v", change, name, found, twice)
			}
		}
		slow.Close()
		other.Close()
	}
}
