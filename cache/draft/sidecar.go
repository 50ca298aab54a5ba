package draft

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"os"
)

// BlocksExt is what the name of the blocks has after the name of the data.
const BlocksExt = ".blocks"

const (
	magic      = "losantfs draft 2\n"
	shownAt    = 32 // little-endian, 8 bytes
	cuttingAt  = 40 // 1 byte
	sumAt      = 60 // CRC-32 of what is before it, little-endian, 4 bytes
	headerSize = 64 // bytes before the marks

	marked = 0xff // no byte that is partly damaged is this or 0
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
	// As long as it gets, so that one that was cut short is known.
	if err := f.Truncate(headerSize + blockCount(shown)); err != nil {
		return s, err
	}
	return s, s.setHeader(header{shown: shown})
}

// replace makes an unreadable one new, as of a draft without a base.
func (s *sidecar) replace(path string) (*sidecar, error) {
	if s != nil {
		s.f.Close()
	}
	if err := os.RemoveAll(path + BlocksExt); err != nil {
		return nil, err
	}
	return createSidecar(path, 0)
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
	h, local, err := parseSidecar(raw)
	if err != nil {
		return s, header{}, nil, fmt.Errorf("%s: %w", f.Name(), err)
	}
	info, err := os.Stat(path)
	if err == nil && h.cutting && h.shown > info.Size() {
		err = errDamaged
	}
	if err != nil {
		return s, header{}, nil, err
	}
	// The data may be shorter when the machine lost power.
	h.shown = min(h.shown, info.Size())
	return s, h, local[:blockCount(h.shown)], nil
}

var errDamaged = errors.New("the blocks of the draft are damaged")

func parseSidecar(raw []byte) (header, []bool, error) {
	if len(raw) < headerSize || string(raw[:len(magic)]) != magic || binary.LittleEndian.Uint32(raw[sumAt:]) != crc32.ChecksumIEEE(raw[:sumAt]) {
		return header{}, nil, errDamaged
	}
	h := header{shown: int64(binary.LittleEndian.Uint64(raw[shownAt:])), cutting: raw[cuttingAt] != 0}
	marks := raw[headerSize:]
	if h.shown < 0 || h.shown > int64(len(marks))*BlockSize {
		return header{}, nil, errDamaged
	}
	local := make([]bool, blockCount(h.shown))
	for b := range local {
		if marks[b] != 0 && marks[b] != marked {
			return header{}, nil, errDamaged
		}
		local[b] = marks[b] != 0
	}
	return h, local, nil
}

// setHeader replaces the header in one write, which a kill does not split.
func (s *sidecar) setHeader(h header) error {
	raw := make([]byte, headerSize)
	copy(raw, magic)
	binary.LittleEndian.PutUint64(raw[shownAt:], uint64(h.shown))
	if h.cutting {
		raw[cuttingAt] = 1
	}
	binary.LittleEndian.PutUint32(raw[sumAt:], crc32.ChecksumIEEE(raw[:sumAt]))
	_, err := s.f.WriteAt(raw, 0)
	return err
}

// mark records that a block is local. The block must have been written before.
func (s *sidecar) mark(b int64) error {
	_, err := s.f.WriteAt([]byte{marked}, headerSize+b)
	return err
}

// blockCount returns how many blocks the given number of bytes has.
func blockCount(size int64) int64 { return (size + BlockSize - 1) / BlockSize }
