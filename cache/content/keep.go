package content

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"syscall"
)

// newExt ends the names of files on their way into the store.
const newExt = ".new"

// Keep takes over a file as the content of a version, so that what was just
// uploaded need not be fetched. The file at path is gone afterwards, kept or not:
// one that finds no room, or comes when the version is there already, is not.
//
// The file may have other names. It is never written to, so those keep their
// content; when one of them is written to, [Store.Discard] is to be called.
func (s *Store) Keep(k Key, path string) error {
	// Also after a rename, which does nothing when both names are of one file.
	defer os.Remove(path)
	name := k.name()
	if k.Size == 0 || !s.beginKeep(name) {
		return nil
	}
	defer s.endKeep(name)
	data := s.path(name, fmt.Sprintf(".%d.data%s", os.Getpid(), newExt))
	index := s.path(name, fmt.Sprintf(".%d.index%s", os.Getpid(), newExt))
	defer os.Remove(data)
	defer os.Remove(index)
	if err := os.MkdirAll(filepath.Dir(data), 0o700); err != nil {
		return err
	}
	cost, err := s.fetchIn(path, data, k.Size)
	if err != nil || cost > s.limit {
		return err
	}
	sums, err := checksums(data, k.Size)
	if err != nil {
		return err
	}
	if err := os.WriteFile(index, keptIndex(k.Size, sums), 0o600); err != nil {
		return err
	}
	return s.install(name, cost, data, index)
}

// beginKeep reports whether nobody else is keeping the same version.
func (s *Store) beginKeep(name string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, ok := s.keeping[name]; ok {
		return false
	}
	s.keeping[name] = false
	return true
}

func (s *Store) endKeep(name string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.keeping, name)
}

// fetchIn moves a file into the store's folder, from another file system if need
// be, and returns what it will take there. One that is too large stays.
func (s *Store) fetchIn(path, data string, size int64) (cost int64, err error) {
	info, err := os.Lstat(path)
	if err != nil {
		return 0, err
	}
	if !info.Mode().IsRegular() || info.Size() != size {
		return 0, fmt.Errorf("%s: not a file of %d bytes", path, size)
	}
	if allocated(info)+fixedCost > s.limit {
		return allocated(info) + fixedCost, nil
	}
	if err = os.Rename(path, data); errors.Is(err, syscall.EXDEV) {
		err = copyFile(path, data)
	}
	if err == nil {
		info, err = os.Lstat(data)
	}
	if err != nil {
		return 0, err
	}
	return allocated(info) + fixedCost, nil
}

func copyFile(from, to string) error {
	r, err := os.Open(from)
	if err != nil {
		return err
	}
	defer r.Close()
	_ = os.Remove(to) // not truncated: it may be a name of something else
	w, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = io.Copy(w, r)
	return errors.Join(err, w.Close())
}

// checksums returns the CRC of each block of a file.
func checksums(path string, size int64) ([]uint32, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	sums, block := make([]uint32, blocks(size)), make([]byte, BlockSize)
	for b := range sums {
		block := block[:blockLen(int64(b), size)]
		if _, err := io.ReadFull(f, block); err != nil {
			return nil, err
		}
		sums[b] = checksum(block)
	}
	return sums, nil
}

// install gives the files of a version their names, in place of what is held of
// it. Who has it open goes on reading that; the next read is from the new files.
func (s *Store) install(name string, cost int64, data, index string) error {
	s.mu.Lock()
	s.awaitLocked(name)
	if s.keeping[name] || !s.files[name].improvable() || !s.recountLocked(name, cost) {
		s.mu.Unlock()
		return nil
	}
	s.replaceLocked(name)
	s.renaming[name] = true
	s.mu.Unlock()

	s.removeFiles(name)
	// The index first: the data never stands there without the word that it is not
	// to be written to.
	err := os.Rename(index, s.path(name, indexExt))
	if err == nil {
		err = os.Rename(data, s.path(name, dataExt))
	}

	s.mu.Lock()
	defer s.mu.Unlock()
	s.endRenamingLocked(name)
	if err != nil {
		s.lru.Remove(name)
		s.unlinkLocked(name)
	}
	return err
}

// improvable reports whether a file that is open can go on with bytes that come
// from elsewhere. Where the MD5 is unknown, nothing says that they are the same.
func (f *File) improvable() bool {
	if f == nil {
		return true
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.md5 != "" && f.missing > 0
}

// recountLocked makes a version count for another number of bytes, if there is
// room.
func (s *Store) recountLocked(name string, cost int64) bool {
	was, had := s.forgetLocked(name)
	room := s.lru.Reserve(cost)
	switch {
	case room:
		s.lru.Add(name, struct{}{}, cost)
	case had:
		s.lru.Add(name, struct{}{}, was)
	}
	return room
}

func (s *Store) endRenamingLocked(names ...string) {
	for _, name := range names {
		delete(s.renaming, name)
	}
	s.renamed.Broadcast()
}
