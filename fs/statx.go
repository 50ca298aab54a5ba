package fs

import (
	"time"

	"github.com/hanwen/go-fuse/v2/fuse"

	"losantfs/remote"
)

// The mask bits of statx(2).
const (
	statxBasic = 0x7ff
	statxBtime = 0x800
)

// fillStatx sets the attributes of an entry together with its time of creation.
func (p permissions) fillStatx(e *remote.Entry, out *fuse.Statx, ino uint64) {
	var a fuse.Attr
	p.fill(e, &a)
	out.Mask = statxBasic
	out.Blksize, out.Nlink, out.Uid, out.Gid = a.Blksize, a.Nlink, a.Uid, a.Gid
	out.Mode, out.Ino, out.Size, out.Blocks = uint16(a.Mode), ino, a.Size, a.Blocks
	out.Mtime = statxTime(e.Updated)
	out.Atime, out.Ctime = out.Mtime, out.Mtime
	if !e.Created.IsZero() {
		out.Mask |= statxBtime
		out.Btime = statxTime(e.Created)
	}
}

func statxTime(t time.Time) fuse.SxTime {
	if t.IsZero() {
		return fuse.SxTime{}
	}
	return fuse.SxTime{Sec: uint64(t.Unix()), Nsec: uint32(t.Nanosecond())}
}
