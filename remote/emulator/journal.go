package emulator

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"syscall"
)

// record is one line of the journal. A line says what is true from now on, not
// what changed, so reading a journal twice does no harm.
type record struct {
	Meta   *metaRecord        `json:"meta,omitempty"`
	App    *applicationRecord `json:"app,omitempty"`
	Entry  *entryRecord       `json:"entry,omitempty"`
	Gone   string             `json:"gone,omitempty"`   // id of an entry that is no more
	Ticket string             `json:"ticket,omitempty"` // a ticket that was used
}

// metaRecord is what one state folder keeps for all its runs.
type metaRecord struct {
	Secret  string `json:"secret"` // hexadecimal key of every signature
	User    string `json:"user"`
	TokenID string `json:"tokenId"`
	Default string `json:"application"`
	Created int64  `json:"created"`
	Ports   [3]int `json:"ports"` // of the store, the CDN and the signed content host
}

type applicationRecord struct {
	ID      string `json:"id"`
	Name    string `json:"name"`
	Created int64  `json:"created"`
}

type entryRecord struct {
	ID          string      `json:"id"`
	App         string      `json:"app"`
	Space       string      `json:"space"`
	Name        string      `json:"name"`
	Parent      string      `json:"parent"`
	Dir         bool        `json:"dir,omitempty"`
	Raw         bool        `json:"raw,omitempty"`
	Status      string      `json:"status"`
	Created     int64       `json:"created"`
	Updated     int64       `json:"updated"`
	AuthorID    string      `json:"authorId,omitempty"`
	AuthorType  string      `json:"authorType,omitempty"`
	ContentType string      `json:"contentType,omitempty"`
	Dimensions  *Dimensions `json:"dimensions,omitempty"`
	Size        int64       `json:"size"`
	ETag        string      `json:"etag,omitempty"`
	MoveInto    string      `json:"moveInto,omitempty"`
	Object      string      `json:"object,omitempty"`
	Incoming    string      `json:"incoming,omitempty"`
	Rewriting   bool        `json:"rewriting,omitempty"`
}

func (e *entry) record() *entryRecord {
	r := &entryRecord{
		ID: e.id.String(), App: e.space.app.id.String(), Space: e.space.kind,
		Name: e.name, Parent: e.parent, Dir: e.dir, Raw: e.raw, Status: e.status.String(),
		Created: e.created, Updated: e.updated, AuthorID: e.authorID, AuthorType: e.authorType,
		ContentType: e.contentType, Dimensions: e.dimensions, Size: e.size, ETag: e.etag,
		Object: e.object, Incoming: e.incoming, Rewriting: e.rewriting,
	}
	if e.moveInto != (objectID{}) {
		r.MoveInto = e.moveInto.String()
	}
	return r
}

func (r *entryRecord) entry(intern func(string) string) (*entry, error) {
	e := &entry{
		name: r.Name, parent: r.Parent, dir: r.Dir, raw: r.Raw,
		created: r.Created, updated: r.Updated,
		authorID: intern(r.AuthorID), authorType: intern(r.AuthorType), contentType: intern(r.ContentType),
		dimensions: r.Dimensions, size: r.Size, etag: r.ETag,
		object: r.Object, incoming: r.Incoming, rewriting: r.Rewriting,
	}
	var ok, moveOK, statusOK bool
	e.id, ok = parseID(r.ID)
	e.status, statusOK = parseStatus(r.Status)
	if e.moveInto, moveOK = parseID(r.MoveInto); r.MoveInto == "" {
		moveOK = true
	}
	if !ok || !moveOK || !statusOK || !validObject(e.object) || !validObject(e.incoming) {
		return nil, fmt.Errorf("entry %q is damaged", r.ID)
	}
	if e.object != "" && e.etag == etagOf(e.object) {
		e.etag = etagOf(e.object) // shares the memory of the object's name
	}
	return e, nil
}

// journal is the append-only file that holds the state. Lines gather in pending
// and are written by flush before the answer they belong to is sent, so a killed
// emulator loses nothing it has answered.
type journal struct {
	path    string
	file    *os.File
	lock    *os.File
	pending []byte
	lines   int
}

// openJournal locks the folder, gives every whole line of its journal to apply
// and opens it for appending.
func openJournal(dir string, apply func(*record) error) (*journal, error) {
	lock, err := os.OpenFile(filepath.Join(dir, "lock"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	if err := syscall.Flock(int(lock.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		_ = lock.Close()
		return nil, fmt.Errorf("the state folder %s is in use by another emulator: %w", dir, err)
	}
	j := &journal{path: filepath.Join(dir, "journal"), lock: lock}
	if err := j.read(apply); err != nil {
		j.close()
		return nil, err
	}
	return j, nil
}

func (j *journal) read(apply func(*record) error) error {
	f, err := os.OpenFile(j.path, os.O_CREATE|os.O_RDWR|os.O_APPEND, 0o600)
	if err != nil {
		return err
	}
	j.file = f
	in := bufio.NewReaderSize(f, 1<<20)
	whole := int64(0)
	for {
		line, err := in.ReadBytes('\n')
		if errors.Is(err, io.EOF) {
			return f.Truncate(whole) // a last line without its end was never answered
		}
		if err != nil {
			return err
		}
		var r record
		if err := json.Unmarshal(line, &r); err != nil {
			return fmt.Errorf("%s, byte %d: %w", j.path, whole, err)
		}
		if err := apply(&r); err != nil {
			return fmt.Errorf("%s, byte %d: %w", j.path, whole, err)
		}
		whole += int64(len(line))
		j.lines++
	}
}

// add notes a line for the next flush.
func (j *journal) add(r *record) error {
	line, err := json.Marshal(r)
	if err != nil {
		return err
	}
	j.pending = append(append(j.pending, line...), '\n')
	j.lines++
	return nil
}

func (j *journal) flush() error {
	if len(j.pending) == 0 {
		return nil
	}
	_, err := j.file.Write(j.pending)
	if j.pending = j.pending[:0]; cap(j.pending) > 1<<20 {
		j.pending = nil
	}
	return err
}

// rewrite replaces the journal by one that holds only what write gives it.
func (j *journal) rewrite(write func(add func(*record) error) error) error {
	f, err := os.OpenFile(j.path+".new", os.O_CREATE|os.O_TRUNC|os.O_RDWR|os.O_APPEND, 0o600)
	if err != nil {
		return err
	}
	out, lines := bufio.NewWriterSize(f, 1<<20), 0
	err = write(func(r *record) error {
		line, err := json.Marshal(r)
		if err == nil {
			lines++
			_, err = out.Write(append(line, '\n'))
		}
		return err
	})
	if err == nil {
		err = out.Flush()
	}
	if err == nil {
		err = os.Rename(f.Name(), j.path)
	}
	if err != nil {
		_ = f.Close()
		_ = os.Remove(j.path + ".new")
		return err
	}
	_ = j.file.Close()
	j.file, j.lines = f, lines
	return nil
}

func (j *journal) close() {
	if j.file != nil {
		_ = j.file.Close()
	}
	_ = j.lock.Close()
}
