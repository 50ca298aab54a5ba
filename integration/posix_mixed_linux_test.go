package integration

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// TestMixedAccess changes a file at random through all ways at once, as fsx does:
// pages, memory, O_DIRECT, O_APPEND, truncation, reservation and copies within it,
// while it is uploaded again and again. What is read is compared with a model.
func TestMixedAccess(t *testing.T) {
	if os.Getenv(childEnv) != "" {
		mixAccess(t)
		return
	}
	for seed, fill := range []map[string]string{nil, {"/f": string(content("f", 300_000))}, {"/f": string(content("f", 300_000))}} {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			t.Parallel()
			d := dancing(t, filled(fill), "--settle", "1ms")
			result := filepath.Join(d.home, "result")
			cmd := d.command(d.testProgram(), "-test.run=^TestMixedAccess$", "-test.timeout=100s")
			cmd.Env = append(cmd.Env, fmt.Sprintf("%s=%d %s", childEnv, seed, result))
			cmd.Dir = d.mnt
			if out, err := cmd.CombinedOutput(); err != nil {
				t.Fatalf("%v\n%s", err, out)
			}
			want, err := os.ReadFile(result)
			if err != nil {
				t.Fatal(err)
			}
			d.flush()
			d.wantSame(map[string]string{"/f": string(want)})
		})
	}
}

// mixed is a file and what it should have.
type mixed struct {
	t                          *testing.T
	r                          *rand.Rand
	pages, direct, app, reader int
	model                      []byte
	did                        []string
}

const mixedSize = 400_000 // bytes, at most

func mixAccess(t *testing.T) {
	var seed uint64
	var result string
	if _, err := fmt.Sscan(os.Getenv(childEnv), &seed, &result); err != nil {
		t.Fatal(err)
	}
	m := &mixed{t: t, r: rand.New(rand.NewPCG(seed, 1))}
	m.model, _ = os.ReadFile("f")
	m.open()
	for range 2000 {
		m.step()
	}
	m.read(m.reader, 0, len(m.model)+1)
	m.close()
	m.must(os.WriteFile(result, m.model, 0o644))
}

func (m *mixed) must(err error) {
	m.t.Helper()
	if err != nil {
		m.t.Fatalf("%v, after:\n%s", err, strings.Join(m.did[max(0, len(m.did)-30):], "\n"))
	}
}

func (m *mixed) open() {
	for fd, flags := range map[*int]int{&m.pages: unix.O_RDWR, &m.direct: unix.O_RDWR | unix.O_DIRECT, &m.app: unix.O_WRONLY | unix.O_APPEND, &m.reader: unix.O_RDONLY} {
		var err error
		*fd, err = unix.Open("f", flags|unix.O_CREAT, 0o644)
		m.must(err)
	}
}

func (m *mixed) close() {
	for _, fd := range []int{m.pages, m.direct, m.app, m.reader} {
		m.must(unix.Close(fd))
	}
}

func (m *mixed) step() {
	off, n := m.r.IntN(mixedSize*3/4), 1+m.r.IntN([]int{10, 5000, 90_000}[m.r.IntN(3)])
	data := make([]byte, n)
	for i := range data {
		data[i] = byte(m.r.Uint32())
	}
	fd := []int{m.pages, m.direct}[m.r.IntN(2)]
	op := m.r.IntN(12)
	m.did = append(m.did, fmt.Sprintf("operation %d at %d, %d bytes, file %d of %d", op, off, n, fd, len(m.model)))
	switch op {
	case 0, 1:
		_, err := unix.Pwrite(fd, data, int64(off))
		m.must(err)
		m.wrote(off, data)
	case 2, 3:
		m.memory(off, data)
	case 4:
		if len(m.model)+n <= mixedSize {
			_, err := unix.Write(m.app, data)
			m.must(err)
			m.wrote(len(m.model), data)
		}
	case 5:
		size := m.r.IntN(mixedSize)
		if m.r.IntN(2) == 0 {
			m.must(unix.Ftruncate(fd, int64(size)))
		} else {
			m.must(unix.Truncate("f", int64(size)))
		}
		m.grow(size)
		m.model = m.model[:size]
	case 6:
		m.must(unix.Fallocate(fd, 0, int64(off), int64(n)))
		m.grow(off + n)
	case 7:
		if off+2*n <= len(m.model) {
			from, to := int64(off), int64(off+n)
			done, err := unix.CopyFileRange(m.pages, &from, m.pages, &to, n, 0)
			m.must(err)
			copy(m.model[off+n:], m.model[off:off+done])
		}
	case 8:
		m.must(unix.Fsync(fd))
	case 9:
		if m.r.IntN(5) == 0 {
			m.close()
			m.open()
		} else if m.r.IntN(5) == 0 {
			m.must(os.Rename("f", "g"))
			m.must(os.Rename("g", "f"))
		}
	default:
		m.read([]int{m.pages, m.direct, m.reader}[m.r.IntN(3)], off, n)
	}
	var st unix.Stat_t
	m.must(unix.Fstat(m.reader, &st))
	if st.Size != int64(len(m.model)) {
		m.must(fmt.Errorf("the size is %d, want %d", st.Size, len(m.model)))
	}
}

// grow makes the model at least so long.
func (m *mixed) grow(size int) {
	if size > len(m.model) {
		m.model = append(m.model, make([]byte, size-len(m.model))...)
	}
}

func (m *mixed) wrote(off int, data []byte) {
	m.grow(off + len(data))
	copy(m.model[off:], data)
}

// memory changes what there is of a range through a mapping, and compares what is
// around it.
func (m *mixed) memory(off int, data []byte) {
	if off+len(data) > len(m.model) {
		return
	}
	memory, err := unix.Mmap(m.pages, 0, len(m.model), unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
	m.must(err)
	from, to := max(0, off-5000), min(len(m.model), off+len(data)+5000)
	m.compare(memory[from:to], from)
	copy(memory[off:], data)
	m.wrote(off, data)
	if m.r.IntN(3) == 0 {
		m.must(unix.Msync(memory, unix.MS_SYNC))
	}
	m.must(unix.Munmap(memory))
}

func (m *mixed) read(fd, off, n int) {
	b := make([]byte, n)
	got, err := unix.Pread(fd, b, int64(off))
	m.must(err)
	if want := max(0, min(n, len(m.model)-off)); got != want {
		m.must(fmt.Errorf("%d bytes at %d, want %d", got, off, want))
	}
	m.compare(b[:got], off)
}

func (m *mixed) compare(got []byte, off int) {
	m.t.Helper()
	if len(got) == 0 { // perhaps behind the end
		return
	}
	for i, want := range m.model[off : off+len(got)] {
		if got[i] != want {
			m.must(fmt.Errorf("byte %d differs, of %d at %d", off+i, len(got), off))
		}
	}
}
