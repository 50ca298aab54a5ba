package integration

import (
	"errors"
	"fmt"
	"os"
	"syscall"
)

// openSlot opens a file that stays open.
func (p *program) openSlot(path string, o op) error {
	if err := p.closeSlot(o.slot); err != nil {
		return err
	}
	if _, e, _ := p.model.find(path); e != nil && e.dir && o.flags == os.O_RDONLY {
		return nil
	}
	e, want := p.model.open(path, o.flags)
	f, err := os.OpenFile(p.onDrive(path), o.flags, 0o644)
	if wrong := p.same("open", err, want); wrong != nil || err != nil {
		return wrong
	}
	access := o.flags & (os.O_RDONLY | os.O_WRONLY | os.O_RDWR)
	p.open[o.slot] = openFile{f: f, e: e, reads: access != os.O_WRONLY, writes: access != os.O_RDONLY,
		wrote: o.flags&(os.O_TRUNC|os.O_CREATE) != 0}
	return nil
}

// useSlot does something with a file that is open, whatever its path is now; where
// none is, one is opened.
func (p *program) useSlot(path string, o op) error {
	s := &p.open[o.slot]
	if s.f == nil {
		if err := p.openSlot(path, op{slot: o.slot, flags: os.O_RDWR | os.O_CREATE}); err != nil || s.f == nil {
			return err
		}
	}
	switch o.kind {
	case "write to", "append to":
		data, off := p.content(o.size), o.off
		if o.kind == "append to" || !s.reads { // O_APPEND
			off = len(s.e.data)
		}
		var err error
		if s.reads {
			_, err = s.f.WriteAt(data, int64(off))
		} else {
			_, err = s.f.Write(data)
		}
		if !s.writes {
			if len(data) == 0 { // nothing is asked of the kernel
				return nil
			}
			return p.same("write", err, syscall.EBADF)
		}
		s.e.write(off, data)
		s.wrote = s.wrote || len(data) > 0
		return p.same("write", err, 0)
	case "truncate open":
		err := s.f.Truncate(int64(o.size))
		if !s.writes {
			return p.same("ftruncate", err, syscall.EINVAL)
		}
		s.e.truncate(o.size)
		s.wrote = true
		return p.same("ftruncate", err, 0)
	case "read open":
		return p.readSlot(s)
	case "sync":
		if s.wrote {
			s.e.saved()
			s.wrote = false
		}
		return p.same("fsync", s.f.Sync(), 0)
	case "close":
		return p.closeSlot(o.slot)
	}
	return fmt.Errorf("there is no operation %q", o.kind)
}

func (p *program) readSlot(s *openFile) error {
	info, err := s.f.Stat()
	if err != nil {
		return err
	}
	if info.Size() != int64(len(s.e.data)) {
		return fmt.Errorf("what is open has a size of %d, want %d", info.Size(), len(s.e.data))
	}
	data, err := readAll(s.f)
	if !s.reads {
		return p.same("read", err, syscall.EBADF)
	}
	if err != nil {
		return err
	}
	return sameBytes("what is open", data, s.e.data)
}

func (p *program) closeSlot(i int) error {
	s := p.open[i]
	p.open[i] = openFile{}
	if s.f == nil {
		return nil
	}
	if s.wrote {
		s.e.saved()
	}
	return p.same("close", s.f.Close(), 0)
}

// killed lets go of what was open on a drive that is gone.
func (p *program) killed() {
	for i := range p.open {
		if f := p.open[i].f; f != nil {
			_ = f.Close()
		}
		p.open[i] = openFile{}
	}
}

// adopt compares a folder with the model after a kill: of what was written and not
// saved there may be anything, which the model then has.
func (p *program) adopt(dir *entry, path string) error {
	var wrong error
	dir.each(path, func(path string, e *entry) {
		if e.unsaved == nil {
			return
		}
		data, err := os.ReadFile(p.onDrive(path))
		if err == nil && !e.mayBe(data) {
			err = fmt.Errorf("%s has %d bytes that it never had, its last %d were not saved, it was one of %d", path, len(data), len(e.data), len(e.unsaved))
		}
		wrong = errors.Join(wrong, err)
		e.data, e.unsaved = data, nil
	})
	return wrong
}
