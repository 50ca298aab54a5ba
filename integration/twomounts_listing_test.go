package integration

import (
	"os"
	"testing"
	"time"
)

// TestFileWrittenWhileItsFolderIsListed writes to a file after its folder was opened
// and before it is read: the length that the kernel learns from the folder must not
// be the old one, for which it would drop the end of what it has of the file.
func TestFileWrittenWhileItsFolderIsListed(t *testing.T) {
	d := dancing(t, filled(map[string]string{"/d/f": "begin", "/d/g": "g"}), "--settle", "100ms")
	read := func() {
		t.Helper()
		if data, err := os.ReadFile(d.path("d/f")); err != nil || string(data) != "begin, and the end" {
			t.Errorf("the file has %q, %v", data, err)
		}
	}
	d.sh("cat d/f > /dev/null")
	folder, err := os.Open(d.path("d"))
	if err != nil {
		t.Fatal(err)
	}
	defer folder.Close()
	d.sh("printf ', and the end' >> d/f")
	read()
	if names, err := folder.Readdirnames(-1); err != nil || len(names) != 2 {
		t.Error(names, err)
	}
	read()
	time.Sleep(1100 * time.Millisecond) // the kernel asks again
	read()
	d.flush()
	read()
}
