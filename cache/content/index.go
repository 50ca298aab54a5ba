package content

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"log/slog"
	"os"
)

// BlockSize is the unit that is fetched, kept and checked, in bytes. It bounds
// what a random read of a few bytes costs.
const BlockSize = 64 << 10

const (
	indexMagic  = "losantfs content 1\n"
	indexHeader = 64 // bytes before the CRCs
	keptAt      = 32 // 1 byte of the header: see [Store.Keep]
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// checksum returns the CRC of a block, never 0, which means absent.
func checksum(block []byte) uint32 {
	return max(1, crc32.Checksum(block, castagnoli))
}

// index is the file of block CRCs beside the data.
type index struct {
	f    *os.File
	sums []uint32 // 0: absent
	kept bool     // the data was taken over as a whole and is never written to
}

// openIndex reads the index of a file of the given size, or starts an empty one
// when there is none or it is not one.
func openIndex(path string, size int64, log *slog.Logger) (*index, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	x := &index{f: f, sums: make([]uint32, blocks(size))}
	if found, err := x.load(size); err != nil {
		if found > 0 {
			log.Info("a damaged index of cached content is dropped", "file", path, "error", err)
		}
		clear(x.sums)
		if err := x.reset(size); err != nil {
			f.Close()
			return nil, err
		}
	}
	return x, nil
}

// load returns how many bytes it found.
func (x *index) load(size int64) (int, error) {
	data, err := io.ReadAll(x.f)
	if err != nil {
		return len(data), err
	}
	return len(data), x.parse(data, size)
}

func (x *index) parse(data []byte, size int64) error {
	if len(data) < indexHeader || string(data[:len(indexMagic)]) != indexMagic ||
		int64(binary.LittleEndian.Uint64(data[len(indexMagic):])) != size {
		return errors.New("not an index of this file")
	}
	x.kept = data[keptAt] != 0
	for i := range x.sums {
		at := indexHeader + 4*i
		if at+4 > len(data) {
			break
		}
		x.sums[i] = binary.LittleEndian.Uint32(data[at:])
	}
	return nil
}

// reset makes the index one in which every block is absent.
func (x *index) reset(size int64) error {
	clear(x.sums)
	x.kept = false
	if err := x.f.Truncate(0); err != nil {
		return fmt.Errorf("resetting an index: %w", err)
	}
	_, err := x.f.WriteAt(indexHead(size), 0)
	return err
}

// indexHead returns what an index starts with.
func indexHead(size int64) []byte {
	head := make([]byte, indexHeader)
	copy(head, indexMagic)
	binary.LittleEndian.PutUint64(head[len(indexMagic):], uint64(size))
	return head
}

// keptIndex returns the index of data that is taken over as a whole.
func keptIndex(size int64, sums []uint32) []byte {
	raw := indexHead(size)
	raw[keptAt] = 1
	for _, sum := range sums {
		raw = binary.LittleEndian.AppendUint32(raw, sum)
	}
	return raw
}

// set records the CRCs of consecutive blocks. The data must have been written before.
func (x *index) set(block int64, sums ...uint32) error {
	raw := make([]byte, 0, 4*len(sums))
	for _, sum := range sums {
		raw = binary.LittleEndian.AppendUint32(raw, sum)
	}
	_, err := x.f.WriteAt(raw, indexHeader+4*block)
	if err == nil {
		copy(x.sums[block:], sums)
	}
	return err
}

// present returns how many blocks are present.
func (x *index) present() (n int64) {
	for _, sum := range x.sums {
		if sum != 0 {
			n++
		}
	}
	return n
}

// blocks returns how many blocks a file of the given size has.
func blocks(size int64) int64 { return (size + BlockSize - 1) / BlockSize }

// blockLen returns the length of one block of a file of the given size.
func blockLen(block, size int64) int64 { return min(BlockSize, size-block*BlockSize) }
