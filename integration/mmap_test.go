package integration

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"
)

// mmapSource maps a file, changes it through the memory, and unmaps it before or
// after closing it. It is no part of the test's process: a page fault there would
// wait for the emulator, which that process is.
const mmapSource = `
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
int main(int argc, char **argv) {
	int size = 300000, fd = open(argv[1], O_RDWR);
	if (fd < 0 || ftruncate(fd, size)) { perror("open"); return 1; }
	char *p = mmap(0, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (p == MAP_FAILED) { perror("mmap"); return 1; }
	if (strncmp(p, "alpha", 5)) { fprintf(stderr, "wrong content\n"); return 1; }
	memcpy(p, "FIRST", 5);
	memcpy(p + 150000, "MIDDLE", 6);
	memcpy(p + size - 4, "LAST", 4);
	if (!strcmp(argv[2], "msync") && msync(p, size, MS_SYNC)) { perror("msync"); return 1; }
	if (!strcmp(argv[2], "close")) {
		close(fd);
		memcpy(p + 200000, "LATE", 4);
		munmap(p, size);
	} else if (strcmp(argv[2], "exit")) {
		munmap(p, size);
		if (close(fd)) { perror("close"); return 1; }
	}
	return 0;
}`

// TestMmap changes files through memory.
func TestMmap(t *testing.T) {
	wantPrograms(t, "gcc")
	dir := t.TempDir()
	program := filepath.Join(dir, "mapper")
	if err := os.WriteFile(program+".c", []byte(mmapSource), 0o644); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command("gcc", "-o", program, program+".c").CombinedOutput(); err != nil {
		t.Fatalf("gcc: %v\n%s", err, out)
	}
	for _, how := range []string{"msync", "munmap", "close", "exit"} {
		t.Run(how, func(t *testing.T) {
			t.Parallel()
			d := dancing(t, filled(map[string]string{"/f": before}))
			id := d.id("/f")
			got := d.calls(func() {
				d.sh(program + " f " + how)
				d.settled(20 * time.Second)
			})
			wantWrites(t, got, map[string]int64{"patch": 1, "form": 1})
			want := make([]byte, 300_000)
			copy(want, before)
			copy(want, "FIRST")
			copy(want[150_000:], "MIDDLE")
			copy(want[300_000-4:], "LAST")
			if how == "close" {
				copy(want[200_000:], "LATE")
			}
			d.wantSame(map[string]string{"/f": string(want)})
			if d.id("/f") != id {
				t.Error("the id changed")
			}
		})
	}
}
