package content

import (
	"os"
	"path/filepath"
)

// Same makes the content of one version that of another, which has the same bytes:
// the entry was moved, and the first is no more. Who has the first open goes on
// reading, together with those who open the second; what is missing is fetched
// from the source that the next of these brings. When both are open, the one that
// has more stays.
func (s *Store) Same(from, to Key) {
	a, b := from.name(), to.name()
	if a == b || from.Size == 0 || from.Size != to.Size {
		return
	}
	s.mu.Lock()
	for s.renaming[a] || s.renaming[b] {
		s.renamed.Wait()
	}
	f := s.files[a]
	if !f.movable() || !s.files[b].improvable() || s.presentLocked(a, from.Size) <= s.presentLocked(b, to.Size) {
		s.mu.Unlock()
		return
	}
	var src Source
	if other := s.replaceLocked(b); other != nil {
		src = other.source()
	}
	s.renaming[a], s.renaming[b] = true, true
	s.mu.Unlock()

	s.removeFiles(b)
	err := os.MkdirAll(filepath.Dir(s.path(b, dataExt)), 0o700)
	if err == nil {
		err = os.Rename(s.path(a, indexExt), s.path(b, indexExt))
	}
	if err == nil {
		err = os.Rename(s.path(a, dataExt), s.path(b, dataExt))
	}
	info, statErr := os.Lstat(s.path(b, dataExt))

	s.mu.Lock()
	defer s.mu.Unlock()
	s.endRenamingLocked(a, b)
	cost, known := s.forgetLocked(a)
	s.forgetLocked(b)
	if err != nil || statErr != nil {
		// Who has it open still has the files.
		s.unlinkLocked(a)
		s.unlinkLocked(b)
		return
	}
	if !known {
		cost = allocated(info) + fixedCost // the scan has not come there
	}
	s.lru.Add(b, struct{}{}, cost)
	if s.gone != nil {
		s.gone[a] = true
	}
	if f == nil || s.files[a] != f {
		return // nobody has it open, or no longer
	}
	delete(s.files, a)
	s.files[b] = f
	f.name, f.moved = b, src == nil
	if src != nil {
		f.mu.Lock()
		f.src = src
		f.mu.Unlock()
	}
}

// movable reports whether what is open can become another version's: it has files,
// and all of it comes from one source where nothing but that makes it the same.
func (f *File) movable() bool {
	if f == nil {
		return true
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.data != nil && (f.md5 != "" || f.index.present() == blocks(f.size))
}

// presentLocked returns how many blocks are held of a version.
func (s *Store) presentLocked(name string, size int64) int64 {
	if f := s.files[name]; f != nil {
		f.mu.Lock()
		defer f.mu.Unlock()
		return f.index.present()
	}
	raw, err := os.ReadFile(s.path(name, indexExt))
	if err != nil {
		return 0
	}
	x := index{sums: make([]uint32, blocks(size))}
	if x.parse(raw, size) != nil {
		return 0
	}
	return x.present()
}

// forgetLocked takes a version out of the count and returns what it counted for.
func (s *Store) forgetLocked(name string) (cost int64, known bool) {
	known, cost = s.lru.Has(name), s.lru.Total()
	s.lru.Remove(name)
	delete(s.checked, name)
	return cost - s.lru.Total(), known
}
