package outbox

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
)

// compactAfter is how many lines are written before the journal is written anew.
const compactAfter = 20_000

// rewrite is a journal that is written anew with only what counts, while lines go
// on being appended to the old one.
type rewrite struct {
	tail []byte // lines appended since it began
}

// compactIfLong begins to write the journal anew when most of it is history.
func (b *Outbox) compactIfLong() {
	things := len(b.nodes) + len(b.gone) + len(b.attrs)
	if b.journal.next != nil || b.journal.lines < compactAfter || b.journal.lines < 4*things {
		return
	}
	// One line for each thing, so that damage costs no more than that.
	var lines bytes.Buffer
	n := 0
	for _, r := range b.everything() {
		line, err := lineOf([]record{r})
		if err != nil {
			b.log.Warn("compacting the journal", "error", err)
			return
		}
		lines.Write(line)
		n++
	}
	b.journal.next = &rewrite{}
	b.work.Go(func() {
		if err := b.compact(lines.Bytes(), n); err != nil {
			b.log.Warn("compacting the journal", "error", err)
		}
	})
}

func (b *Outbox) compact(lines []byte, n int) error {
	j := b.journal
	temp := j.path + ".new"
	f, err := os.OpenFile(temp, os.O_RDWR|os.O_CREATE|os.O_TRUNC|os.O_APPEND, 0o600)
	if err == nil {
		// What was synced to the old file has to be safe in this one too.
		err = errors.Join(writeAll(f, lines), f.Sync())
	}
	for { // until what was appended meanwhile is little enough to hold the lock
		b.mu.Lock()
		lines, j.next.tail = j.next.tail, nil
		n += bytes.Count(lines, []byte("\n"))
		if err != nil || len(lines) < lineRoom {
			break
		}
		b.mu.Unlock()
		err = errors.Join(writeAll(f, lines), f.Sync())
	}
	defer b.mu.Unlock()
	j.next = nil
	if err == nil && b.closed {
		err = ErrClosed
	}
	if err == nil {
		err = errors.Join(writeAll(f, lines), f.Sync())
	}
	if err == nil {
		err = os.Rename(temp, j.path)
	}
	if err != nil {
		j.lines = 0 // not again at once
		return errors.Join(err, closeAndRemove(f, temp))
	}
	j.f.Close()
	j.f, j.lines, j.reserved = f, n, 0
	return syncDir(filepath.Dir(j.path))
}

func writeAll(f *os.File, p []byte) error {
	_, err := f.Write(p)
	return err
}

func closeAndRemove(f *os.File, path string) error {
	if f == nil {
		return nil
	}
	return errors.Join(f.Close(), os.Remove(path))
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
