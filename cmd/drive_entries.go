package cmd

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"slices"
	"strings"
	"time"

	"losantfs/cache"
	"losantfs/cache/outbox"
	"losantfs/remote"
)

// entryInfo is what losantfs info shows: how programs see the entry, and what the
// service has of it. The roots of the mount and of its spaces are no entries of the
// service and have only a path and a type.
type entryInfo struct {
	Path        string       `json:"path"`
	Type        string       `json:"type"` // file or directory
	ID          string       `json:"id,omitempty"`
	Size        *int64       `json:"size,omitempty"`       // bytes, of a file
	State       outbox.State `json:"state,omitempty"`      // how it stands to the service
	Owed        *owedChange  `json:"owed,omitempty"`       // what the service does not have of it yet, and why
	OwedBelow   int64        `json:"owed_below,omitempty"` // changes in a directory
	Conflict    *conflict    `json:"conflict,omitempty"`   // that it is a version of
	Modified    *time.Time   `json:"modified,omitempty"`   // as programs see it
	Mode        string       `json:"mode,omitempty"`       // octal, where it was changed here
	Status      string       `json:"status,omitempty"`
	ContentType string       `json:"content_type,omitempty"`
	ETag        string       `json:"etag,omitempty"`
	Updated     *time.Time   `json:"updated,omitempty"`
	URL         string       `json:"url,omitempty"` // of a public file
	Mountpoint  string       `json:"mountpoint"`
	Application string       `json:"application"` // id
	Space       string       `json:"space,omitempty"`
}

// split returns the space of a path relative to the mount, and its path there:
// no space, and "/", for the root of a mount of both.
func (d *drive) split(rel string) (remote.Space, string, error) {
	p := path.Clean("/" + rel)
	if !d.inFolders() {
		return d.spaces[0].Name(), p, nil
	}
	first, rest, _ := strings.Cut(p[1:], "/")
	if first == "" {
		return "", "/", nil
	}
	if !slices.Contains(d.names(), remote.Space(first)) {
		return "", "", d.noEntry(rel)
	}
	return remote.Space(first), "/" + rest, nil
}

// find returns the space of a path relative to the mount, and what is seen there:
// no space for the root of a mount of both, and nothing for the root of a space.
func (d *drive) find(ctx context.Context, rel string) (*cache.Space, *cache.Info, error) {
	space, p, err := d.split(rel)
	if err != nil || space == "" {
		return nil, nil, err
	}
	s := d.spaces[slices.Index(d.names(), space)]
	if p == "/" {
		return s, nil, nil
	}
	dir, name := path.Split(p)
	i, err := s.Lookup(ctx, remote.DirPath(dir), name)
	if remote.KindOf(err) == remote.NotFound || errors.Is(err, fs.ErrNotExist) {
		return nil, nil, d.noEntry(rel)
	}
	return s, &i, err
}

func (d *drive) noEntry(rel string) error {
	return fmt.Errorf("%s: %w", d.abs(rel), os.ErrNotExist)
}

func (d *drive) abs(rel string) string { return path.Join(d.o.mountpoint, rel) }

// info answers losantfs info.
func (d *drive) info(ctx context.Context, rel string) (entryInfo, error) {
	space, seen, err := d.find(ctx, rel)
	if err != nil {
		return entryInfo{}, err
	}
	i := entryInfo{Path: d.abs(rel), Type: "directory", Mountpoint: d.o.mountpoint, Application: d.app.ID}
	if space != nil {
		i.Space = string(space.Name())
	}
	i.addOwed(d, rel)
	if seen == nil {
		return i, nil
	}
	i.State, i.Modified = seen.State, timeOrNil(seen.ModTime)
	if seen.Mode != 0 {
		i.Mode = fmt.Sprintf("%04o", seen.Mode&0o7777)
	}
	e := &seen.Entry
	i.ID, i.Status, i.ContentType, i.ETag, i.Updated = e.ID, string(e.Status), e.ContentType, e.ETag, timeOrNil(e.Updated)
	if !seen.Dir {
		i.Type, i.Size = "file", &seen.Size
		if space.Name() == remote.Public {
			i.URL = e.URL
		}
	}
	return i, nil
}

// addOwed adds what is owed at and below a path relative to the mount, and of what
// conflict it is a part.
func (i *entryInfo) addOwed(d *drive, rel string) {
	parts, err := d.below(rel)
	if err != nil {
		return
	}
	for _, c := range d.owed(parts) {
		if c.Path == i.Path {
			i.Owed = &c
		} else {
			i.OwedBelow++
		}
	}
	for _, c := range d.conflicts() {
		if c.Path == i.Path || c.Original == i.Path {
			i.Conflict = &c
		}
	}
}

func timeOrNil(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}

// url answers losantfs url.
func (d *drive) url(ctx context.Context, rel string) (string, error) {
	space, seen, err := d.find(ctx, rel)
	switch {
	case err != nil:
		return "", err
	case seen == nil || seen.Dir:
		return "", fmt.Errorf("%s is a folder: only files have a URL", d.abs(rel))
	case seen.State == outbox.LocalOnly:
		return "", fmt.Errorf("%s has no URL: its name is one that never leaves this machine", d.abs(rel))
	case seen.Entry.ID == "":
		return "", d.noURLYet(rel)
	}
	if _, p, _ := d.split(rel); seen.Entry.Parent+seen.Entry.Name != p {
		return "", fmt.Errorf("%s has no URL yet: the service still has it as %s; losantfs flush %s waits for the change",
			d.abs(rel), printable(d.pathIn(space, seen.Entry.Parent+seen.Entry.Name)), shellWord(d.abs(rel)))
	}
	u, err := space.URL(ctx, seen.Entry)
	if err == nil && u == "" {
		err = fmt.Errorf("%s has no URL yet: the service is still taking it in (%s)", d.abs(rel), seen.Entry.Status)
	}
	return u, err
}

// noURLYet is the error for a file that the service does not have.
func (d *drive) noURLYet(rel string) error {
	i := entryInfo{Path: d.abs(rel)}
	i.addOwed(d, rel)
	if i.Owed != nil && i.Owed.Error != "" {
		return fmt.Errorf("%s has no URL yet: the service does not have it (%s: %s)", i.Path, i.Owed.State, i.Owed.Error)
	}
	return fmt.Errorf("%s has no URL yet: the service does not have it; losantfs flush %s waits for that", i.Path, shellWord(i.Path))
}
