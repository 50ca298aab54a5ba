package emulator

import (
	"bufio"
	"crypto/md5"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
)

// objects keeps contents as files. An object is named by the MD5 and the size
// of its bytes, never by anything a user chose; entries with the same bytes
// share one. The counts of references are guarded by the state's lock.
type objects struct {
	dir     string
	refs    map[string]int
	made    map[string]bool // folders that exist for certain
	loading bool            // a later line of the journal may still need what seems unused
}

const incomingPrefix = "incoming-"

func openObjects(dir string) (*objects, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	return &objects{dir: dir, refs: map[string]int{}, made: map[string]bool{}, loading: true}, nil
}

// etagOf is the MD5 in an object's name.
func etagOf(object string) string {
	sum, _, _ := strings.Cut(object, "-")
	return sum
}

// sizeOf is the size in an object's name, in bytes.
func sizeOf(object string) int64 {
	_, size, _ := strings.Cut(object, "-")
	n, _ := strconv.ParseInt(size, 10, 64)
	return n
}

var objectName = regexp.MustCompile(`^[0-9a-f]{32}-[0-9]+$`)

// validObject reports whether a name is that of an object, or none.
func validObject(object string) bool { return object == "" || objectName.MatchString(object) }

func (o *objects) path(object string) string {
	return filepath.Join(o.dir, object[:2], object)
}

func (o *objects) retain(object string) {
	if object != "" {
		o.refs[object]++
	}
}

// release gives up one reference and removes the file with the last one.
func (o *objects) release(object string) {
	if object == "" {
		return
	}
	if o.refs[object]--; o.refs[object] > 0 {
		return
	}
	delete(o.refs, object)
	if !o.loading {
		_ = os.Remove(o.path(object))
	}
}

// open opens an object for reading. The caller holds the state's lock, at
// least for reading, so that the object is not removed meanwhile.
func (o *objects) open(object string) (*os.File, error) {
	return os.Open(o.path(object))
}

// incoming is an object being received.
type incoming struct {
	file *os.File
	sum  hash.Hash
	size int64
}

// receive starts a new object. No lock is needed.
func (o *objects) receive() (*incoming, error) {
	f, err := os.CreateTemp(o.dir, incomingPrefix)
	if err != nil {
		return nil, err
	}
	return &incoming{file: f, sum: md5.New()}, nil
}

// Write writes and hashes side by side where that is worth it. After an error the object
// is of no use.
func (in *incoming) Write(p []byte) (int, error) {
	var hashing sync.WaitGroup
	if hash := func() { in.sum.Write(p) }; len(p) < wide {
		hash()
	} else {
		hashing.Go(hash)
	}
	n, err := in.file.Write(p)
	hashing.Wait()
	in.size += int64(n)
	return n, err
}

// ReadFrom copies through a buffer large enough for fast uploads, whatever r hands out
// at once.
func (in *incoming) ReadFrom(r io.Reader) (int64, error) {
	w := writers.Get().(*bufio.Writer)
	defer writers.Put(w)
	w.Reset(struct{ io.Writer }{in})
	n, err := w.ReadFrom(r)
	return n, errors.Join(err, w.Flush())
}

// wide is how much is read from the network and written to the disk at once, in bytes.
const wide = 256 << 10

var (
	readers = sync.Pool{New: func() any { return bufio.NewReaderSize(nil, wide) }}
	writers = sync.Pool{New: func() any { return bufio.NewWriterSize(nil, wide) }}
)

func (in *incoming) name() string {
	return fmt.Sprintf("%s-%d", hex.EncodeToString(in.sum.Sum(nil)), in.size)
}

// discard forgets what was received. It does nothing after keep.
func (in *incoming) discard() {
	if in.file != nil {
		_ = in.file.Close()
		_ = os.Remove(in.file.Name())
		in.file = nil
	}
}

// keep turns what was received into an object and takes a reference to it. The
// caller holds the state's lock.
func (o *objects) keep(in *incoming) (string, error) {
	defer in.discard()
	object := in.name()
	if o.refs[object] == 0 {
		if err := o.makeFolder(object); err != nil {
			return "", err
		}
		if err := in.file.Close(); err != nil {
			return "", err
		}
		if err := os.Rename(in.file.Name(), o.path(object)); err != nil {
			return "", err
		}
		in.file = nil
	}
	o.retain(object)
	return object, nil
}

// put stores bytes at hand and takes a reference. The caller holds the state's lock.
func (o *objects) put(content []byte) (string, error) {
	sum := md5.Sum(content)
	object := fmt.Sprintf("%s-%d", hex.EncodeToString(sum[:]), len(content))
	if o.refs[object] == 0 {
		if err := o.makeFolder(object); err != nil {
			return "", err
		}
		if err := os.WriteFile(o.path(object), content, 0o600); err != nil {
			return "", err
		}
	}
	o.retain(object)
	return object, nil
}

// makeFolder makes the folder an object's file lies in.
func (o *objects) makeFolder(object string) error {
	folder := filepath.Dir(o.path(object))
	if o.made[folder] {
		return nil
	}
	o.made[folder] = true
	return os.MkdirAll(folder, 0o700)
}

// sweep ends the loading: it removes the files nothing refers to.
func (o *objects) sweep() error {
	o.loading = false
	return filepath.WalkDir(o.dir, func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		if o.refs[d.Name()] == 0 {
			return os.Remove(path)
		}
		return nil
	})
}

// read returns an object's bytes, under the same condition as open.
func (o *objects) read(object string) ([]byte, error) { return os.ReadFile(o.path(object)) }
