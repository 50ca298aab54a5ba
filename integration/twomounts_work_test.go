package integration

import (
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"
)

// machine is one of those that work on the same tree.
type machine struct {
	*drive
	name string
	v    *versions

	mu      sync.Mutex
	errnos  map[string]int           // that calls had, by call
	locks   map[string]*sync.RWMutex // by file: programs of one machine see each other's writes half done
	torn    []tornRead
	reads   int
	changes int
	slowest time.Duration // change
}

// tornRead is a content that nobody ever wrote.
type tornRead struct{ file, text string }

// worker is a program that changes things.
type worker struct {
	*machine
	r      *rand.Rand
	serial int
}

// shared begins the names of files that both machines change; the names of others
// begin with the machine that does.
const shared = 's'

// keyOf names a file whatever its folder, and with it what was made of it for a
// while and its conflicts.
func keyOf(path string) string {
	name := filepath.Base(path)
	if i := strings.IndexAny(name, ". "); i >= 0 {
		return name[:i]
	}
	return name
}

func (m *machine) lock(file string) *sync.RWMutex {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.locks[file] == nil {
		m.locks[file] = &sync.RWMutex{}
	}
	return m.locks[file]
}

// count notes the errno of a call, and reports whether it worked.
func (m *machine) count(call string, err error) bool {
	if err == nil {
		return true
	}
	var errno syscall.Errno
	_ = errors.As(err, &errno)
	m.mu.Lock()
	defer m.mu.Unlock()
	m.errnos[fmt.Sprintf("%s: %v", call, errno)]++
	return false
}

// work does one thing after the other until it is told to end.
func (w *worker) work(end <-chan struct{}) {
	for {
		select {
		case <-end:
			return
		case <-time.After(time.Duration(w.r.IntN(30)) * time.Millisecond):
		}
		began := time.Now()
		w.step()
		w.mu.Lock()
		w.changes++
		w.slowest = max(w.slowest, time.Since(began))
		w.mu.Unlock()
	}
}

func (w *worker) step() {
	switch n := w.r.IntN(100); {
	case n < 15:
		w.create()
	case n < 30:
		w.withFile(w.edit)
	case n < 45:
		w.withFile(w.replace)
	case n < 57:
		w.withFile(w.appendTo)
	case n < 74:
		w.withFile(w.remove)
	case n < 82:
		w.count("mkdir", os.Mkdir(w.newFolder(), 0o755))
	case n < 87:
		if dir := w.folder(); dir != w.mnt {
			w.count("rmdir", syscall.Rmdir(dir))
		}
	case n < 96:
		w.withFile(func(path, file string) {
			to := filepath.Join(w.folder(), filepath.Base(path))
			ok := w.count("move", renameWith(path, to, noReplace))
			w.v.log(file, "%s moves %s to %s: %v", w.name, path, to, ok)
		})
	default:
		if dir := w.folder(); dir != w.mnt {
			to := w.newFolder()
			ok := w.count("move", renameWith(dir, to, noReplace))
			w.v.log("", "%s moves %s to %s: %v", w.name, dir, to, ok)
		}
	}
}

// folder returns one at random.
func (w *worker) folder() string {
	at := w.mnt
	for w.r.IntN(4) > 0 {
		entries, err := os.ReadDir(at)
		if !w.count("readdir", err) {
			break
		}
		var below []string
		for _, e := range entries {
			if e.IsDir() {
				below = append(below, e.Name())
			}
		}
		if len(below) == 0 {
			break
		}
		at = filepath.Join(at, below[w.r.IntN(len(below))])
	}
	return at
}

// newFolder returns a name that others may use too.
func (w *worker) newFolder() string {
	at := w.folder()
	if strings.Count(at, "/") > strings.Count(w.mnt, "/")+3 {
		at = w.mnt
	}
	return filepath.Join(at, fmt.Sprint("d", w.r.IntN(5)))
}

// withFile calls f with a file that this machine may change, which no other program
// of it reads or writes meanwhile.
func (w *worker) withFile(f func(path, file string)) {
	for range 5 {
		dir := w.folder()
		entries, err := os.ReadDir(dir)
		if !w.count("readdir", err) || len(entries) == 0 {
			continue
		}
		e := entries[w.r.IntN(len(entries))]
		file := keyOf(e.Name())
		if e.IsDir() || file[0] != shared && !strings.HasPrefix(file, w.name) {
			continue
		}
		lock := w.lock(file)
		lock.Lock()
		defer lock.Unlock()
		path := filepath.Join(dir, e.Name())
		// What the other has begun to make may come to nothing, and is let alone.
		seen, err := os.Open(path)
		if !w.count("open", err) {
			return
		}
		w.count("close", seen.Close())
		f(path, file)
		return
	}
}

func (w *worker) size() int { return []int{0, 10, 1000, 5000, 70_000, 300_000}[w.r.IntN(6)] }

// unique returns a name beside a file that nobody else has.
func (w *worker) unique(path, kind string) string {
	w.serial++
	return fmt.Sprintf("%s.%s-%s-%d", path, kind, w.name, w.serial)
}

// create makes a file of this machine, or one that the others may make too.
func (w *worker) create() {
	w.serial++
	name := fmt.Sprintf("%s-%d.txt", w.name, w.serial)
	if w.r.IntN(2) == 0 {
		name = fmt.Sprintf("%c%d.txt", shared, w.r.IntN(6))
	}
	path, file := filepath.Join(w.folder(), name), keyOf(name)
	lock := w.lock(file)
	lock.Lock()
	defer lock.Unlock()
	w.write(path, file, "")
}

// write makes a file with a new version.
func (w *worker) write(path, file, parent string) (ok bool) {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if !w.count("create", err) {
		return false
	}
	data := w.v.next(file, w.name, parent, nil, w.size())
	return w.save(f, path, file, parent, data, 0)
}

// save writes data from an offset on, to its end, and closes the file.
func (w *worker) save(f *os.File, path, file, parent string, data []byte, from int) bool {
	ok := true
	for at := from; at < len(data) && ok; {
		n := min(len(data)-at, 1+w.r.IntN(100_000))
		_, err := f.WriteAt(data[at:at+n], int64(at))
		ok = w.count("write", err)
		at += n
	}
	ok = ok && w.count("truncate", f.Truncate(int64(len(data))))
	ok = w.count("close", f.Close()) && ok
	sum := sumOf(data)
	w.v.log(file, "%s saves %.8s after %.8s as %s: %v", w.name, sum, parent, path, ok)
	w.v.note(sum, func(v *version) { v.saved = ok })
	if !ok {
		w.v.note(parent, func(v *version) { v.spoiled = true })
	}
	return ok
}

// openSeen opens a file to be changed, and reads it.
func (w *worker) openSeen(path string) (*os.File, []byte) {
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if !w.count("open", err) {
		return nil, nil
	}
	data, err := io.ReadAll(f)
	if w.count("read", err) && w.check(path, data) {
		return f, data
	}
	w.count("close", f.Close())
	return nil, nil
}

func (w *worker) edit(path, file string) {
	f, seen := w.openSeen(path)
	if f == nil {
		return
	}
	data := w.v.next(file, w.name, sumOf(seen), nil, w.size())
	w.save(f, path, file, sumOf(seen), data, 0)
}

func (w *worker) appendTo(path, file string) {
	f, seen := w.openSeen(path)
	if f == nil {
		return
	}
	data := w.v.next(file, w.name, sumOf(seen), seen, w.r.IntN(5000))
	w.save(f, path, file, sumOf(seen), data, len(seen))
}

// replace saves by way of another file, which takes the place of the old one once
// that is aside: so it is known what was replaced.
func (w *worker) replace(path, file string) {
	old, fresh := w.unique(path, "old"), w.unique(path, "new")
	if !w.count("move", renameWith(path, old, noReplace)) {
		return
	}
	data, err := os.ReadFile(old)
	seen := w.count("read", err) && w.check(old, data)
	if seen && w.write(fresh, file, sumOf(data)) {
		w.v.log(file, "%s replaces %s: %v", w.name, path, w.count("move", renameWith(fresh, path, noReplace)))
		w.count("unlink", os.Remove(old))
		return
	}
	ok := w.count("move", renameWith(old, path, noReplace))
	w.v.log(file, "%s replaces %s no more: %v", w.name, path, ok)
}

// remove removes a file that it has read.
func (w *worker) remove(path, file string) {
	aside := w.unique(path, "gone")
	if !w.count("move", renameWith(path, aside, noReplace)) {
		return
	}
	data, err := os.ReadFile(aside)
	if !w.count("read", err) || !w.check(aside, data) {
		return
	}
	w.v.note(sumOf(data), func(v *version) { v.removed = true })
	ok := w.count("unlink", os.Remove(aside))
	w.v.log(file, "%s removes %s, which has %.8s: %v", w.name, path, sumOf(data), ok)
}

// check reports whether a content is one that somebody wrote to the file.
func (m *machine) check(path string, data []byte) bool {
	if m.v.of(keyOf(path), data) {
		return true
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.torn = append(m.torn, tornRead{keyOf(path), fmt.Sprintf("%s has %d bytes of no version: %.60q, wrong from %d, at %s",
		path, len(data), data, wrongFrom(data), time.Now().UTC().Format("15:04:05.000"))})
	return false
}

// watch reads everything again and again.
func (m *machine) watch(end <-chan struct{}, r *rand.Rand) {
	for {
		err := filepath.WalkDir(m.mnt, func(path string, e os.DirEntry, err error) error {
			select {
			case <-end:
				return filepath.SkipAll
			default:
			}
			if !m.count("walk", err) || e.IsDir() {
				return nil
			}
			time.Sleep(2 * time.Millisecond)
			m.readSlowly(path, r)
			return nil
		})
		select {
		case <-end:
			return
		case <-time.After(5 * time.Millisecond):
			m.count("walk", err)
		}
	}
}

// readSlowly now and then stops half way: the other half has to be of the same
// version.
func (m *machine) readSlowly(path string, r *rand.Rand) {
	lock := m.lock(keyOf(path))
	lock.RLock()
	defer lock.RUnlock()
	f, err := os.Open(path)
	if !m.count("open", err) {
		return
	}
	defer f.Close()
	var data []byte
	if i, err := f.Stat(); err == nil && r.IntN(10) == 0 {
		data = make([]byte, i.Size()/2)
		n, err := io.ReadFull(f, data)
		if !m.count("read", err) {
			return
		}
		data = data[:n]
		time.Sleep(time.Duration(r.IntN(300)) * time.Millisecond)
	}
	rest, err := io.ReadAll(f)
	if !m.count("read", err) {
		return
	}
	m.mu.Lock()
	m.reads++
	m.mu.Unlock()
	m.check(path, append(data, rest...))
}
