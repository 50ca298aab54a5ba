package fs

import (
	"hash/fnv"
	"math"
	"syscall"
	"time"

	"github.com/hanwen/go-fuse/v2/fs"
	"github.com/hanwen/go-fuse/v2/fuse"

	"losantfs/remote"
)

const (
	enoent = syscall.ENOENT
	eintr  = syscall.EINTR
)

// blockSize is what programs are told to read at once, in bytes: less than that
// costs as much.
const blockSize = 64 << 10

// permissions are the same for all entries: the service has none per file.
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

// fill sets the attributes of an entry. The service knows one time of change for
// all three.
func (p permissions) fill(e *remote.Entry, out *fuse.Attr) {
	p.fillTimes(e.Dir, e.Updated, out)
	out.Size = uint64(e.Size)
	out.Blocks = (out.Size + 511) / 512
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

// lowestIno leaves room for the roots.
const lowestIno = 16

// identity returns what makes a node this and no other: see the package comment.
func identity(space remote.Space, e *remote.Entry) fs.StableAttr {
	if e.Dir {
		return fs.StableAttr{Mode: syscall.S_IFDIR, Ino: hash(string(space), e.ID)}
	}
	return fs.StableAttr{Mode: syscall.S_IFREG, Ino: hash(string(space), e.ID), Gen: hash(e.Version())}
}

func hash(parts ...string) uint64 {
	h := fnv.New64a()
	for _, p := range parts {
		h.Write([]byte(p))
		h.Write([]byte{0})
	}
	return min(max(h.Sum64(), lowestIno), math.MaxUint64-1)
}
