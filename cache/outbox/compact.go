package outbox

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
)

// compactAfter is how many lines are written before the journal is written anew.
const compactAfter = 20_000

// rewrite is a journal that is written anew with only what counts, while lines go
// on being appended to the old one.
type rewrite struct {
	f    *os.File
	last int      // number of its last line
	tail [][]byte // what was appended to the old one since it began
}

// compactIdle is how many lines of history are enough when nothing is owed: there is
// time, and room on a disk that may have been full.
const compactIdle = 100

// compactIfLong begins to write the journal anew when most of it is history.
func (b *Outbox) compactIfLong() {
	things := len(b.nodes) + len(b.gone) + len(b.attrs)
	idle := len(b.nodes) == 1 && len(b.gone) == 0
	long := b.journal.lines >= compactAfter && b.journal.lines >= 4*things
	if b.journal.next != nil || !long && !(idle && b.journal.lines >= 2*things+compactIdle) {
		return
	}
	lines, err := b.everyLine()
	if err != nil {
		b.log.Warn("compacting the journal", "error", err)
		return
	}
	b.journal.next = &rewrite{}
	b.work.Go(func() {
		if err := b.compact(lines); err != nil {
			b.log.Warn("compacting the journal", "error", err)
		}
	})
}

// everyLine returns what the journal has to hold, a line for each thing, so that
// damage costs no more than that.
func (b *Outbox) everyLine() (bodies [][]byte, err error) {
	for _, r := range b.everything() {
		body, err := json.Marshal([]record{r})
		if err != nil {
			return nil, err
		}
		bodies = append(bodies, body)
	}
	return bodies, nil
}

func (b *Outbox) compact(lines [][]byte) error {
	j, next := b.journal, b.journal.next
	err := next.begin(j.path)
	if err == nil {
		err = next.add(lines)
	}
	for { // until what was appended meanwhile is little enough to hold the lock
		b.mu.Lock()
		lines, next.tail = next.tail, nil
		if err != nil || len(lines) < linesAtOnce {
			break
		}
		b.mu.Unlock()
		err = next.add(lines)
	}
	defer b.mu.Unlock()
	j.next = nil
	if err == nil && b.closed {
		err = ErrClosed
	}
	if err == nil {
		err = next.add(lines)
	}
	if err == nil {
		err = next.replace(j)
	}
	if err != nil {
		j.lines = 0 // not again at once
		return errors.Join(err, next.giveUp())
	}
	return syncDir(filepath.Dir(j.path))
}

// linesAtOnce is how many lines are written while the lock is held.
const linesAtOnce = 256

func (w *rewrite) begin(path string) (err error) {
	temp := path + ".new"
	_ = os.RemoveAll(temp) // whatever has the name
	w.f, err = os.OpenFile(temp, os.O_RDWR|os.O_CREATE|os.O_TRUNC|os.O_APPEND, 0o600)
	return err
}

// add writes lines and makes them safe: what was synced to the old file has to be so
// in this one too.
func (w *rewrite) add(bodies [][]byte) error {
	var text []byte
	for _, body := range bodies {
		w.last++
		text = append(text, lineOf(w.last, body)...)
	}
	_, err := w.f.Write(text)
	return errors.Join(err, w.f.Sync())
}

// replace puts what was written in the place of a journal.
func (w *rewrite) replace(j *journal) error {
	if err := os.Rename(w.f.Name(), j.path); err != nil {
		return err
	}
	j.f.Close()
	j.f, j.last, j.lines, j.reserved = w.f, w.last, w.last, 0
	return nil
}

func (w *rewrite) giveUp() error {
	if w.f == nil {
		return nil
	}
	return errors.Join(w.f.Close(), os.Remove(w.f.Name()))
}

func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer d.Close()
	return d.Sync()
}

// Sync makes everything recorded survive a power failure.
func (b *Outbox) Sync() error {
	b.mu.Lock()
	if b.closed {
		b.mu.Unlock()
		return ErrClosed
	}
	err := b.commit() // what could not be written before
	f := b.journal.f
	b.mu.Unlock()
	if err != nil {
		return err
	}
	if err := f.Sync(); !errors.Is(err, os.ErrClosed) {
		return err
	}
	return b.Sync() // it was written anew meanwhile
}
