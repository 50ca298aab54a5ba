package fs

import (
	"context"
	"syscall"

	"github.com/hanwen/go-fuse/v2/fuse"

	"losantfs/cache"
)

// The service limits applications by the number of files, not by bytes: what is
// free is a large number that every program can still count with.
const (
	capacityBytes = 1 << 50 // 1 PiB
	capacityFiles = 1 << 32
	maxNameBytes  = 255
)

// statfs sums what is known. It never asks the service, so df is instant.
func statfs(spaces []*cache.Space, out *fuse.StatfsOut) syscall.Errno {
	var files, bytes int64
	for _, s := range spaces {
		f, b := s.Usage()
		files += f
		bytes += b
	}
	out.Bsize, out.Frsize, out.NameLen = 4096, 4096, maxNameBytes
	out.Blocks = capacityBytes / 4096
	out.Bfree = out.Blocks - min(out.Blocks, uint64(bytes+4095)/4096)
	out.Bavail = out.Bfree
	out.Files = capacityFiles
	out.Ffree = capacityFiles - min(capacityFiles, uint64(files))
	return 0
}

// Statfs answers for the whole mount.
func (r *rootNode) Statfs(_ context.Context, out *fuse.StatfsOut) syscall.Errno {
	return statfs(r.spaces, out)
}
