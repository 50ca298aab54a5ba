package content

import (
	"context"
	"encoding/binary"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// Checked is what [Check] found in a folder of cached content.
type Checked struct {
	Files    int
	Bytes    int64 // in blocks that are present
	Damaged  int64 // blocks whose CRC is not the one in the index
	Unusable int   // files whose index cannot be read: nothing of them is used
}

// Check reads all content that a folder holds and compares it with its CRCs. With
// repair it makes damaged blocks absent, so that they are fetched again; a store
// would do so when it first reads them. It may run beside stores that use the
// folder: to them, what it takes away was never there.
func Check(ctx context.Context, dir string, repair bool) (c Checked, err error) {
	err = filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		switch {
		case errors.Is(err, fs.ErrNotExist): // evicted since, or nothing is cached
			return nil
		case err != nil || ctx.Err() != nil:
			return errors.Join(err, ctx.Err())
		}
		name, ok := strings.CutSuffix(d.Name(), indexExt)
		if !ok || !d.Type().IsRegular() || !ownName.MatchString(name) {
			return nil
		}
		return c.checkFile(ctx, strings.TrimSuffix(path, indexExt), repair)
	})
	return c, err
}

// youngIndex is for how long an index may be one that is just being made.
const youngIndex = time.Minute

func (c *Checked) checkFile(ctx context.Context, stem string, repair bool) error {
	flags := os.O_RDONLY
	if repair {
		flags = os.O_RDWR
	}
	f, err := os.OpenFile(stem+indexExt, flags, 0)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	defer f.Close()
	head := make([]byte, indexHeader)
	_, err = f.ReadAt(head, 0)
	size := int64(binary.LittleEndian.Uint64(head[len(indexMagic):]))
	if err != nil || string(head[:len(indexMagic)]) != indexMagic || size < 0 {
		info, err := f.Stat()
		if err != nil || time.Since(info.ModTime()) < youngIndex {
			return err
		}
		c.Unusable++
		if repair {
			// The index first: what has no index has no content.
			_ = os.Remove(stem + indexExt)
			_ = os.Remove(stem + dataExt)
		}
		return nil
	}
	c.Files++
	data, err := os.Open(stem + dataExt)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	defer data.Close() // also of nil
	block := make([]byte, BlockSize)
	for b := int64(0); b < blocks(size) && ctx.Err() == nil; b++ {
		sum, ok := indexed(f, b)
		if !ok {
			break // the rest was never there
		}
		if sum == 0 {
			continue
		}
		block := block[:blockLen(b, size)]
		c.Bytes += int64(len(block))
		if holds(f, data, b, block) {
			continue
		}
		c.Damaged++
		if repair {
			if _, err := f.WriteAt(make([]byte, 4), indexHeader+4*b); err != nil {
				return err
			}
		}
	}
	return nil
}

// indexed returns the CRC that an index has for a block, 0 for an absent one.
func indexed(index *os.File, b int64) (uint32, bool) {
	raw := make([]byte, 4)
	_, err := index.ReadAt(raw, indexHeader+4*b)
	return binary.LittleEndian.Uint32(raw), err == nil
}

// holds reports whether a block is as its index says. It looks twice, as a store may
// just be writing it.
func holds(index, data *os.File, b int64, block []byte) bool {
	for range 2 {
		sum, ok := indexed(index, b)
		if !ok || sum == 0 {
			return true
		}
		if _, err := data.ReadAt(block, b*BlockSize); err == nil && checksum(block) == sum {
			return true
		}
		time.Sleep(time.Millisecond)
	}
	return false
}
