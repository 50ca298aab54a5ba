package content

import (
	"os"
	"syscall"
	"time"
)

// stamp tells whether a file on disk is the one that was checked, and as it was then:
// nobody can set the time of its last change.
type stamp struct {
	inode  uint64
	change time.Time
}

// stampOf returns the stamp of an open file, which is not that of any when it cannot be
// told.
func stampOf(f *os.File) stamp {
	info, err := f.Stat()
	if err != nil {
		return stamp{}
	}
	st, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return stamp{}
	}
	return stamp{inode: st.Ino, change: changed(st)}
}

// stamp returns what f is on disk, if all of it was checked since the store was opened
// and nothing has written to it since it was opened or its last block came: what changes it
// between a check and its close must not pass for what was checked. Small files are checked as quickly as
// they are looked up. What may be changed under another name is checked whenever it is
// opened.
func (f *File) stamp() (x stamp, whole bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.size <= SmallFile || f.err != nil || f.data == nil || f.md5 == "" || f.index.kept || !f.allTrustedLocked() {
		return x, false
	}
	x = stampOf(f.data)
	return x, x != stamp{} && x == f.clean
}

func (f *File) allTrustedLocked() bool {
	for _, trusted := range f.trusted {
		if !trusted {
			return false
		}
	}
	return true
}

// trustChecked trusts all blocks when the file is still what was checked before.
func (f *File) trustChecked(x stamp) {
	f.clean = stampOf(f.data)
	if x == (stamp{}) || x != f.clean || f.index.present() < int64(len(f.trusted)) {
		return
	}
	for b := range f.trusted {
		f.trusted[b] = true
	}
}
