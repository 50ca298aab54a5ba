package integration

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"os/exec"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// TestMachinesShareNoKernel mounts one application twice, as two machines do: what
// the kernel of one of them keeps, the other does not know.
func TestMachinesShareNoKernel(t *testing.T) {
	if os.Getenv(childEnv) != "" {
		showMapped(t)
		return
	}
	here := dancing(t, filled(map[string]string{"/f": "content"}), "--settle", "1ms")
	there := newDrive(t, here.emu, here.uid)
	there.mount("--space", "public", "--write", "background", "--poll-interval", "0")

	t.Run("locks", func(t *testing.T) {
		for _, d := range []*drive{here, there} {
			f, err := os.OpenFile(d.path("f"), os.O_RDWR, 0)
			if err != nil {
				t.Fatal(err)
			}
			defer f.Close()
			if err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
				t.Errorf("flock: %v", err)
			}
			if err := unix.FcntlFlock(f.Fd(), unix.F_OFD_SETLK, &unix.Flock_t{Type: unix.F_WRLCK}); err != nil {
				t.Errorf("fcntl: %v", err)
			}
		}
	})

	t.Run("modes and times", func(t *testing.T) {
		here.sh("chmod 751 f; touch -d 2020-01-02 f")
		here.flush()
		if got := there.sh("stat -c %a f"); got != "644\n" {
			t.Errorf("the mode there is %s", got)
		}
		info, err := os.Stat(there.path("f"))
		if err != nil || time.Since(info.ModTime()).Abs() > time.Minute {
			t.Errorf("the time there is %v, %v", info.ModTime(), err)
		}
	})

	t.Run("watches", func(t *testing.T) {
		w, err := unix.InotifyInit1(unix.IN_NONBLOCK)
		if err != nil {
			t.Fatal(err)
		}
		defer unix.Close(w)
		if _, err := unix.InotifyAddWatch(w, there.mnt, unix.IN_CREATE|unix.IN_MODIFY|unix.IN_CLOSE_WRITE); err != nil {
			t.Fatal(err)
		}
		here.sh("echo more >> f; echo new > new")
		here.flush()
		if got := there.sh("cat f new"); got != "contentmore\nnew\n" {
			t.Fatalf("there is %q", got)
		}
		if n, err := unix.Read(w, make([]byte, 4096)); err != unix.EAGAIN {
			t.Errorf("%d bytes of events, %v", n, err)
		}
	})

	t.Run("memory", func(t *testing.T) {
		cmd := there.command(there.testProgram(), "-test.run=^TestMachinesShareNoKernel$")
		cmd.Env = append(cmd.Env, childEnv+"="+there.path("f"))
		ask, lines := talk(t, cmd)
		if got := lines(); got != "contentmore" {
			t.Fatalf("mapped is %q", got)
		}
		here.sh("printf CONTENT | dd of=f conv=notrunc status=none")
		here.flush()
		if got := there.sh("cat f"); got != "CONTENTmore\n" {
			t.Errorf("there is %q", got)
		}
		fmt.Fprintln(ask)
		if got := lines(); got != "contentmore" {
			t.Errorf("mapped is %q: the version that was opened stays", got)
		}
	})
}

// showMapped maps a file and prints it, and prints it again when it is asked.
func showMapped(t *testing.T) {
	f, err := os.Open(os.Getenv(childEnv))
	if err != nil {
		t.Fatal(err)
	}
	memory, err := unix.Mmap(int(f.Fd()), 0, 11, unix.PROT_READ, unix.MAP_SHARED)
	if err != nil {
		t.Fatal(err)
	}
	fmt.Println(string(memory))
	_, _ = bufio.NewReader(os.Stdin).ReadString('\n')
	fmt.Println(string(memory))
}

// talk starts a program and returns its input and what gives its next line.
func talk(t *testing.T, cmd *exec.Cmd) (io.Writer, func() string) {
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		in.Close()
		_ = cmd.Wait()
	})
	var l lines
	l.follow(out)
	return in, func() string {
		t.Helper()
		line, err := l.next(20 * time.Second)
		if err != nil {
			t.Fatal(err)
		}
		return line
	}
}
