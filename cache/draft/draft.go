package draft

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"
)

// BlockSize is the unit that is fetched from the base and marked as local, in
// bytes.
const BlockSize = 64 << 10

// ErrIncomplete says that a part of the content is still the base's only.
var ErrIncomplete = errors.New("the draft is not complete")

// ErrChanged says that the content changed while it was being read as a whole.
var ErrChanged = errors.New("the draft changed meanwhile")

// Base is the version that a draft started from. Its bytes never change.
type Base interface {
	// ReadAt is like [os.File.ReadAt]: io.EOF at the end.
	ReadAt(ctx context.Context, p []byte, off int64) (int, error)
	Close()
}

// Draft is the content of one file that is being changed. It is safe for
// concurrent use. After Close its methods fail with [os.ErrClosed].
type Draft struct {
	path   string
	data   *os.File
	blocks *sidecar
	digest digest

	content sync.RWMutex
	cutting bool   // the header orders a cut to size that has not been withdrawn
	ordered int64  // bytes that were written in order from the start, all of them local
	round   uint64 // of ordered: how often it began anew
	behind  int64  // of ordered, those that were hashed when it was last looked
	hashing bool   // hashBehind runs
	hook    func()
	hooks   uint64 // how often hook was set

	// What follows changes with content and mu held: either is enough to read it.
	mu         sync.Mutex
	size       int64
	modTime    time.Time
	generation uint64
	written    bool   // the content may differ from what the draft started from
	shown      int64  // how many bytes of the base may still show, at most size
	local      []bool // blocks of the base that are in the data
	missing    int64  // blocks below shown that are not local
	closed     bool

	// What follows is guarded by mu alone.
	base    Base // nil when no longer needed
	ctx     context.Context
	cancel  context.CancelFunc
	flights map[int64]*flight
}

// baseless is in the mode of the data of a draft that began with nothing, and has no
// blocks: a file less to be made for each small file that is saved.
const baseless os.FileMode = 0o100

// Create starts a draft at path whose content is the first size bytes of base,
// which may be nil when size is 0. It fails when there is a file at path. The
// draft closes base when it is no longer needed; after an error it is still the
// caller's.
func Create(path string, base Base, size int64) (*Draft, error) {
	if size < 0 || base == nil && size > 0 {
		return nil, fmt.Errorf("a draft over %d bytes of no base: %w", size, os.ErrInvalid)
	}
	mode := os.FileMode(0o600)
	if size == 0 {
		mode |= baseless
	}
	data, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_EXCL, mode)
	if errors.Is(err, fs.ErrNotExist) {
		if err = os.MkdirAll(filepath.Dir(path), 0o700); err == nil {
			data, err = os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_EXCL, mode)
		}
	}
	if err != nil {
		return nil, err
	}
	var blocks *sidecar
	if size > 0 {
		if blocks, err = createSidecar(path, size); err == nil {
			err = data.Truncate(size)
		}
	}
	d := newDraft(path, data, blocks)
	if err == nil {
		err = d.start(base, size, make([]bool, blockCount(size)))
	}
	if err != nil {
		d.Remove()
		return nil, err
	}
	return d, nil
}

// Open opens a draft that an earlier process left. No more than baseSize bytes of
// base show, which may be nil when none has to; it is an error when one has to.
// After an error base is still the caller's.
func Open(path string, base Base, baseSize int64) (*Draft, error) {
	data, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return nil, err
	}
	info, err := data.Stat()
	if err != nil {
		data.Close()
		return nil, err
	}
	var blocks *sidecar
	var h header
	var local []bool
	blocks, h, local, err = openSidecar(path)
	if errors.Is(err, fs.ErrNotExist) && info.Mode()&baseless != 0 {
		err = nil
	}
	if err != nil && baseSize <= 0 { // without a base, all that counts is in the data
		blocks, err = blocks.replace(path)
	}
	d := newDraft(path, data, blocks)
	if err == nil && h.cutting {
		err = data.Truncate(h.shown)
	}
	shown := min(h.shown, max(0, baseSize))
	if err == nil && (h.cutting || shown < h.shown) {
		err = blocks.setHeader(header{shown: shown})
	}
	if err == nil {
		err = d.start(base, shown, local)
	}
	// A mark does not say whether the block was written or fetched.
	d.written = h.cutting || d.size != baseSize || h.shown != baseSize || slices.Contains(local, true)
	if err != nil {
		d.Close()
		return nil, err
	}
	return d, nil
}

func newDraft(path string, data *os.File, blocks *sidecar) *Draft {
	d := &Draft{path: path, data: data, blocks: blocks, flights: map[int64]*flight{}}
	d.ctx, d.cancel = context.WithCancel(context.Background())
	return d
}

// start takes over base and what the files say.
func (d *Draft) start(base Base, shown int64, local []bool) error {
	info, err := d.data.Stat()
	if err != nil {
		return err
	}
	d.size, d.modTime, d.local = info.Size(), info.ModTime(), local
	d.showLocked(shown)
	if d.missing > 0 && base == nil {
		return fmt.Errorf("%d blocks of the base are missing: %w", d.missing, ErrIncomplete)
	}
	d.base = base
	d.dropBase()
	return nil
}

// showLocked sets how many bytes of the base may show.
func (d *Draft) showLocked(shown int64) {
	d.shown, d.missing = shown, 0
	for b := range blockCount(shown) {
		if !d.local[b] {
			d.missing++
		}
	}
	if d.missing == 0 {
		d.shown = 0
	}
}

// Size returns the length of the content, in bytes, and when it last changed. It
// waits for neither the network nor the disk.
func (d *Draft) Size() (int64, time.Time) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.size, d.modTime
}

// SetModTime sets when the content last changed. The time survives a restart.
func (d *Draft) SetModTime(t time.Time) { _ = d.setModTime(t) }

func (d *Draft) setModTime(t time.Time) error {
	d.content.Lock()
	defer d.content.Unlock()
	if d.closed {
		return os.ErrClosed
	}
	d.mu.Lock()
	d.modTime = t
	d.mu.Unlock()
	d.stampLocked()
	return nil
}

// stampLocked gives the data the time of the content, which is where a restart
// finds it. A failure costs only that.
func (d *Draft) stampLocked() { _ = os.Chtimes(d.path, time.Time{}, d.modTime) }

// Generation returns a number that grows with every change of content or size,
// once before anything of it can be seen and once after. It starts anew with each
// Open. It waits for nothing.
func (d *Draft) Generation() uint64 {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.generation
}

// BaseSize returns how many bytes of the base may still show; it only falls. It
// waits for nothing.
func (d *Draft) BaseSize() int64 {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.shown
}

// IsComplete says whether the base is no longer needed.
func (d *Draft) IsComplete() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.missing == 0
}

// Written says whether the content may differ from what the draft started from:
// the bytes that were given to Create, or for one from Open the baseSize bytes of
// the base. Fetching does not count, but when it happened before Open, which cannot
// tell. That Create was given less than the whole base is for its caller to know.
// It waits for nothing.
func (d *Draft) Written() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.written
}

// OnChange makes f be called before each change of content or size that is applied
// after OnChange returns; nil ends that. f is called with no lock held, on the
// goroutine that makes the change.
func (d *Draft) OnChange(f func()) {
	d.content.Lock()
	defer d.content.Unlock()
	d.hook = f
	d.hooks++
}

// Sync returns when all that was written is safe from a power failure.
func (d *Draft) Sync() error {
	if err := d.data.Sync(); err != nil {
		return err
	}
	if d.blocks != nil {
		if err := d.blocks.f.Sync(); err != nil {
			return err
		}
	}
	dir, err := os.Open(filepath.Dir(d.path))
	if err != nil {
		return err
	}
	defer dir.Close()
	return dir.Sync()
}

// Close closes the files, which stay on disk, and the base.
func (d *Draft) Close() {
	defer d.dropBase()
	d.content.Lock()
	defer d.content.Unlock()
	d.mu.Lock()
	defer d.mu.Unlock()
	d.closed = true
	d.data.Close()
	if d.blocks != nil {
		d.blocks.f.Close()
	}
}

// Missing reports whether a file of the draft at path is not there.
func Missing(path string) bool {
	info, err := os.Stat(path)
	if err == nil && info.Mode()&baseless == 0 {
		_, err = os.Stat(path + BlocksExt)
	}
	return errors.Is(err, fs.ErrNotExist)
}

// Remove closes the draft and deletes its files.
func (d *Draft) Remove() {
	d.Close()
	Remove(d.path)
}

// Holds reports whether the files of a draft that is not open may hold something
// that is nowhere else.
func Holds(path string) bool {
	info, err := os.Lstat(path)
	if err != nil || info.Mode().IsRegular() && info.Size() == 0 {
		return false
	}
	blocks, h, local, err := openSidecar(path)
	if blocks != nil {
		blocks.f.Close()
	}
	return err != nil || h.cutting || h.shown < info.Size() || slices.Contains(local, true)
}

// Remove deletes a draft that is not open, or what is left of one.
func Remove(path string) {
	_ = os.Remove(path)
	_ = os.Remove(path + BlocksExt)
}
