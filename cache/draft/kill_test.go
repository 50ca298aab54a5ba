package draft

import (
	"bufio"
	"bytes"
	"context"
	"crypto/md5"
	"encoding/hex"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"
)

const childEnv = "LOSANTFS_DRAFT_TEST"

func md5Of(data []byte) string {
	sum := md5.Sum(data)
	return hex.EncodeToString(sum[:])
}

// step is one change that both the process that is killed and the one that looks
// at what it left can work out.
type step struct {
	size int // to truncate to, when p is nil
	p    []byte
	off  int
}

func steps(seed uint64) func() step {
	r := rand.New(rand.NewPCG(seed, seed))
	return func() step {
		if r.IntN(4) == 0 {
			return step{size: r.IntN(6 * BlockSize)}
		}
		p := bytes.Repeat([]byte{byte(1 + r.IntN(255))}, 1+r.IntN(3*BlockSize))
		return step{p: p, off: r.IntN(5 * BlockSize)}
	}
}

func (s step) on(content []byte) []byte {
	switch {
	case s.p != nil:
		return with(content, s.p, s.off)
	case s.size > len(content):
		return with(content, nil, s.size)
	}
	return content[:s.size]
}

// child changes a draft until it is killed, saying after each change that it is
// made.
func child() {
	var path string
	var seed uint64
	_, err := fmt.Sscan(os.Getenv(childEnv), &seed, &path)
	b := newBase(4*BlockSize + 100)
	d, err2 := Create(path, b, int64(len(b.data)))
	if err != nil || err2 != nil {
		panic(fmt.Sprint(err, err2))
	}
	fmt.Println("created")
	next := steps(seed)
	for {
		s := next()
		if s.p != nil {
			_, err = d.WriteAt(context.Background(), s.p, int64(s.off))
		} else {
			err = d.Truncate(context.Background(), int64(s.size))
		}
		if err != nil {
			panic(err)
		}
		fmt.Println("done")
	}
}

// After a kill there is all that was said to be written, and of what was on its
// way nothing but its own bytes.
func TestKilledProcessLeavesWhatItWrote(t *testing.T) {
	for seed := range uint64(8) {
		path := filepath.Join(t.TempDir(), "1")
		cmd := exec.Command(os.Args[0])
		cmd.Env = append(os.Environ(), fmt.Sprintf("%s=%d %s", childEnv, seed, path))
		cmd.Stderr = os.Stderr
		out, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		lines := bufio.NewScanner(out)
		lines.Scan()
		time.AfterFunc(time.Duration(rand.IntN(20_000))*time.Microsecond, func() { _ = cmd.Process.Kill() })
		made := 0
		for lines.Scan() {
			made++
		}
		_ = cmd.Wait()

		b := newBase(4*BlockSize + 100)
		before, next := b.data, steps(seed)
		for range made {
			before = next().on(before)
		}
		d, err := Open(path, b, int64(len(b.data)))
		if err != nil {
			t.Fatal(err)
		}
		got := make([]byte, 20*BlockSize)
		n, err := d.ReadAt(t.Context(), got, 0)
		if err != io.EOF {
			t.Fatal(err)
		}
		d.Close()
		// The one on its way, or as it may be the one that could not say it was done.
		s := next()
		if !between(got[:n], before, s) {
			t.Errorf("seed %d: after %d changes %d bytes are left, neither %d nor with the change on its way", seed, made, n, len(before))
		}
	}
}

// between says whether got is before with a beginning of s.
func between(got, before []byte, s step) bool {
	if bytes.Equal(got, before) || bytes.Equal(got, s.on(before)) {
		return true
	}
	if s.p == nil {
		return false
	}
	n := 0
	for n < len(s.p) && s.off+n < len(got) && got[s.off+n] == s.p[n] {
		n++
	}
	return bytes.Equal(got, with(before, s.p[:n], s.off))
}
