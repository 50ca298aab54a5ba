package content

import "errors"

// errDiscarded says that the bytes of a File are not those of its version. A
// [Reader] goes on with the File that took its place.
var errDiscarded = errors.New("the content was discarded")

// Discard drops all that is held of a version, because it is not of the version
// after all. No read that ends after Discard has returned brings a byte of it; who
// has it open goes on with what is fetched anew. It also keeps a [Store.Keep] of
// the version that is under way from keeping it.
func (s *Store) Discard(k Key) {
	if f := s.discard(k.name()); f != nil {
		f.awaitUnpinned()
	}
}

// discard is Discard without the wait, and returns what was open of the version.
func (s *Store) discard(name string) *File {
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, ok := s.keeping[name]; ok {
		s.keeping[name] = true
	}
	s.awaitLocked(name)
	return s.dropLocked(name)
}

// drop is Discard for what f holds.
func (s *Store) drop(f *File) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.files[f.name] == f {
		s.dropLocked(f.name)
	}
	f.discard() // also when it was replaced before
}

func (s *Store) dropLocked(name string) *File {
	f := s.replaceLocked(name)
	if f != nil {
		f.discard()
	}
	s.lru.Remove(name)
	s.unlinkLocked(name)
	return f
}

// replaceLocked makes the next who opens a version get another File, and those who
// have it open with their next read.
func (s *Store) replaceLocked(name string) *File {
	f := s.files[name]
	if f != nil {
		delete(s.files, name)
		f.replaced.Store(true)
	}
	return f
}

// successor opens the File that took the place of f.
func (s *Store) successor(f *File) *File {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.openLocked(f.name, f.size, f.md5, f.source())
}

// discard ends f: nothing is read from it any more.
func (f *File) discard() {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.err == nil {
		f.err = errDiscarded
	}
	f.cancel()
}
