package content

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"losantfs/cache/budget"
)

// Key names one version of one file.
type Key struct {
	ID      string // of the entry; unique over all applications and spaces
	Version string
	Size    int64 // bytes
}

// name returns the file name of k: a hash, as ids and versions come from the
// service and may be anything.
func (k Key) name() string {
	sum := sha256.Sum256(fmt.Appendf(nil, "%s\x00%s\x00%d", k.ID, k.Version, k.Size))
	return hex.EncodeToString(sum[:16])
}

const (
	dataExt  = ".data"
	indexExt = ".index"
)

// Store is a folder of cached content. It is safe for concurrent use.
type Store struct {
	dir   string
	limit int64
	log   *slog.Logger
	ctx   context.Context // ends with Close
	stop  context.CancelFunc
	work  sync.WaitGroup // flights, sums and the scan

	flying atomic.Int64 // bytes that are being fetched
	memory *memory

	mu       sync.Mutex
	lru      *budget.LRU[string, struct{}] // by file name
	files    map[string]*File              // open ones
	renaming map[string]bool               // whose files are being given other names
	renamed  *sync.Cond                    // renaming got smaller
	keeping  map[string]bool               // by Keep, now; whether discarded since
	gone     map[string]bool               // taken away while the scan runs, nil after
	checked  map[string]stamp              // of files that were open and right as a whole

	quietUntil time.Time // for complaints
}

// Open opens the folder, creating it if need be, and keeps at most limit bytes
// of content in it. The folder must belong to the user, and is closed to others.
func Open(dir string, limit int64, log *slog.Logger) (*Store, error) {
	if err := privateDir(dir); err != nil {
		return nil, err
	}
	s := &Store{dir: dir, limit: limit, log: log, memory: newMemory(), files: map[string]*File{},
		renaming: map[string]bool{}, keeping: map[string]bool{}, gone: map[string]bool{},
		checked: map[string]stamp{}}
	s.renamed = sync.NewCond(&s.mu)
	s.ctx, s.stop = context.WithCancel(context.Background())
	s.lru = budget.New(limit,
		func(name string, _ struct{}) bool { return s.files[name] != nil || s.renaming[name] },
		func(name string, _ struct{}) { s.unlinkLocked(name) })
	s.work.Go(s.scan)
	return s, nil
}

// privateDir makes dir a folder that nobody else can read.
func privateDir(dir string) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("the cache folder cannot be used, choose another with --cache-dir: %w", err)
	}
	info, err := os.Lstat(dir)
	if err != nil {
		return err
	}
	if st, ok := info.Sys().(*syscall.Stat_t); !ok || !info.IsDir() || int(st.Uid) != os.Geteuid() {
		return fmt.Errorf("the cache folder %s is not a folder of your own: choose another with --cache-dir", dir)
	}
	if info.Mode().Perm()&0o077 != 0 {
		return os.Chmod(dir, 0o700)
	}
	return nil
}

// Close ends all fetches. Files that are still open can be read as far as they
// are present.
func (s *Store) Close() {
	s.stop()
	s.work.Wait()
}

// Bytes returns how much of the disk is used.
func (s *Store) Bytes() int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.lru.Total()
}

// scan enters what earlier mounts left into the LRU, oldest first.
func (s *Store) scan() {
	type found struct {
		name string
		used time.Time
		size int64
	}
	var all []found
	var unfinished []string
	err := filepath.WalkDir(s.dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || s.ctx.Err() != nil {
			return errors.Join(err, s.ctx.Err())
		}
		if strings.HasSuffix(d.Name(), newExt) {
			unfinished = append(unfinished, path)
		}
		name, ok := strings.CutSuffix(d.Name(), dataExt)
		if !ok || !d.Type().IsRegular() || !ownName.MatchString(name) {
			return nil
		}
		info, err := d.Info()
		if err != nil {
			return nil // removed since
		}
		used := info.ModTime()
		if x, err := os.Lstat(strings.TrimSuffix(path, dataExt) + indexExt); err == nil {
			used = x.ModTime()
		}
		all = append(all, found{name, used, allocated(info)})
		return nil
	})
	if err != nil && s.ctx.Err() == nil {
		s.log.Warn("reading the cache folder", "error", err)
	}
	slices.SortFunc(all, func(a, b found) int { return a.used.Compare(b.used) })
	s.mu.Lock()
	defer s.mu.Unlock()
	// What was used since is younger than all of these.
	younger := s.lru.Keys()
	for _, f := range all {
		if !s.lru.Has(f.name) && !s.gone[f.name] {
			s.lru.Add(f.name, struct{}{}, f.size+fixedCost)
		}
	}
	for _, name := range younger {
		s.lru.Get(name)
	}
	s.gone = nil
	for _, path := range unfinished {
		name, _, _ := strings.Cut(filepath.Base(path), ".")
		if _, ok := s.keeping[name]; !ok && ownName.MatchString(name) {
			_ = os.Remove(path)
		}
	}
}

// ownName matches the names of files that [Key.name] makes.
var ownName = regexp.MustCompile(`^[0-9a-f]{32}$`)

// fixedCost is what a version takes on disk beside its blocks, in bytes: the
// index and two inodes.
const fixedCost = 8 << 10

// onDisk returns what a block of n bytes takes on disk.
func onDisk(n int64) int64 { return (n + 4095) &^ 4095 }

// allocated returns the bytes a sparse file takes on disk.
func allocated(info fs.FileInfo) int64 {
	if st, ok := info.Sys().(*syscall.Stat_t); ok {
		return st.Blocks * 512
	}
	return info.Size()
}

// links returns how many names a file has.
func links(info fs.FileInfo) uint64 {
	if st, ok := info.Sys().(*syscall.Stat_t); ok {
		return uint64(st.Nlink)
	}
	return 1
}

func (s *Store) path(name, ext string) string {
	return filepath.Join(s.dir, name[:2], name+ext)
}

func (s *Store) unlinkLocked(name string) {
	if s.gone != nil {
		s.gone[name] = true
	}
	delete(s.checked, name)
	s.removeFiles(name)
}

func (s *Store) removeFiles(name string) {
	// The index first: what has no index has no content.
	_ = os.Remove(s.path(name, indexExt))
	_ = os.Remove(s.path(name, dataExt))
}

// File opens the content of one version, whose MD5 in hex is md5, or unknown when
// that is empty. What is missing is fetched from src. Every File must be closed.
func (s *Store) File(k Key, md5 string, src Source) *File {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.openLocked(k.name(), k.Size, md5, src)
}

func (s *Store) openLocked(name string, size int64, md5 string, src Source) *File {
	s.awaitLocked(name)
	f := s.files[name]
	switch {
	case f == nil:
		f = openFile(s, name, size, md5, src)
		s.files[name] = f
		if size > 0 { // counted anew: another mount may have evicted it
			s.lru.Add(name, struct{}{}, f.cost())
		}
	case f.moved:
		f.moved = false
		f.mu.Lock()
		f.src = src
		f.mu.Unlock()
	}
	f.refs++
	return f
}

// Holds reports whether all of a version is on disk.
func (s *Store) Holds(k Key) bool {
	name := k.name()
	s.mu.Lock()
	defer s.mu.Unlock()
	return k.Size == 0 || s.lru.Has(name) && s.presentLocked(name, k.Size) == blocks(k.Size)
}

// awaitLocked returns once the files of a name have no other name under way, with
// the mutex held, which it gives back meanwhile.
func (s *Store) awaitLocked(name string) {
	for s.renaming[name] {
		s.renamed.Wait()
	}
}

// release gives back one reference to f.
func (s *Store) release(f *File) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if f.refs--; f.refs > 0 {
		return
	}
	if s.files[f.name] == f {
		delete(s.files, f.name)
	}
	if x, whole := f.stamp(); whole && s.lru.Has(f.name) {
		s.checked[f.name] = x
	}
	// The time of the last use outlives the process.
	_ = os.Chtimes(s.path(f.name, indexExt), time.Time{}, time.Now())
	f.close()
}

// reserve makes room for n bytes of f and reports whether they may be kept.
func (s *Store) reserve(f *File, n int64) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.files[f.name] != f || !s.lru.Reserve(n) {
		return false
	}
	s.lru.Grow(f.name, n)
	return true
}

// giveBack takes back a reservation that was not used.
func (s *Store) giveBack(f *File, n int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.files[f.name] == f {
		s.lru.Grow(f.name, -n)
	}
}

// complaintPause keeps a full disk from filling the log as well.
const complaintPause = time.Minute

// complain says that content cannot be kept on disk.
func (s *Store) complain(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.complainLocked(err)
}

func (s *Store) complainLocked(err error) {
	if now := time.Now(); now.After(s.quietUntil) {
		s.quietUntil = now.Add(complaintPause)
		s.log.Warn("fetched content is not kept on disk; reading goes on without", "error", err)
	}
}

// MakeRoom drops everything that is not in use: the disk is full.
func (s *Store) MakeRoom() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.lru.Clear()
}

// giveUp forgets a file that was fetched wrong. Who has it open gets an error; who
// opens it next starts anew.
func (s *Store) giveUp(f *File) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.files[f.name] == f {
		delete(s.files, f.name)
		s.lru.Remove(f.name)
		s.unlinkLocked(f.name)
	}
}
