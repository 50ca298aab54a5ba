package draft

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
)

// BlocksExt is what the name of the blocks has after the name of the data.
const BlocksExt = ".blocks"

const (
	magic      = "losantfs draft 1\n"
	shownAt    = 32 // little-endian, 8 bytes
	cuttingAt  = 40 // 1 byte
	headerSize = 64 // bytes before the marks
)

// sidecar is the file beside the data that says which of it counts.
type sidecar struct{ f *os.File }

// header is the part of it that is not marks.
type header struct {
	shown   int64 // how many bytes of the base may show
	cutting bool  // the data is to be cut to shown bytes
}

// createSidecar replaces one that a removal cut short may have left.
func createSidecar(path string, shown int64) (*sidecar, error) {
	f, err := os.OpenFile(path+BlocksExt, os.O_RDWR|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return nil, err
	}
	s := &sidecar{f: f}
	return s, s.setHeader(header{shown: shown})
}

// openSidecar returns also which blocks are marked, for as many as may show.
func openSidecar(path string) (*sidecar, header, []bool, error) {
	f, err := os.OpenFile(path+BlocksExt, os.O_RDWR, 0)
	if err != nil {
		return nil, header{}, nil, err
	}
	s := &sidecar{f: f}
	raw, err := io.ReadAll(f)
	if err != nil {
		return s, header{}, nil, err
	}
	if len(raw) < headerSize || string(raw[:len(magic)]) != magic {
		return s, header{}, nil, fmt.Errorf("%s: not the blocks of a draft", f.Name())
	}
	h := header{shown: int64(binary.LittleEndian.Uint64(raw[shownAt:])), cutting: raw[cuttingAt] != 0}
	info, err := os.Stat(path)
	if err == nil && (h.shown < 0 || h.cutting && h.shown > info.Size()) {
		err = errors.New("the blocks of the draft are damaged")
	}
	if err != nil {
		return s, header{}, nil, err
	}
	// The data bounds what shows, so also what a damaged header makes this allocate.
	h.shown = min(h.shown, info.Size())
	local, marks := make([]bool, blockCount(h.shown)), raw[headerSize:]
	for b := range min(len(local), len(marks)) {
		local[b] = marks[b] != 0
	}
	return s, h, local, nil
}

// setHeader replaces the header in one write, which a kill does not split.
func (s *sidecar) setHeader(h header) error {
	raw := make([]byte, headerSize)
	copy(raw, magic)
	binary.LittleEndian.PutUint64(raw[shownAt:], uint64(h.shown))
	if h.cutting {
		raw[cuttingAt] = 1
	}
	_, err := s.f.WriteAt(raw, 0)
	return err
}

// mark records that a block is local. The block must have been written before.
func (s *sidecar) mark(b int64) error {
	_, err := s.f.WriteAt([]byte{1}, headerSize+b)
	return err
}

// blockCount returns how many blocks the given number of bytes has.
func blockCount(size int64) int64 { return (size + BlockSize - 1) / BlockSize }
