package outbox

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"losantfs/cache/draft"
)

// Inspected is what [Inspect] found in the folder of an outbox.
type Inspected struct {
	InUse   bool     // a process owes from it; nothing else was looked at
	Owed    int      // changes
	Damaged int      // lines of the journal that cannot be read
	Torn    bool     // the last line was not finished: its call never returned
	Missing []string // names of changed files whose content is not there
	Aside   []string // paths of what was found damaged and set aside
}

// Inspect looks at the folder of an outbox and changes nothing. While it does, no
// outbox can be opened there.
func Inspect(dir string) (i Inspected, err error) {
	lock, err := os.Open(filepath.Join(dir, "lock"))
	switch {
	case errors.Is(err, fs.ErrNotExist): // never used
	case err != nil:
		return i, err
	default:
		defer lock.Close()
		err = unix.Flock(int(lock.Fd()), unix.LOCK_SH|unix.LOCK_NB)
		if errors.Is(err, unix.EWOULDBLOCK) {
			return Inspected{InUse: true}, nil
		}
		if err != nil {
			return i, err
		}
	}
	for _, pattern := range []string{"*.damaged-*", "set-aside/*"} {
		found, _ := filepath.Glob(filepath.Join(dir, pattern))
		i.Aside = append(i.Aside, found...)
	}
	states, removed := map[uint64]*state{}, map[string]*gone{}
	err = i.readJournal(Journal(dir), func(r record) {
		switch {
		case r.Node != 0 && r.State == nil:
			delete(states, r.Node)
		case r.Node != 0:
			states[r.Node] = r.State
		case r.Gone != "" && r.GoneState == nil:
			delete(removed, r.Gone)
		case r.Gone != "":
			removed[r.Gone] = r.GoneState
		}
	})
	i.countNodes(states, dir)
	i.countGone(removed)
	return i, err
}

// readJournal hands all records that can be read to replay.
func (i *Inspected) readJournal(path string, replay func(record)) error {
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	defer f.Close()
	for r := bufio.NewReader(f); ; {
		line, err := r.ReadBytes('\n')
		switch {
		case err == io.EOF:
			// What is reserved for the next lines is zeros on some file systems.
			i.Torn = len(bytes.Trim(line, "\x00")) > 0
			return nil
		case err != nil:
			return err
		}
		records, ok := recordsOf(line)
		if !ok {
			i.Damaged++
		}
		for _, r := range records {
			replay(r)
		}
	}
}

// recordsOf reads a line of the journal: a checksum, and what it is of, in which the
// records are the JSON.
func recordsOf(line []byte) (records []record, ok bool) {
	sum, text, found := bytes.Cut(bytes.TrimSuffix(line, []byte("\n")), []byte(" "))
	at := bytes.IndexByte(text, '[')
	if !found || at < 0 || fmt.Sprintf("%08x", crc32.ChecksumIEEE(text)) != string(sum) {
		return nil, false
	}
	return records, json.Unmarshal(text[at:], &records) == nil
}

// countNodes counts what differs from the service, and looks for its content.
func (i *Inspected) countNodes(states map[uint64]*state, dir string) {
	nodes := map[uint64]*Node{0: {state: state{Dir: true}}}
	for id, s := range states {
		nodes[id] = &Node{id: id, state: *s}
	}
	for id, n := range nodes {
		if id == 0 {
			continue
		}
		if n.parent = nodes[n.Parent]; n.parent == nil {
			n.parent = nodes[0]
		}
	}
	for id, n := range nodes {
		if id == 0 {
			continue
		}
		if n.dirty() && !n.Local {
			i.Owed++
		}
		if n.Draft && (n.Written || n.From == nil) {
			if draft.Missing(filepath.Join(dir, "drafts", strconv.FormatUint(id, 10))) {
				i.Missing = append(i.Missing, n.Name)
			}
		}
	}
	slices.Sort(i.Missing)
}

// countGone counts what is to be deleted, with all below it as one.
func (i *Inspected) countGone(removed map[string]*gone) {
	folders := map[string]bool{}
	for _, g := range removed {
		folders[g.Base.place()] = g.Base.Dir
	}
	for _, g := range removed {
		above := strings.TrimSuffix(g.Base.Parent, "/")
		for above != "" && !folders[above] {
			above = above[:strings.LastIndexByte(above, '/')]
		}
		if above == "" {
			i.Owed++
		}
	}
}
