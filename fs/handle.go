package fs

import (
	"context"
	"errors"
	"io"
	"syscall"

	"github.com/hanwen/go-fuse/v2/fs"
	"github.com/hanwen/go-fuse/v2/fuse"

	"losantfs/cache/content"
)

// fileHandle is one opening of a file.
type fileHandle struct {
	f *fileNode
	r *content.Reader
}

var (
	_ fs.FileReader   = (*fileHandle)(nil)
	_ fs.FileReleaser = (*fileHandle)(nil)
)

// Read fills dest from off. At the end of the file it is short.
func (h *fileHandle) Read(ctx context.Context, dest []byte, off int64) (fuse.ReadResult, syscall.Errno) {
	ctx, done := patient(ctx)
	defer done()
	n, err := h.r.ReadAt(ctx, dest, off)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, h.f.fail(ctx, "read", err)
	}
	return fuse.ReadResultData(dest[:n]), 0
}

// Release closes the content.
func (h *fileHandle) Release(context.Context) syscall.Errno {
	h.r.Close()
	return 0
}
