package outbox

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"hash/crc32"
	"io"
	"os"
	"strconv"
	"strings"

	"losantfs/remote"
)

// history is what a journal says: of each thing its last state, and in which line
// that is.
type history struct {
	nodes map[uint64]*state // nil for one that is no more
	gone  map[string]*gone
	begun map[string]*begun
	moves map[string]*move
	attrs map[string]*Attrs
	lines map[string]int // by thing, from 1

	damaged bool
	certain int // the first line after all damage: what an earlier one says may be out of date
}

// openJournal opens a journal and reads it as far as it can be read.
func openJournal(path string) (*journal, *history, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_APPEND, 0o600)
	if err != nil {
		return nil, nil, err
	}
	j := &journal{path: path, f: f}
	h := &history{nodes: map[uint64]*state{}, gone: map[string]*gone{}, begun: map[string]*begun{}, moves: map[string]*move{},
		attrs: map[string]*Attrs{}, lines: map[string]int{}}
	if err := j.read(h); err != nil {
		f.Close()
		return nil, nil, err
	}
	return j, h, nil
}

// read reads all lines. Only a last one without its end is normal: the machine lost
// power while it was written, and nobody was told that it is there.
func (j *journal) read(h *history) error {
	r := bufio.NewReader(j.f)
	good := int64(0) // bytes
	for line := 1; ; line++ {
		text, err := r.ReadBytes('\n')
		if len(text) == 0 && errors.Is(err, io.EOF) {
			return nil
		}
		whole, ended := bytes.CutSuffix(text, []byte("\n"))
		number, records, ok := parseLine(whole)
		if !ok && !ended { // perhaps only its end is damaged
			number, records, ok = parseLine(whole[:max(0, len(whole)-1)])
		}
		switch {
		case ok && number > j.last:
			if number > j.last+1 {
				h.damage(line) // some are missing
			}
			j.last = number
			j.lines++
			for _, rec := range records {
				h.replay(line, rec)
			}
		case ok || ended: // a line that was there before, or none
			h.damage(line + 1)
		}
		switch {
		case ended && err == nil:
			good += int64(len(text))
		case errors.Is(err, io.EOF):
			return j.end(h, good, number, records, ok)
		default: // the disk does not give the rest
			h.damage(line + 1)
			return nil
		}
	}
}

// end gives a journal that ends within a line a good end. The line counts when only
// its end is missing. One that is damaged is written anew anyway, and kept as it is.
func (j *journal) end(h *history, good int64, number int, records []record, whole bool) error {
	if h.damaged {
		return nil
	}
	if err := j.f.Truncate(good); err != nil || !whole {
		return err
	}
	body, err := json.Marshal(records)
	if err != nil {
		return err
	}
	_, err = j.f.Write(lineOf(number, body))
	return err
}

// parseLine reads a line without its end.
func parseLine(line []byte) (number int, records []record, ok bool) {
	sum, text, _ := strings.Cut(string(line), " ")
	digits, body, _ := strings.Cut(text, " ")
	want, err := strconv.ParseUint(sum, 16, 32)
	if err != nil || len(sum) != 8 || uint32(want) != crc32.ChecksumIEEE([]byte(text)) {
		return 0, nil, false
	}
	if number, err = strconv.Atoi(digits); err != nil || number < 1 {
		return 0, nil, false
	}
	return number, records, json.Unmarshal([]byte(body), &records) == nil
}

// damage notes that what was said before a line may be out of date.
func (h *history) damage(certain int) { h.damaged, h.certain = true, certain }

// replay takes in one record.
func (h *history) replay(line int, r record) {
	if !r.valid() {
		h.damage(line + 1)
		return
	}
	h.lines[r.thing()] = line
	switch {
	case r.Node != 0:
		h.nodes[r.Node] = r.State
	case r.Gone != "":
		setOrDelete(h.gone, r.Gone, r.GoneState)
	case r.Begun != "":
		setOrDelete(h.begun, r.Begun, r.BegunState)
	case r.Move != "":
		setOrDelete(h.moves, r.Move, r.MoveState)
	default:
		setOrDelete(h.attrs, r.Entry, r.Attrs)
	}
}

func setOrDelete[V any](m map[string]*V, k string, v *V) {
	if v == nil {
		delete(m, k)
	} else {
		m[k] = v
	}
}

// isCertain reports whether nothing that is lost can have changed a thing since.
func (h *history) isCertain(thing string) bool { return h.lines[thing] >= h.certain }

// thing names what a record is about.
func (r *record) thing() string {
	switch {
	case r.Node != 0:
		return nodeThing(r.Node)
	case r.Gone != "":
		return goneThing(r.Gone)
	case r.Begun != "":
		return begunThing(r.Begun)
	case r.Move != "":
		return "m" + r.Move
	}
	return "e" + r.Entry
}

func nodeThing(id uint64) string     { return "n" + strconv.FormatUint(id, 10) }
func goneThing(id string) string     { return "g" + id }
func begunThing(place string) string { return "b" + place }

// valid reports whether a record says what can be. Others could make a step look
// for ever, or use a name that is none.
func (r *record) valid() bool {
	switch {
	case r.Node != 0:
		return r.State == nil || r.State.valid()
	case r.Gone != "":
		return r.GoneState == nil || r.GoneState.Base.valid() && r.GoneState.Base.ID == r.Gone
	case r.Begun != "":
		return validPlace(r.Begun)
	case r.Move != "":
		return r.MoveState == nil || r.MoveState.Of.valid() && r.MoveState.Of.ID == r.Move && validPlace(r.MoveState.To)
	}
	return r.Entry != ""
}

func (s *state) valid() bool {
	switch {
	case !remote.ValidName(s.Name), s.Entry != nil && (!s.Entry.valid() || s.Entry.Dir != s.Dir):
		return false
	case s.Dir:
		return s.From == nil && !s.Draft && !s.Written
	case s.From != nil:
		return s.From.valid() && !s.From.Dir && s.From.Size >= 0
	}
	return s.Draft // else it has no content
}

func (b *Base) valid() bool {
	return b != nil && b.ID != "" && validDir(b.Parent) && validPlace(b.place())
}

func validDir(p string) bool { return strings.HasPrefix(p, "/") && strings.HasSuffix(p, "/") }

// validPlace reports whether p is a name in a directory.
func validPlace(p string) bool {
	dir, name := splitPlace(p)
	return validDir(dir) && name != ""
}
