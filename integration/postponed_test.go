package integration

import (
	"fmt"
	"os"
	"testing"
	"time"
)

// What is saved again and again is sent all the same, in whatever way it is saved.
func TestSavesWithoutAnEnd(t *testing.T) {
	for name, save := range map[string]func(path, data string) error{
		"truncate": func(path, data string) error { return os.WriteFile(path, []byte(data), 0o644) },
		"rename": func(path, data string) error {
			if err := os.WriteFile(path+".new", []byte(data), 0o644); err != nil {
				return err
			}
			return os.Rename(path+".new", path)
		},
		"move aside": func(path, data string) error {
			if err := os.Rename(path, path+"~"); err != nil && !os.IsNotExist(err) {
				return err
			}
			return os.WriteFile(path, []byte(data), 0o644)
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := writable(t, nil, "--settle", "200ms")
			last := ""
			for began := time.Now(); d.emu.Counts().FormBytes == 0; time.Sleep(50 * time.Millisecond) {
				if time.Since(began) > 30*time.Second {
					t.Fatal("it was never sent")
				}
				last = fmt.Sprint(time.Now())
				if err := save(d.path("f"), last); err != nil {
					t.Fatal(err)
				}
			}
			d.settled(20 * time.Second)
			if got := d.service()["/f"]; got != last {
				t.Errorf("the service has %q, want %q", got, last)
			}
		})
	}
}

// A copy of many small files takes two calls for each, and few to see that they arrived.
func TestCopyOfManyFiles(t *testing.T) {
	const files = 300
	d := writable(t, nil)
	d.set("latency", "20ms")
	src := d.home + "/many"
	if err := os.Mkdir(src, 0o755); err != nil {
		t.Fatal(err)
	}
	want := map[string]string{"/copy": "dir"}
	for i := range files {
		name, data := fmt.Sprintf("f%03d", i), fmt.Sprint("content ", i)
		want["/copy/"+name] = data
		if err := os.WriteFile(src+"/"+name, []byte(data), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got := d.writesOf("cp -r " + src + " copy")
	wantWrites(t, got, map[string]int64{"create": files + 1, "form": files})
	if n := got.Calls["list"]; n > 20 {
		t.Errorf("%d listings, want few", n)
	}
	d.wantService(want)
}
