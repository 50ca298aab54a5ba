package fs

import (
	"context"
	"io"
	"sync/atomic"
	"syscall"

	"github.com/hanwen/go-fuse/v2/fs"
	"github.com/hanwen/go-fuse/v2/fuse"

	"losantfs/cache"
	"losantfs/cache/content"
)

// fileHandle is one opening of a file.
type fileHandle struct {
	f *fileNode
	h *cache.Handle

	cached atomic.Bool // counted in f
	passed func()      // gives back the file that PassthroughFd has returned
}

var (
	_ fs.FileReader    = (*fileHandle)(nil)
	_ fs.FileWriter    = (*fileHandle)(nil)
	_ fs.FileAllocater = (*fileHandle)(nil)
	_ fs.FileFlusher   = (*fileHandle)(nil)
	_ fs.FileFsyncer   = (*fileHandle)(nil)
	_ fs.FileReleaser  = (*fileHandle)(nil)
)

// Read reads from off, at the end of the file less than dest holds. What is on disk goes
// from there to the kernel.
func (h *fileHandle) Read(ctx context.Context, dest []byte, off int64) (fuse.ReadResult, syscall.Errno) {
	ctx, done := patient(ctx)
	defer done()
	n, pin, err := h.h.ReadOrPin(ctx, dest, off)
	switch {
	case err != nil && err != io.EOF:
		return nil, h.f.fail(ctx, "read", err)
	case pin != nil:
		return &spliced{fuse.ReadResultFd(pin.Fd, pin.Off, n), pin, n}, 0
	}
	return fuse.ReadResultData(dest[:n]), 0
}

// spliced is the answer to a read that the kernel takes from a file on disk, which stays
// open until it has.
type spliced struct {
	fuse.ReadResult
	pin *content.Pin
	n   int
}

// Seekable is what go-fuse looks for in an answer that is in a file.
func (s *spliced) Seekable() (fd uintptr, off int64, size int) { return s.pin.Fd, s.pin.Off, s.n }

// Done is called once the answer was sent.
func (s *spliced) Done() { s.pin.Release() }

// Write writes all of data at off, or says why not.
func (h *fileHandle) Write(ctx context.Context, data []byte, off int64) (uint32, syscall.Errno) {
	n := 0
	e := h.change(ctx, "write", func(ctx context.Context) (err error) {
		n, err = h.h.WriteAt(ctx, data, off)
		return err
	})
	if n > 0 { // the next write meets the error again
		e = 0
	}
	return uint32(n), e
}

// Allocate reserves room. Holes cannot be punched.
func (h *fileHandle) Allocate(ctx context.Context, off, size uint64, mode uint32) syscall.Errno {
	const keepSize = 1
	if mode&^keepSize != 0 {
		return syscall.ENOTSUP
	}
	return h.change(ctx, "fallocate", func(context.Context) error {
		return h.h.Allocate(int64(off), int64(size), mode&keepSize != 0)
	})
}

// Flush is called by each close(2). What was written survives this process then.
func (h *fileHandle) Flush(ctx context.Context) syscall.Errno {
	return h.change(ctx, "close", h.h.Flush)
}

// Fsync makes what was written, through whatever handle, survive a power failure.
func (h *fileHandle) Fsync(ctx context.Context, _ uint32) syscall.Errno {
	return h.change(ctx, "fsync", h.h.Sync)
}

// change runs what may wait for the service.
func (h *fileHandle) change(ctx context.Context, op string, do func(context.Context) error) syscall.Errno {
	ctx, done := patient(ctx)
	defer done()
	if err := do(ctx); err != nil {
		return h.f.fail(ctx, op, err)
	}
	return 0
}

// Release closes the content.
func (h *fileHandle) Release(ctx context.Context) syscall.Errno {
	if h.h.Writable() {
		h.f.current() // as the kernel knows it
	}
	h.endPassthrough(ctx)
	h.h.Close()
	return 0
}
