package content

import (
	"context"
	"crypto/md5"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"

	"losantfs/remote"
)

// Source fetches the content of one version.
type Source interface {
	// Fetch writes the n bytes from off to w, in order, each exactly once.
	Fetch(ctx context.Context, off, n int64, w io.Writer) error
	// Distrust is called when the bytes that came are not of the version.
	Distrust()
}

// CorruptError says that the service repeatedly sent bytes that do not have the
// MD5 it gives for them.
type CorruptError struct{ Want, Got string }

func (e *CorruptError) Error() string {
	return fmt.Sprintf("the content has the MD5 %s where the service says %s", e.Got, e.Want)
}

// File is the content of one version, shared by all that have it open.
type File struct {
	store  *Store
	name   string // guarded by Store.mu: an entry that is moved gets another
	size   int64
	md5    string          // "" when unknown
	ctx    context.Context // ends with the last Close: nobody waits for the rest
	cancel context.CancelFunc
	refs   int  // guarded by Store.mu
	moved  bool // guarded by Store.mu: src is that of an entry that is no more

	replaced atomic.Bool // who opens the version gets another File

	data  *os.File // nil when the disk gives no room for one
	clean stamp    // of data when it was opened or the last block came
	index *index

	mu       sync.Mutex
	src      Source
	arrived  []bool // on disk, perhaps not yet to be handed out
	trusted  []bool // on disk and checked since the file was opened
	missing  int64  // blocks that have not arrived
	flights  map[int64]*flight
	running  int // flights, and what computes the sum
	summing  bool
	passes   bool // through memory, as far as the disk has no room
	closed   bool
	err      error      // for good
	pins     int        // see [Pin]
	unpinned *sync.Cond // pins got 0

	sum sumState
}

// openFile opens what the disk holds. A disk that gives no room is no error: the
// blocks then pass through memory.
func openFile(s *Store, name string, size int64, sum string, src Source) *File {
	n := blocks(size)
	f := &File{store: s, name: name, size: size, md5: sum, src: src, missing: n,
		arrived: make([]bool, n), trusted: make([]bool, n), flights: map[int64]*flight{}}
	f.ctx, f.cancel = context.WithCancel(s.ctx)
	f.unpinned = sync.NewCond(&f.mu)
	f.sum.hash = md5.New()
	if size == 0 {
		f.index = &index{}
	} else if err := f.openDisk(); err == nil {
		f.trustChecked(s.checked[name])
	} else {
		s.complainLocked(err)
		f.data, f.index = nil, &index{sums: make([]uint32, n)}
	}
	for b, sum := range f.index.sums {
		if sum != 0 {
			f.arrived[b] = true
			f.missing--
		}
	}
	return f
}

// openDisk opens the files of f, and starts anew where they are not to be trusted
// or not to be written to.
func (f *File) openDisk() (err error) {
	path, index := f.store.path(f.name, dataExt), f.store.path(f.name, indexExt)
	f.store.makeWay(filepath.Dir(path), fs.FileMode.IsDir)
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	f.store.makeWay(path, fs.FileMode.IsRegular)
	f.store.makeWay(index, fs.FileMode.IsRegular)
	if f.index, err = openIndex(index, f.size, f.store.log); err != nil {
		return err
	}
	if f.data, err = f.openData(path); err != nil {
		f.index.f.Close()
	}
	return err
}

// makeWay removes what has the name of a file or folder of the store and is none: it
// can be fetched again.
func (s *Store) makeWay(path string, is func(fs.FileMode) bool) {
	info, err := os.Lstat(path)
	if err != nil || is(info.Mode()) {
		return
	}
	s.log.Info("something else is in the place of cached content; it is removed", "path", path, "error", os.RemoveAll(path))
}

func (f *File) openData(path string) (*os.File, error) {
	info, err := os.Lstat(path)
	whole := err == nil && f.index.kept && info.Size() == f.size && !slices.Contains(f.index.sums, 0)
	switch {
	case whole:
		// The file may still have another name and be a draft.
		return os.Open(path)
	case err != nil, f.index.kept, links(info) > 1:
		_ = os.Remove(path)
		err = f.index.reset(f.size)
	case f.md5 == "":
		// Nothing says that what is fetched from now on is of the same version.
		// That does not concern what was taken over as a whole.
		err = errors.Join(f.index.reset(f.size), os.Truncate(path, 0))
	}
	if err != nil {
		return nil, err
	}
	data, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	// Where it has that length its time of change is left alone: see [stamp].
	if info, err = data.Stat(); err == nil && info.Size() != f.size {
		err = data.Truncate(f.size)
	}
	if err != nil {
		data.Close()
		return nil, err
	}
	return data, nil
}

// Size returns the length of the file in bytes.
func (f *File) Size() int64 { return f.size }

// Close gives the file back. Fetches that nobody else waits for end.
func (f *File) Close() { f.store.release(f) }

// close is called once nobody has the file open.
func (f *File) close() {
	f.cancel()
	f.mu.Lock()
	defer f.mu.Unlock()
	f.closed = true
	f.closeFilesLocked()
	if f.passes {
		f.store.memory.drop(f)
	}
}

// inMemory returns a block for which the disk had no room. f.mu is held.
func (f *File) inMemory(b int64) []byte {
	if !f.passes {
		return nil
	}
	return f.store.memory.get(f, b)
}

// closeFilesLocked closes the files on disk once no flight writes to them.
func (f *File) closeFilesLocked() {
	if f.closed && f.running == 0 && f.data != nil {
		f.data.Close()
		f.index.f.Close()
		f.data = nil
	}
}

// cost returns what f takes on disk when it is opened.
func (f *File) cost() (n int64) {
	if f.index.kept {
		if info, err := f.data.Stat(); err == nil {
			return allocated(info) + fixedCost
		}
	}
	for b, sum := range f.index.sums {
		if sum != 0 {
			n += onDisk(blockLen(int64(b), f.size))
		}
	}
	return n + fixedCost
}

// source returns where the content is fetched from.
func (f *File) source() Source {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.src
}

// readAt fills p from off, waiting for blocks that are missing, until ctx or done
// ends that. A fetch it has to start goes on to the block ahead.
func (f *File) readAt(ctx context.Context, done <-chan struct{}, p []byte, off, ahead int64) (int, error) {
	n, there, err := f.await(ctx, done, p, off, ahead)
	if err != nil {
		return 0, err
	}
	return f.fill(p[:n], off, there)
}

// found says where await has found what is to be read.
type found int

const (
	onlyDisk found = iota
	alsoMemory
	filled // it is in p already, checked there
)

// await returns once all of p can be read from off, and how much of it there is. Blocks
// that are in memory it copies.
func (f *File) await(ctx context.Context, done <-chan struct{}, p []byte, off, ahead int64) (n int, there found, err error) {
	if off >= f.size {
		return 0, 0, io.EOF
	}
	p = p[:min(int64(len(p)), f.size-off)]
	checked := 0
	for b := off / BlockSize; b*BlockSize < off+int64(len(p)); b++ {
		at := b*BlockSize - off
		var buf []byte
		if end := at + blockLen(b, f.size); at >= 0 && end <= int64(len(p)) {
			buf = p[at:end]
		}
		block, checkedThere, err := f.need(ctx, done, b, ahead, buf)
		switch {
		case err != nil:
			return 0, 0, err
		case block != nil:
			there = alsoMemory
			copy(p[max(0, at):], block[max(0, -at):])
		case checkedThere:
			checked += len(buf)
		}
	}
	if checked == len(p) {
		there = filled
	}
	return len(p), there, nil
}

// fill reads what await has found on disk.
func (f *File) fill(p []byte, off int64, there found) (n int, err error) {
	n = len(p)
	switch there {
	case alsoMemory:
		err = f.fillFromDisk(p, off)
	case onlyDisk:
		n, err = f.data.ReadAt(p, off)
	}
	if f.replaced.Load() {
		if failed := f.failed(); failed != nil {
			return 0, failed // what was read may be what is wrong
		}
	}
	return n, err
}

// failed returns why nothing of f can be read any more, if so.
func (f *File) failed() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.err
}

// fillFromDisk reads those blocks of p that are on disk, when others came from
// memory.
func (f *File) fillFromDisk(p []byte, off int64) error {
	for b := off / BlockSize; b*BlockSize < off+int64(len(p)); b++ {
		f.mu.Lock()
		onDisk := f.trusted[b]
		f.mu.Unlock()
		if !onDisk {
			continue
		}
		from, to := max(off, b*BlockSize), min(off+int64(len(p)), (b+1)*BlockSize)
		if _, err := f.data.ReadAt(p[from-off:to-off], from); err != nil {
			return err
		}
	}
	return nil
}

// need returns once a block can be read: its bytes when it is in memory, nil
// when it is on disk. Where it had to be checked for that, buf has it, unless that is nil.
func (f *File) need(ctx context.Context, done <-chan struct{}, b, ahead int64, buf []byte) (block []byte, checked bool, err error) {
	for {
		f.mu.Lock()
		if err := f.err; err != nil {
			f.mu.Unlock()
			return nil, false, err
		}
		if f.trusted[b] {
			f.mu.Unlock()
			return nil, checked, nil
		}
		if f.passes {
			if block := f.store.memory.use(f, b); block != nil {
				f.mu.Unlock()
				return block, false, nil
			}
		}
		if f.index.sums[b] != 0 {
			f.mu.Unlock()
			_, checked = f.check(b, buf)
			continue
		}
		fl := f.flights[b]
		if fl == nil {
			fl = f.startLocked(b, max(b+1, ahead), false)
		}
		f.mu.Unlock()
		err := fl.wait(ctx, done, b)
		if k := remote.KindOf(err); fl.early && ctx.Err() == nil && (k == remote.Unreachable || k == remote.Throttled) {
			continue // it did not try as hard as one that is needed
		}
		if err != nil {
			return nil, false, err
		}
	}
}

// spare are buffers for blocks that are read only to be checked.
var spare = sync.Pool{New: func() any { return new([BlockSize]byte) }}

// check reads a block that an earlier mount left and trusts it or drops it. It is read
// into block, unless that is nil, and may be there when it is right.
func (f *File) check(b int64, block []byte) (right, there bool) {
	there = block != nil
	if !there {
		buf := spare.Get().(*[BlockSize]byte)
		defer spare.Put(buf)
		block = buf[:blockLen(b, f.size)]
	}
	_, err := f.data.ReadAt(block, b*BlockSize)
	sum := checksum(block)
	f.mu.Lock()
	if err == nil && sum == f.index.sums[b] {
		f.trusted[b] = true
		f.mu.Unlock()
		return true, there
	}
	if f.trusted[b] { // since, by another who checked it or fetched it anew
		f.mu.Unlock()
		return true, false
	}
	f.store.log.Info("a damaged block of cached content is fetched again", "file", f.name, "block", b)
	if f.index.kept {
		f.mu.Unlock()
		f.store.drop(f) // its blocks come together or not at all
		return false, false
	}
	dropped := f.arrived[b]
	if dropped {
		f.arrived[b] = false
		f.missing++
	}
	f.index.sums[b] = 0
	f.mu.Unlock()
	if dropped {
		f.store.giveBack(f, onDisk(int64(len(block))))
	}
	return false, false
}
