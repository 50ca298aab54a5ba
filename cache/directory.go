package cache

import (
	"context"
	"slices"
	"strings"
	"time"

	"losantfs/cache/inode"
	"losantfs/cache/outbox"
	"losantfs/cache/tree"
	"losantfs/remote"
)

// Directory is all that is seen in a directory, as of one moment.
type Directory struct {
	Entries []Seen        // by name
	TTL     time.Duration // how long it may be believed
	Version Version

	s      *Space
	remote string // the directory of the service, "" for none
	dir    string
	listed *tree.Listing // nil once its entries are there
}

// Seen is a name in a directory.
type Seen struct {
	Name string
	ID   inode.ID
	Attrs
	own bool // this machine has it open or owes it: it changes without a new version
}

// Version names what is seen in a directory: while it is the same, the same names are
// there, for the same files and directories.
type Version struct{ Listing, Owed uint64 }

// List returns all that is seen in a directory.
func (s *Space) List(ctx context.Context, dir string) (d *Directory, err error) {
	err = s.steady(ctx, func() error {
		if d, err = s.list(ctx, dir); err != nil {
			return err
		}
		return d.Fill()
	})
	return d, err
}

// Opendir is [Space.List] without the entries, which [Directory.Fill] adds: who opens a
// directory may not want to know them.
func (s *Space) Opendir(ctx context.Context, dir string) (d *Directory, err error) {
	err = s.steady(ctx, func() error {
		d, err = s.list(ctx, dir)
		return err
	})
	return d, err
}

func (s *Space) list(ctx context.Context, dir string) (*Directory, error) {
	d := &Directory{TTL: ownTTL, s: s, dir: dir, listed: &tree.Listing{}}
	if s.outbox != nil {
		d.Version.Owed = s.outbox.Seq()
	}
	var err error
	if d.remote, err = s.remoteDir(dir); err != nil {
		return nil, err
	}
	if d.remote != "" {
		if d.listed, err = s.tree.List(ctx, d.remote); err != nil {
			return nil, err
		}
		d.TTL = s.tree.Fresh(d.listed)
	}
	d.Version.Listing = d.listed.Serial()
	return d, nil
}

// Fill lays what is owed over what the service has: the one place where the two
// become what is seen.
func (d *Directory) Fill() error {
	if d.listed == nil {
		return nil
	}
	s := d.s
	entries := d.listed.Entries()
	var views map[string]outbox.View
	var described []outbox.Described
	if s.outbox != nil {
		var err error
		if views, described, err = s.outbox.Overlay(d.dir, entries); err != nil {
			return err
		}
	}
	d.listed = nil
	d.Entries = make([]Seen, 0, len(entries)+len(views))
	for i := range entries {
		e := &entries[i]
		if v, ok := views[e.Name]; ok {
			if v.Replaced(e) {
				d.add(e, s.describeNew(e))
				delete(views, e.Name)
			}
			continue
		}
		if s.outbox == nil {
			d.add(e, s.describeNew(e))
		} else if !described[i].Hidden {
			d.add(e, described[i])
		}
	}
	if len(views) == 0 {
		return nil
	}
	for name, v := range views {
		d.Entries = append(d.Entries, Seen{Name: name, ID: v.ID, Attrs: attrsOfView(&v), own: true})
	}
	slices.SortFunc(d.Entries, func(a, b Seen) int { return strings.Compare(a.Name, b.Name) })
	return nil
}

func (d *Directory) add(e *remote.Entry, is outbox.Described) {
	d.Entries = append(d.Entries, Seen{Name: e.Name, ID: is.ID, Attrs: attrsOf(e, &is)})
}

// Holds returns whether the directory is certainly seen as it was, and how long that may
// be believed. It never asks the service.
func (d *Directory) Holds() (ttl time.Duration, ok bool) {
	if d.s.outbox != nil && d.s.outbox.Seq() != d.Version.Owed {
		return 0, false
	}
	if d.remote == "" {
		return ownTTL, true
	}
	l, ok := d.s.tree.Listed(d.remote)
	if !ok || l.Serial() != d.Version.Listing {
		return 0, false
	}
	return d.s.tree.Fresh(l), true
}

// HoldsFor is Holds for the attributes of an entry, too.
func (d *Directory) HoldsFor(e *Seen) (ttl time.Duration, ok bool) {
	if e.own {
		return 0, false
	}
	return d.Holds()
}
