package fs

import (
	"syscall"
	"time"

	"github.com/hanwen/go-fuse/v2/fs"
	"github.com/hanwen/go-fuse/v2/fuse"

	"losantfs/cache"
	"losantfs/cache/inode"
)

const (
	enoent = syscall.ENOENT
	eintr  = syscall.EINTR
)

// blockSize is what programs are told to read at once, in bytes: less than that
// costs as much.
const blockSize = 64 << 10

// permissions are those of the mount; the service has none for a file. What
// chmod and chown set is kept on this machine.
type permissions struct {
	uid, gid uint32
	umask    uint32
}

func (p permissions) mode(dir bool) uint32 {
	if dir {
		return syscall.S_IFDIR | 0o777&^p.umask
	}
	return syscall.S_IFREG | 0o666&^p.umask
}

// fill sets the attributes of what is seen. The service knows one time of change
// for all three.
func (p permissions) fill(i *cache.Attrs, out *fuse.Attr) {
	p.fillTimes(i.Dir, i.ModTime, out)
	out.Size = uint64(i.Size)
	out.Blocks = (out.Size + 511) / 512
	if i.Mode != 0 {
		out.Mode = out.Mode&syscall.S_IFMT | i.Mode&0o7777
	}
	if i.UID != nil {
		out.Uid = *i.UID
	}
	if i.GID != nil {
		out.Gid = *i.GID
	}
}

func (p permissions) fillTimes(dir bool, t time.Time, out *fuse.Attr) {
	out.Mode = p.mode(dir)
	out.Uid, out.Gid = p.uid, p.gid
	out.Blksize = blockSize
	// 1 for a directory means that its links were not counted; 2 would tell
	// find that it has no subdirectories.
	out.Nlink = 1
	if !t.IsZero() {
		out.SetTimes(&t, &t, &t)
	}
}

// stable returns the identity of a node in go-fuse's terms.
func stable(id inode.ID, dir bool) fs.StableAttr {
	if dir {
		return fs.StableAttr{Mode: syscall.S_IFDIR, Ino: id.Ino, Gen: id.Gen}
	}
	return fs.StableAttr{Mode: syscall.S_IFREG, Ino: id.Ino, Gen: id.Gen}
}

// idOf returns the identity of a node in the cache's terms.
func idOf(n *fs.Inode) inode.ID {
	a := n.StableAttr()
	return inode.ID{Ino: a.Ino, Gen: a.Gen}
}
