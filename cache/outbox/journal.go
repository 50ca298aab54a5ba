package outbox

import (
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"os"
	"path/filepath"
)

// Journal returns the file of an outbox in which each change of this machine is
// recorded, in its folder.
func Journal(dir string) string { return filepath.Join(dir, "journal") }

// journal is the durable form of the outbox: a file of lines, each the new state
// of what changed together, with a number and a checksum. A line is written by one
// write(2), so it survives the process once the call that made it returned, and is
// whole or not there. After sync it survives the machine too.
type journal struct {
	path     string
	f        *os.File
	last     int      // number of the last line, from 1
	lines    int      // since it was written anew
	reserved int64    // bytes for which the disk has promised room
	next     *rewrite // under way
	broken   error    // why nothing can be appended any more
}

// record is the new state of one thing; a nil value removes it.
type record struct {
	Node       uint64 `json:"n,omitempty"` // id of a node
	State      *state `json:"s,omitempty"`
	Gone       string `json:"g,omitempty"` // id of an entry
	GoneState  *gone  `json:"gs,omitempty"`
	Begun      string `json:"b,omitempty"` // place
	BegunState *begun `json:"bs,omitempty"`
	Move       string `json:"m,omitempty"` // id of an entry
	MoveState  *move  `json:"ms,omitempty"`
	Entry      string `json:"e,omitempty"` // id of an entry
	Attrs      *Attrs `json:"a,omitempty"`
}

// append writes records that belong together.
func (j *journal) append(records []record) error {
	if j.broken != nil {
		return j.broken
	}
	body, err := json.Marshal(records)
	if err != nil {
		return err
	}
	info, err := j.f.Stat()
	if err != nil {
		return err
	}
	if _, err := j.f.Write(lineOf(j.last+1, body)); err != nil {
		// A part of a line would spoil those after it.
		j.reserved = 0
		if cut := j.f.Truncate(info.Size()); cut != nil {
			j.broken = errors.Join(err, cut)
		}
		return err
	}
	j.last++
	j.lines++
	if j.next != nil {
		j.next.tail = append(j.next.tail, body)
	}
	return nil
}

// lineOf returns a line of the journal. Its number shows that none is missing.
func lineOf(number int, body []byte) []byte {
	text := fmt.Appendf(nil, "%d %s", number, body)
	return fmt.Appendf(nil, "%08x %s\n", crc32.ChecksumIEEE(text), text)
}

// reserve makes sure that the next line finds room on the disk, so that a change
// is refused before it is made and not half way.
func (j *journal) reserve() error {
	info, err := j.f.Stat()
	if err != nil {
		return err
	}
	if info.Size()+lineRoom <= j.reserved {
		return nil
	}
	if err := allocate(j.f, info.Size(), 16*lineRoom); err != nil {
		return err
	}
	j.reserved = info.Size() + 16*lineRoom
	return nil
}

// lineRoom is more than a line takes, but for renames of folders with very many
// changes in them, in bytes.
const lineRoom = 64 << 10
