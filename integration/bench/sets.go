package main

import (
	"crypto/md5"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// set is a set of files: in an application of the emulator, and the same in a plain
// folder, which is what the local programs show, and a bucket of the S3 gateway.
type set struct {
	name, app, dir string
}

const (
	treeDirs, treeFiles = 100, 100
	smallFiles          = 300
	copiedFiles         = 1000
	bigName             = "big.bin"
)

// empty makes a set of no files.
func (b *bench) empty(name string) (*set, error) {
	s := &set{name: name, app: b.emu.NewApplication(name), dir: filepath.Join(b.work, "sets", name)}
	return s, os.Mkdir(s.dir, 0o777)
}

// set returns a set that no run changes, made when it is first asked for.
func (b *bench) set(name string, fill func(dir string) error) (*set, error) {
	if s := b.sets[name]; s != nil {
		return s, nil
	}
	b.say("making the files of %s", name)
	s, err := b.empty(name)
	if err != nil {
		return nil, err
	}
	if err := fill(s.dir); err != nil {
		return nil, err
	}
	var paths []string
	err = filepath.WalkDir(s.dir, func(path string, e fs.DirEntry, err error) error {
		if err == nil && !e.IsDir() {
			paths = append(paths, path)
		}
		return err
	})
	for i, path := range paths {
		err = errors.Join(err, mapped(path, func(content []byte) {
			b.emu.PutFile(s.app, "public", strings.TrimPrefix(path, s.dir), content)
		}))
		tellApart(len(paths) - i)
	}
	b.sets[name] = s
	return s, err
}

// tellApart gives the newest files of a set, of which so many are left to make, times
// that differ, as they would have from a service that is not in this process. A drive
// looks at the newest to tell what has changed.
func tellApart(left int) {
	if left <= 50 {
		time.Sleep(2 * time.Millisecond)
	}
}

// drop takes a set away, on the emulator too.
func (b *bench) drop(s *set) error {
	for _, it := range b.emu.Items(s.app, "public") {
		b.emu.Remove(s.app, "public", it.Path())
	}
	delete(b.sets, s.name)
	return os.RemoveAll(s.dir)
}

// tree is dirs folders of treeFiles files of 1,000 bytes.
func (b *bench) tree(dirs int) (*set, error) {
	return b.set(fmt.Sprintf("tree-%d", dirs*treeFiles), func(dir string) error {
		return fillTree(dir, dirs, treeFiles, 1000)
	})
}

// big is one file.
func (b *bench) big(size int64) (*set, error) {
	return b.set(fmt.Sprintf("big-%d", size>>20), func(dir string) error {
		return randomFile(filepath.Join(dir, bigName), size, 0)
	})
}

// small is a folder of small files to read through.
func (b *bench) small() (*set, error) {
	return b.set("small", func(dir string) error { return fillTree(dir, 1, smallFiles, 1<<10) })
}

// source is a plain folder of files to copy to a drive.
func (b *bench) source() (string, error) {
	dir := filepath.Join(b.work, "source")
	if _, err := os.Stat(dir); err == nil {
		return dir, nil
	}
	return dir, fillTree(dir, 10, copiedFiles/10, 4<<10)
}

// fillTree makes dirs folders of the same number of files, each different.
func fillTree(root string, dirs, files, size int) error {
	random := rand.NewChaCha8([32]byte{})
	content := make([]byte, size)
	for i := range dirs {
		dir := filepath.Join(root, fmt.Sprintf("d%05d", i))
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return err
		}
		for j := range files {
			_, _ = random.Read(content[:min(16, size)])
			if err := os.WriteFile(filepath.Join(dir, fmt.Sprintf("f%03d.txt", j)), content, 0o644); err != nil {
				return err
			}
		}
	}
	return nil
}

// randomFile makes a file that nothing can compress, another one for each seed.
func randomFile(path string, size int64, seed byte) error {
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	_, err = io.CopyBuffer(struct{ io.Writer }{f}, io.LimitReader(rand.NewChaCha8([32]byte{1, seed}), size), make([]byte, 1<<20))
	if err == nil {
		err = f.Close()
	}
	return err
}

// mapped shows the content of a file without reading it into memory.
func mapped(path string, use func([]byte)) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil || info.Size() == 0 {
		use(nil)
		return err
	}
	content, err := unix.Mmap(int(f.Fd()), 0, int(info.Size()), unix.PROT_READ, unix.MAP_SHARED)
	if err != nil {
		return err
	}
	defer func() { _ = unix.Munmap(content) }()
	use(content)
	return nil
}

// md5Of is the MD5 of a file in hexadecimal.
func md5Of(path string) (sum string, err error) {
	err = mapped(path, func(content []byte) {
		digest := md5.Sum(content)
		sum = hex.EncodeToString(digest[:])
	})
	return sum, err
}
