package cache

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/gob"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"losantfs/cache/tree"
	"losantfs/cache/watch"
	"losantfs/remote"
)

// snapshotEvery is how often what is known is written to disk, if it has changed.
const snapshotEvery = 5 * time.Minute

// snapshotFormat is the beginning of a snapshot file; what follows is a SHA-256 of
// the rest: the length of the watcher's state (4 bytes), that state in encoding/gob, and
// the tree as it encodes itself. Those are a few dozen entries, and all.
const snapshotFormat = "losantfs tree 2\n"

// snapshot is what is known of a space, as it is kept on disk.
type snapshot struct {
	Tree  *tree.Snapshot
	Watch watch.State
}

var errDamaged = errors.New("it is damaged")

// newer reports whether a file was changed after another. One that is not there was
// not.
func newer(path, than string) bool {
	a, err := os.Stat(path)
	if err != nil {
		return false
	}
	b, err := os.Stat(than)
	return err == nil && a.ModTime().After(b.ModTime())
}

// restore makes known what an earlier mount knew; with more it has changed something
// since, as it was killed. A file that is of no use loses nothing: the service is
// asked.
func (s *Space) restore(more bool) {
	for _, left := range filesBeside(s.snapshot) { // by a mount that was killed
		if info, err := os.Stat(left); err == nil && time.Since(info.ModTime()) > time.Hour {
			os.Remove(left)
		}
	}
	saved, err := readSnapshot(s.snapshot)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return
	case err != nil:
		s.log.Warn("what was known before cannot be read; the service is asked", "file", s.snapshot, "error", err)
		return
	case saved.Tree.AsOf.After(time.Now()): // the clock was set back
		return
	}
	s.tree.Restore(saved.Tree)
	s.watch.Restore(&saved.Watch, more)
	s.saved = s.tree.Version()
}

// keepSaving writes what is known now and then, until the space is closed.
func (s *Space) keepSaving() {
	tick := time.NewTicker(snapshotEvery)
	defer tick.Stop()
	for {
		select {
		case <-s.ending.Done():
			s.save()
			return
		case <-tick.C:
			s.save()
		}
	}
}

// save writes what is known for the next mount.
func (s *Space) save() {
	version := s.tree.Version()
	state := s.watch.State()
	if state == nil {
		return
	}
	if version == s.saved { // it holds, also after what was changed here
		_ = os.Chtimes(s.snapshot, time.Now(), time.Now())
		return
	}
	now := &snapshot{s.tree.Snapshot(), *state}
	if s.Name() == remote.Private {
		now.Tree.WithoutURLs() // they are keys to the content
	}
	if err := writeSnapshot(s.snapshot, now); err != nil {
		s.log.Warn("what is known cannot be kept for the next mount", "file", s.snapshot, "error", err)
		return
	}
	s.saved = version
}

func readSnapshot(path string) (*snapshot, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	rest, ok := bytes.CutPrefix(data, []byte(snapshotFormat))
	if !ok || len(rest) < sha256.Size {
		return nil, errDamaged
	}
	sum, body := rest[:sha256.Size], rest[sha256.Size:]
	if now := sha256.Sum256(body); !bytes.Equal(sum, now[:]) {
		return nil, errDamaged
	}
	return decodeSnapshot(body)
}

func decodeSnapshot(body []byte) (s *snapshot, err error) {
	if len(body) < 4 {
		return nil, errDamaged
	}
	n, body := binary.LittleEndian.Uint32(body), body[4:]
	if uint64(n) > uint64(len(body)) {
		return nil, errDamaged
	}
	s = &snapshot{}
	if err := gob.NewDecoder(bytes.NewReader(body[:n])).Decode(&s.Watch); err != nil {
		return nil, err
	}
	s.Tree, err = tree.DecodeSnapshot(body[n:])
	return s, err
}

func (s *snapshot) encode(w io.Writer) error {
	head := bytes.NewBuffer(make([]byte, 4))
	if err := gob.NewEncoder(head).Encode(&s.Watch); err != nil {
		return err
	}
	binary.LittleEndian.PutUint32(head.Bytes(), uint32(head.Len()-4))
	if _, err := w.Write(head.Bytes()); err != nil {
		return err
	}
	return s.Tree.Encode(w)
}

const unfinished = ".*"

// filesBeside returns the snapshots that were begun at a path.
func filesBeside(path string) []string {
	files, _ := filepath.Glob(path + unfinished)
	return files
}

// writeSnapshot replaces the file as a whole.
func writeSnapshot(path string, s *snapshot) error {
	f, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+unfinished)
	if err != nil {
		return err
	}
	sum, to := sha256.New(), bufio.NewWriterSize(f, 256<<10)
	_, err = to.WriteString(snapshotFormat + string(make([]byte, sha256.Size)))
	if err == nil {
		err = s.encode(io.MultiWriter(sum, to))
	}
	if err = errors.Join(err, to.Flush()); err == nil {
		_, err = f.WriteAt(sum.Sum(nil), int64(len(snapshotFormat)))
	}
	if err = errors.Join(err, f.Close()); err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		os.Remove(f.Name())
	}
	return err
}
