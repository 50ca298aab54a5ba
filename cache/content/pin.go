package content

import "context"

// leastPin is from how many bytes on a read is worth a pin: the kernel takes them from
// one file to another in more system calls than a copy.
const leastPin = 32 << 10

// Pin is a part of a file on disk, checked, which stays as it is until it is released.
// A read that pins ends with the release: [Store.Discard] waits for that, which never
// takes the network.
type Pin struct {
	Fd  uintptr
	Off int64

	r *Reader
	u *use
}

// Release gives the part back. It must be called once.
func (p *Pin) Release() {
	p.u.f.unpin()
	p.r.end(p.u)
}

// pin keeps f from being discarded until unpin, if it was not already.
func (f *File) pin() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.err == nil {
		f.pins++
	}
	return f.err
}

func (f *File) unpin() {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.pins--; f.pins == 0 {
		f.unpinned.Broadcast()
	}
}

// awaitUnpinned returns once nothing of f is pinned. Nothing is any more once f has
// failed.
func (f *File) awaitUnpinned() {
	f.mu.Lock()
	defer f.mu.Unlock()
	for f.pins > 0 {
		f.unpinned.Wait()
	}
}

// ReadOrPin is [Reader.ReadAt], but where all of what is read is on disk it may return
// where that is in place of filling p.
func (r *Reader) ReadOrPin(ctx context.Context, p []byte, off int64) (int, *Pin, error) {
	for {
		u, err := r.begin()
		if err != nil {
			return 0, nil, err
		}
		f := u.f
		n, there, err := f.await(ctx, r.done, p, off, r.advance(f, off, off+int64(len(p))))
		// What was taken over has other names, and may be written to by those: it is
		// read at once and then asked whether it still holds.
		pins := err == nil && there == onlyDisk && !f.index.kept && n >= leastPin
		if pins {
			err = f.pin()
		}
		switch {
		case err != nil:
			n = 0
		case pins:
			return n, &Pin{Fd: f.data.Fd(), Off: off, r: r, u: u}, nil
		default:
			n, err = f.fill(p[:n], off, there)
		}
		r.end(u)
		if err != errDiscarded {
			return n, nil, err
		}
	}
}

// Checked returns the file on disk that holds all of the content, checked, if there is
// one that nothing but a reader of this store uses: whoever reads it needs this program
// no more. It stays open until release is called.
func (r *Reader) Checked() (fd uintptr, release func(), ok bool) {
	u, err := r.begin()
	if err != nil {
		return 0, nil, false
	}
	if _, whole := u.f.stamp(); !whole {
		r.end(u)
		return 0, nil, false
	}
	return u.f.data.Fd(), func() { r.end(u) }, true
}
