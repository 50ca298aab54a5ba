package cache

import (
	"context"
	"errors"
	"io/fs"
	"slices"
	"strings"
	"syscall"
	"time"

	"losantfs/cache/inode"
	"losantfs/cache/outbox"
	"losantfs/remote"
)

// change calls f with what the service has at a name, again when that has changed
// meanwhile.
func (s *Space) change(ctx context.Context, dir, name string, f func(outbox.Place) error) error {
	for {
		p, err := s.place(ctx, dir, name)
		if err == nil {
			err = s.withRoom(func() error { return f(p) })
		}
		if !errors.Is(err, outbox.ErrStale) || ctx.Err() != nil {
			return err
		}
	}
}

// changeFile is change for a file that may be open without having a name any more.
func (s *Space) changeFile(ctx context.Context, dir, name string, f func(outbox.Place) error) error {
	if err := f(outbox.Nowhere); !errors.Is(err, outbox.ErrStale) {
		return err
	}
	return s.change(ctx, dir, name, f)
}

// withRoom calls f again when the disk was full: what is only kept makes room for
// what somebody saves.
func (s *Space) withRoom(f func() error) error {
	err := f()
	if errors.Is(err, syscall.ENOSPC) && !errors.Is(err, outbox.ErrUnrecorded) {
		s.content.MakeRoom()
		err = f()
	}
	return err
}

// place finds out what the service has at a name and at the directories above.
func (s *Space) place(ctx context.Context, dir, name string) (outbox.Place, error) {
	p := outbox.Place{Dir: dir, Name: name, Seq: s.outbox.Seq()}
	at := "/"
	for _, part := range strings.FieldsFunc(dir, func(r rune) bool { return r == '/' }) {
		e, err := s.serviceEntry(ctx, at, part)
		if err != nil {
			return p, err
		}
		var base *outbox.Base
		if e != nil {
			base = outbox.BaseOf(*e)
		}
		p.Bases = append(p.Bases, base)
		at += part + "/"
	}
	var err error
	p.Entry, err = s.serviceEntry(ctx, dir, name)
	return p, err
}

// serviceEntry returns what the service has at a name, nil for nothing, whatever
// is owed of it.
func (s *Space) serviceEntry(ctx context.Context, dir, name string) (*remote.Entry, error) {
	remoteDir, err := s.remoteDir(dir)
	if err != nil || remoteDir == "" {
		return nil, err
	}
	e, _, err := s.tree.Lookup(ctx, remoteDir, name)
	switch {
	case remote.KindOf(err) == remote.NotFound:
		return nil, nil
	case err != nil:
		return nil, err
	}
	return &e, nil
}

// Create makes a file and opens it for writing.
func (s *Space) Create(ctx context.Context, dir, name string, a outbox.Attrs) (*Handle, Info, error) {
	if err := validName(name); err != nil {
		return nil, Info{}, err
	}
	var n *outbox.Node
	err := s.change(ctx, dir, name, func(p outbox.Place) (err error) {
		n, err = s.outbox.Create(p, a)
		return err
	})
	if err != nil {
		return nil, Info{}, err
	}
	v := s.outbox.ViewOf(n)
	return &Handle{s: s, id: v.ID, write: true, node: n}, infoOfView(name, &v), nil
}

func validName(name string) error {
	if len(name) > remote.MaxName {
		return syscall.ENAMETOOLONG
	}
	if !remote.ValidName(name) {
		return syscall.EINVAL
	}
	return nil
}

// Mkdir makes a directory.
func (s *Space) Mkdir(ctx context.Context, dir, name string, a outbox.Attrs) (Info, error) {
	if err := validName(name); err != nil {
		return Info{}, err
	}
	var n *outbox.Node
	err := s.change(ctx, dir, name, func(p outbox.Place) (err error) {
		n, err = s.outbox.Mkdir(p, a)
		return err
	})
	if err != nil {
		return Info{}, err
	}
	v := s.outbox.ViewOf(n)
	return infoOfView(name, &v), nil
}

// Unlink removes a file.
func (s *Space) Unlink(ctx context.Context, dir, name string) error {
	return s.change(ctx, dir, name, func(p outbox.Place) error {
		i, err := s.Lookup(ctx, dir, name)
		if err != nil {
			return err
		}
		if i.Dir {
			return syscall.EISDIR
		}
		return s.outbox.Remove(p)
	})
}

// Rmdir removes a directory that shows nothing. It takes a fresh look at the
// service, whose own delete is recursive and final. A service that does not answer
// in time is no obstacle, as one that cannot be reached is none.
func (s *Space) Rmdir(ctx context.Context, dir, name string) error {
	since := time.Now().Add(-freshEnough)
	return s.change(ctx, dir, name, func(p outbox.Place) error {
		i, err := s.Lookup(ctx, dir, name)
		if err != nil {
			return err
		}
		if !i.Dir {
			return syscall.ENOTDIR
		}
		if err := s.mustBeEmpty(ctx, dir+name+"/", since); err != nil {
			return err
		}
		return s.outbox.Remove(p)
	})
}

func (s *Space) mustBeEmpty(ctx context.Context, dir string, since time.Time) error {
	remoteDir, err := s.remoteDir(dir)
	if err != nil {
		return err
	}
	if remoteDir != "" {
		look, cancel := context.WithDeadline(ctx, since.Add(freshEnough+emptyPatience))
		defer cancel()
		l, err := s.tree.ListSince(look, remoteDir, since)
		switch {
		case remote.KindOf(err) == remote.NotFound:
		case err != nil && look.Err() != nil && ctx.Err() == nil:
		case err != nil && !remote.Temporary(err):
			return err
		case err == nil && l.Hidden+l.Moving > 0:
			return syscall.ENOTEMPTY
		}
	}
	seen, err := s.List(ctx, dir)
	switch {
	case remote.KindOf(err) == remote.NotFound:
		return nil
	case err == nil && len(seen.Entries) > 0:
		return syscall.ENOTEMPTY
	}
	return err
}

// freshEnough is how old a look at the service may be that a removal relies on;
// the removal itself looks again.
const freshEnough = time.Second

// emptyPatience is how long a removal waits for its look at the service, from its
// begin.
const emptyPatience = 3 * time.Second

// How Rename treats what has the new name.
const (
	NoReplace = 1 << iota
	Exchange
)

// Rename gives what is seen at a name another name and directory.
func (s *Space) Rename(ctx context.Context, dir, name, newDir, newName string, flags int) error {
	if err := validName(newName); err != nil {
		return err
	}
	since := time.Now().Add(-freshEnough)
	return s.change(ctx, dir, name, func(from outbox.Place) error {
		to, err := s.place(ctx, newDir, newName)
		if err != nil {
			return err
		}
		if err := s.mayRename(ctx, dir, name, newDir, newName, flags, since); err != nil {
			return err
		}
		return s.outbox.Rename(from, to, flags&Exchange != 0)
	})
}

func (s *Space) mayRename(ctx context.Context, dir, name, newDir, newName string, flags int, since time.Time) error {
	i, err := s.Lookup(ctx, dir, name)
	if err != nil {
		return err
	}
	if i.Dir && strings.HasPrefix(newDir, dir+name+"/") {
		return syscall.EINVAL
	}
	over, err := s.Lookup(ctx, newDir, newName)
	exists := err == nil
	switch {
	case err != nil && remote.KindOf(err) != remote.NotFound:
		return err
	case exists && flags&NoReplace != 0:
		return fs.ErrExist
	case !exists && flags&Exchange != 0:
		return fs.ErrNotExist
	case flags&Exchange != 0 && (i.Dir || over.Dir):
		return syscall.EINVAL
	case flags&Exchange != 0 || !exists:
	case i.Dir && !over.Dir:
		return syscall.ENOTDIR
	case !i.Dir && over.Dir:
		return syscall.EISDIR
	case over.Dir:
		return s.mustBeEmpty(ctx, newDir+newName+"/", since)
	}
	return nil
}

// Stat returns what is known of the node that the kernel knows by id, which was
// last seen at a name; false when it is neither there nor open, nor was changed here.
func (s *Space) Stat(dir, name string, id inode.ID) (Info, bool) {
	if s.outbox != nil {
		if v, ok := s.outbox.OpenView(id); ok {
			return infoOfView(name, &v), true
		}
	}
	if i, ok := s.Known(dir, name); ok && i.ID == id {
		return i, true
	}
	if s.outbox == nil {
		return Info{}, false
	}
	// What was sent is of this size wherever it is now: the kernel would cut off what
	// it has of a file that seems to be shorter.
	_, base := s.outbox.Content(id)
	if base == nil {
		return Info{}, false
	}
	e := base.Entry()
	d := s.describe(&e)
	d.ID = id
	return s.infoOf(&e, d, 0), true
}

// SetAttrs keeps attributes that the service has no place for.
func (s *Space) SetAttrs(ctx context.Context, dir, name string, id inode.ID, change func(*outbox.Attrs)) error {
	return s.changeFile(ctx, dir, name, func(p outbox.Place) error {
		return s.outbox.SetAttrs(p, id, change)
	})
}

// Owed returns the changes below a path that the service does not have yet.
func (s *Space) Owed(under string) []outbox.Debt {
	if s.outbox == nil {
		return nil
	}
	return s.outbox.Owed(under)
}

// Flush sends what is owed below a path without waiting for it to settle, and
// returns what is owed still when ctx ends, or what was refused.
func (s *Space) Flush(ctx context.Context, under string) []outbox.Debt {
	if s.outbox == nil {
		return nil
	}
	return s.outbox.Flush(ctx, under)
}

// Sync makes everything recorded survive a power failure.
func (s *Space) Sync(_ context.Context) error {
	if s.outbox == nil {
		return nil
	}
	return s.outbox.Sync()
}

// Conflicts returns the files that exist twice because they were changed here and
// elsewhere, as far as is known: one may have been settled elsewhere.
func (s *Space) Conflicts() []outbox.Conflict {
	if s.outbox == nil {
		return nil
	}
	return slices.DeleteFunc(s.outbox.Conflicts(), func(c outbox.Conflict) bool {
		i := strings.LastIndexByte(c.Path, '/') + 1
		return s.Gone(c.Path[:i], c.Path[i:])
	})
}

// OtherVersion returns the path of the other version of what is seen at a name,
// where both were kept, else "".
func (s *Space) OtherVersion(dir, name string) string {
	if s.outbox == nil {
		return ""
	}
	return s.outbox.OtherVersion(dir + name)
}
