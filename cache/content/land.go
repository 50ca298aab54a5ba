package content

import "io"

// landBlocks is how many blocks are written at once when they come that fast. A slow
// line brings them one by one.
const landBlocks = 4

// blockWriter cuts a fetched range into blocks.
type blockWriter struct {
	f   *File
	fl  *flight
	buf []byte // from the start of block fl.next, less than a block of it between calls
}

// ReadFrom takes in all of r without a copy in between.
func (w *blockWriter) ReadFrom(r io.Reader) (read int64, err error) {
	for {
		n, err := r.Read(w.buf[len(w.buf):cap(w.buf)])
		w.buf = w.buf[:len(w.buf)+n]
		read += int64(n)
		if landed := w.land(); landed != nil {
			return read, landed
		}
		if err == io.EOF {
			return read, nil
		}
		if err != nil {
			return read, err
		}
	}
}

func (w *blockWriter) Write(p []byte) (int, error) {
	for rest := p; len(rest) > 0; {
		n := min(len(rest), cap(w.buf)-len(w.buf))
		w.buf = append(w.buf, rest[:n]...)
		rest = rest[n:]
		if err := w.land(); err != nil {
			return 0, err
		}
	}
	return len(p), nil
}

// land takes in the blocks that are complete.
func (w *blockWriter) land() error {
	b, n := w.fl.next, int64(0)
	for b < w.fl.to && n+blockLen(b, w.f.size) <= int64(len(w.buf)) {
		n += blockLen(b, w.f.size)
		b++
	}
	if n == 0 {
		return nil
	}
	if err := w.f.land(w.fl.next, w.buf[:n]); err != nil {
		return err
	}
	w.buf = w.buf[:copy(w.buf, w.buf[n:])]
	w.fl.signal(b, nil)
	return nil
}

// land takes in consecutive blocks of a larger file. Those that complete the file are
// handed out only when the MD5 of the whole is right.
func (f *File) land(b int64, data []byte) error {
	if f.md5 == "" {
		f.keep(b, data)
		return nil
	}
	kept, to := f.write(b, data), b+blocks(int64(len(data)))
	f.mu.Lock()
	for i := b; kept && i < to; i++ {
		if !f.arrived[i] {
			f.arrived[i] = true
			f.missing--
		}
	}
	last := f.missing == 0
	f.mu.Unlock()
	switch {
	case !last && to < blocks(f.size):
		f.publish(b, data, kept)
		if kept {
			f.sumLater()
		} else {
			f.extendSum(b, data)
		}
		return nil
	case last || f.extendSum(b, data):
		if err := f.verify(); err != nil {
			return err
		}
	}
	f.publish(b, data, kept)
	return nil
}

// keep writes blocks and hands them out.
func (f *File) keep(b int64, data []byte) { f.publish(b, data, f.write(b, data)) }

// write puts blocks on disk and reports whether it did.
func (f *File) write(b int64, data []byte) bool {
	n := onDisk(int64(len(data)))
	if f.data == nil || !f.store.reserve(f, n) {
		return false
	}
	_, err := f.data.WriteAt(data, b*BlockSize)
	if err != nil {
		f.store.MakeRoom()
		_, err = f.data.WriteAt(data, b*BlockSize)
	}
	if err != nil {
		f.store.giveBack(f, n)
		f.store.complain(err)
	}
	return err == nil
}

// publish makes blocks readable, from disk or from memory.
func (f *File) publish(b int64, data []byte, kept bool) {
	var sums []uint32
	for rest := data; len(rest) > 0; rest = rest[min(BlockSize, len(rest)):] {
		sums = append(sums, checksum(rest[:min(BlockSize, len(rest))]))
	}
	f.mu.Lock()
	recorded := kept && f.index.set(b, sums...) == nil
	for i := range int64(len(sums)) {
		switch {
		case recorded:
			f.trusted[b+i] = true
		case !f.closed:
			f.passes = true
			f.store.memory.put(f, b+i, data[i*BlockSize:min((i+1)*BlockSize, int64(len(data)))])
		}
	}
	if recorded && f.missing == 0 && f.allTrustedLocked() {
		f.clean = stampOf(f.data)
	}
	f.mu.Unlock()
	if kept && !recorded {
		f.store.giveBack(f, onDisk(int64(len(data))))
	}
}
