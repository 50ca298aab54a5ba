package integration

import (
	"os"
	"slices"
	"strings"
	"testing"
	"time"
)

// The kernel keeps the names of directories that were read, and does not show them once
// they are others.
func TestNamesTheKernelKeeps(t *testing.T) {
	d := writable(t, filled(map[string]string{"/d/a": "a", "/d/b": "b", "/d/sub/c": "c"}), "--poll-interval", "500ms", "--settle", "1m")
	ls := func() string { return strings.Join(strings.Fields(d.sh("ls d")), " ") }
	open, err := os.Open(d.path("d"))
	if err != nil {
		t.Fatal(err)
	}
	defer open.Close()
	// rewound is what a program sees that has had the directory open all the time.
	rewound := func() string {
		if _, err := open.Seek(0, 0); err != nil {
			t.Fatal(err)
		}
		names, err := open.Readdirnames(-1)
		if err != nil {
			t.Fatal(err)
		}
		slices.Sort(names)
		return strings.Join(names, " ")
	}
	want := "a b sub"
	for i, step := range []struct {
		do        func()
		want      string
		elsewhere bool
	}{
		{func() {}, "a b sub", false},
		{func() { d.sh("echo > d/new") }, "a b new sub", false},
		{func() { d.sh("mv d/new d/moved") }, "a b moved sub", false},
		{func() { d.sh("rm d/moved") }, "a b sub", false},
		{func() { d.sh("mkdir d/dir; mv d/a d/dir") }, "b dir sub", false},
		{func() { d.sh("mv d/dir/a d; rmdir d/dir") }, "a b sub", false},
		{func() { d.emu.PutFile(d.app, "public", "/d/came", []byte("x")) }, "a b came sub", true},
		{func() { d.emu.Remove(d.app, "public", "/d/came") }, "a b sub", true},
		{func() { d.sh("mv d e; mkdir d; touch d/x; rm -r d; mv e d") }, "a b sub", false},
	} {
		step.do()
		if want = step.want; step.elsewhere {
			d.within(time.Now().Add(5*time.Second), "d, rewound", rewound, want)
			d.within(time.Now().Add(5*time.Second), "d", ls, want)
		}
		for range 3 {
			if got := ls(); got != want {
				t.Errorf("step %d: %q, want %q", i, got, want)
			}
			if got := rewound(); got != want {
				t.Errorf("step %d, rewound: %q, want %q", i, got, want)
			}
		}
	}
}
