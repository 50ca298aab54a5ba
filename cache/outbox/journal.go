package outbox

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"os"
	"time"
)

// journal is the durable form of the outbox: a file of lines, each the new state
// of what changed together, with a checksum. A line is written by one write(2),
// so it survives the process once the call that made it returned, and is whole or
// not there. After sync it survives the machine too.
type journal struct {
	path     string
	f        *os.File
	lines    int
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

// openJournal reads all records and hands them to replay in order. A line that
// is damaged ends the journal there: what follows it is set aside in a file
// beside it, whose name is returned.
func openJournal(path string, replay func(record)) (j *journal, aside string, err error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_APPEND, 0o600)
	if err != nil {
		return nil, "", err
	}
	j = &journal{path: path, f: f}
	r := bufio.NewReader(f)
	good := int64(0)
	for {
		line, err := r.ReadBytes('\n')
		records, ok := parseLine(line)
		if err != nil || !ok {
			if errors.Is(err, io.EOF) && len(line) == 0 {
				return j, "", nil
			}
			aside, err = j.setAside(good)
			return j, aside, err
		}
		for _, rec := range records {
			replay(rec)
		}
		good += int64(len(line))
		j.lines++
	}
}

func parseLine(line []byte) ([]record, bool) {
	var sum uint32
	body, ok := bytes.CutSuffix(line, []byte("\n"))
	if !ok || len(body) < 9 {
		return nil, false
	}
	if _, err := fmt.Sscanf(string(body[:8]), "%08x", &sum); err != nil || crc32.ChecksumIEEE(body[9:]) != sum {
		return nil, false
	}
	var records []record
	if json.Unmarshal(body[9:], &records) != nil {
		return nil, false
	}
	return records, true
}

// setAside moves what comes after the good part into a file of its own. The
// unfinished line of a write that was killed is no loss: its call never returned.
func (j *journal) setAside(good int64) (string, error) {
	rest, err := io.ReadAll(io.NewSectionReader(j.f, good, 1<<40))
	if err != nil {
		return "", err
	}
	aside := ""
	if bytes.ContainsAny(rest, "\n\x00") {
		aside = fmt.Sprintf("%s.damaged-%d", j.path, time.Now().Unix())
		if err := os.WriteFile(aside, rest, 0o600); err != nil {
			return "", err
		}
	}
	return aside, j.f.Truncate(good)
}

// append writes records that belong together.
func (j *journal) append(records []record) error {
	if j.broken != nil {
		return j.broken
	}
	line, err := lineOf(records)
	if err != nil {
		return err
	}
	info, err := j.f.Stat()
	if err != nil {
		return err
	}
	if _, err := j.f.Write(line); err != nil {
		// A part of a line would spoil those after it.
		j.reserved = 0
		if cut := j.f.Truncate(info.Size()); cut != nil {
			j.broken = errors.Join(err, cut)
		}
		return err
	}
	j.lines++
	if j.next != nil {
		j.next.tail = append(j.next.tail, line...)
	}
	return nil
}

func lineOf(records []record) ([]byte, error) {
	body, err := json.Marshal(records)
	if err != nil {
		return nil, err
	}
	return fmt.Appendf(nil, "%08x %s\n", crc32.ChecksumIEEE(body), body), nil
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
