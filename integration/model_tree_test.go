package integration

import (
	"path"
	"slices"
	"strings"
	"syscall"
)

// entry is a file or a folder of the model: what a disk would have.
type entry struct {
	dir      bool
	children map[string]*entry // of a folder
	data     []byte            // of a file; never changed in place
	// unsaved holds what a file was since it was last closed or synced, nil when
	// nothing was written since: a kill of the drive may leave any of it.
	unsaved [][]byte
}

func newFolder() *entry { return &entry{dir: true, children: map[string]*entry{}} }

// set gives a file other content, which is not saved yet.
func (e *entry) set(data []byte) {
	if e.unsaved == nil {
		e.unsaved = [][]byte{e.data}
	}
	e.data = data
	e.unsaved = append(e.unsaved, data)
}

func (e *entry) write(off int, data []byte) {
	if len(data) == 0 {
		return
	}
	now := make([]byte, max(len(e.data), off+len(data)))
	copy(now, e.data)
	copy(now[off:], data)
	e.set(now)
}

func (e *entry) truncate(size int) {
	now := make([]byte, size)
	copy(now, e.data)
	e.set(now)
}

// saved notes that a program was told that the content is safe.
func (e *entry) saved() { e.unsaved = nil }

// mayBe reports whether a kill of the drive may leave a file with content: each
// byte is one that was there since the file was last saved.
func (e *entry) mayBe(content []byte) bool {
	if e.unsaved == nil {
		return string(e.data) == string(content)
	}
	least, most := len(e.data), len(e.data)
	for _, was := range e.unsaved {
		least, most = min(least, len(was)), max(most, len(was))
	}
	if len(content) < least || len(content) > most {
		return false
	}
	for i, c := range content {
		if !slices.ContainsFunc(e.unsaved, func(was []byte) bool { return i < len(was) && was[i] == c || i >= len(was) && c == 0 }) {
			return false
		}
	}
	return true
}

// find returns the folder that holds a path, and what is there, nil for nothing.
func (e *entry) find(p string) (dir, at *entry, errno syscall.Errno) {
	up, name := path.Split(p)
	for part := range strings.SplitSeq(strings.Trim(up, "/"), "/") {
		if part == "" {
			continue
		}
		if e = e.children[part]; e == nil {
			return nil, nil, syscall.ENOENT
		}
		if !e.dir {
			return nil, nil, syscall.ENOTDIR
		}
	}
	return e, e.children[name], 0
}

// open is open(2). What it creates or empties is not saved before it is closed.
func (e *entry) open(p string, flags int) (*entry, syscall.Errno) {
	dir, at, errno := e.find(p)
	writes := flags&(syscall.O_WRONLY|syscall.O_RDWR|syscall.O_TRUNC|syscall.O_CREAT) != 0
	switch {
	case errno != 0:
		return nil, errno
	case at == nil && flags&syscall.O_CREAT == 0:
		return nil, syscall.ENOENT
	case at == nil:
		at = &entry{unsaved: [][]byte{{}}}
		dir.children[path.Base(p)] = at
	case flags&syscall.O_EXCL != 0:
		return nil, syscall.EEXIST
	case at.dir && writes:
		return nil, syscall.EISDIR
	case flags&syscall.O_TRUNC != 0:
		at.truncate(0)
	}
	return at, 0
}

func (e *entry) mkdir(p string) syscall.Errno {
	dir, at, errno := e.find(p)
	switch {
	case errno != 0:
		return errno
	case at != nil:
		return syscall.EEXIST
	}
	dir.children[path.Base(p)] = newFolder()
	return 0
}

// remove is rmdir(2) for folders, and unlink(2) otherwise.
func (e *entry) remove(p string, folder bool) syscall.Errno {
	dir, at, errno := e.find(p)
	switch {
	case errno != 0:
		return errno
	case at == nil:
		return syscall.ENOENT
	case folder && !at.dir:
		return syscall.ENOTDIR
	case !folder && at.dir:
		return syscall.EISDIR
	case len(at.children) > 0:
		return syscall.ENOTEMPTY
	}
	delete(dir.children, path.Base(p))
	return 0
}

// The flags of renameat2(2).
const (
	noReplace = 1
	exchange  = 2
)

// rename is renameat2(2), with its order of errors; done is false where nothing
// had to change.
func (e *entry) rename(from, to string, flags int) (done bool, errno syscall.Errno) {
	fromDir, a, errno := e.find(from)
	if errno != 0 {
		return false, errno
	}
	toDir, b, errno := e.find(to)
	switch {
	case errno != 0:
		return false, errno
	case a == nil:
		return false, syscall.ENOENT
	case flags == noReplace && b != nil:
		return false, syscall.EEXIST
	case flags == exchange && b == nil:
		return false, syscall.ENOENT
	case strings.HasPrefix(to, from+"/"):
		return false, syscall.EINVAL
	case strings.HasPrefix(from, to+"/") && flags == exchange:
		return false, syscall.EINVAL
	case strings.HasPrefix(from, to+"/"):
		return false, syscall.ENOTEMPTY
	case a == b:
		return false, 0
	case flags == exchange && (a.dir || b.dir):
		return false, syscall.EINVAL // the drive exchanges files only
	case flags == exchange:
		fromDir.children[path.Base(from)], toDir.children[path.Base(to)] = b, a
		return true, 0
	case b != nil && a.dir && !b.dir:
		return false, syscall.ENOTDIR
	case b != nil && !a.dir && b.dir:
		return false, syscall.EISDIR
	case b != nil && len(b.children) > 0:
		return false, syscall.ENOTEMPTY
	}
	delete(fromDir.children, path.Base(from))
	toDir.children[path.Base(to)] = a
	return true, 0
}

// each calls f with everything below a folder.
func (e *entry) each(prefix string, f func(path string, e *entry)) {
	for name, c := range e.children {
		f(prefix+"/"+name, c)
		c.each(prefix+"/"+name, f)
	}
}
