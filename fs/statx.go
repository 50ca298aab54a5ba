package fs

import (
	"time"

	"github.com/hanwen/go-fuse/v2/fuse"

	"losantfs/cache"
)

// The mask bits of statx(2).
const (
	statxBasic = 0x7ff
	statxBtime = 0x800
)

// fillStatx sets the attributes of what is seen together with its time of creation.
func (p permissions) fillStatx(i *cache.Attrs, out *fuse.Statx, ino uint64) {
	var a fuse.Attr
	p.fill(i, &a)
	out.Mask = statxBasic
	out.Blksize, out.Nlink, out.Uid, out.Gid = a.Blksize, a.Nlink, a.Uid, a.Gid
	out.Mode, out.Ino, out.Size, out.Blocks = uint16(a.Mode), ino, a.Size, a.Blocks
	out.Mtime = statxTime(i.ModTime)
	out.Atime, out.Ctime = out.Mtime, out.Mtime
	if !i.Created.IsZero() {
		out.Mask |= statxBtime
		out.Btime = statxTime(i.Created)
	}
}

func statxTime(t time.Time) fuse.SxTime {
	if t.IsZero() {
		return fuse.SxTime{}
	}
	return fuse.SxTime{Sec: uint64(t.Unix()), Nsec: uint32(t.Nanosecond())}
}
