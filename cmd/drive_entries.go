package cmd

import (
	"context"
	"fmt"
	"os"
	"path"
	"strings"
	"time"

	"losantfs/cache"
	"losantfs/remote"
)

// entryInfo is what losantfs info shows. The roots of the mount and of its spaces
// are no entries of the service and have only a path and a type.
type entryInfo struct {
	Path        string     `json:"path"`
	Type        string     `json:"type"` // file or directory
	ID          string     `json:"id,omitempty"`
	Size        *int64     `json:"size,omitempty"` // bytes, of a file
	Status      string     `json:"status,omitempty"`
	ContentType string     `json:"content_type,omitempty"`
	ETag        string     `json:"etag,omitempty"`
	Updated     *time.Time `json:"updated,omitempty"`
	URL         string     `json:"url,omitempty"` // of a public file
	Mountpoint  string     `json:"mountpoint"`
	Application string     `json:"application"` // id
	Space       string     `json:"space,omitempty"`
}

// find returns the space and the entry of a path relative to the mount: no space
// for the root of a mount of both, and no entry for the root of a space.
func (d *drive) find(ctx context.Context, rel string) (*cache.Space, *remote.Entry, error) {
	p := path.Clean("/" + rel)
	space := d.spaces[0]
	if d.inFolders() {
		first, rest, _ := strings.Cut(p[1:], "/")
		if first == "" {
			return nil, nil, nil
		}
		space, p = nil, "/"+rest
		for _, s := range d.spaces {
			if string(s.Name()) == first {
				space = s
			}
		}
		if space == nil {
			return nil, nil, d.noEntry(rel)
		}
	}
	if p == "/" {
		return space, nil, nil
	}
	dir, name := path.Split(p)
	e, _, err := space.Lookup(ctx, remote.DirPath(dir), name)
	if remote.KindOf(err) == remote.NotFound {
		return nil, nil, d.noEntry(rel)
	}
	return space, &e, err
}

func (d *drive) noEntry(rel string) error {
	return fmt.Errorf("%s: %w", d.abs(rel), os.ErrNotExist)
}

func (d *drive) abs(rel string) string { return path.Join(d.o.mountpoint, rel) }

// info answers losantfs info.
func (d *drive) info(ctx context.Context, rel string) (entryInfo, error) {
	space, e, err := d.find(ctx, rel)
	if err != nil {
		return entryInfo{}, err
	}
	i := entryInfo{Path: d.abs(rel), Type: "directory", Mountpoint: d.o.mountpoint, Application: d.app.ID}
	if space != nil {
		i.Space = string(space.Name())
	}
	if e == nil {
		return i, nil
	}
	i.ID, i.Status, i.ContentType, i.ETag = e.ID, string(e.Status), e.ContentType, e.ETag
	if !e.Updated.IsZero() {
		i.Updated = &e.Updated
	}
	if !e.Dir {
		i.Type, i.Size = "file", &e.Size
		if space.Name() == remote.Public {
			i.URL = e.URL
		}
	}
	return i, nil
}

// url answers losantfs url.
func (d *drive) url(ctx context.Context, rel string) (string, error) {
	space, e, err := d.find(ctx, rel)
	switch {
	case err != nil:
		return "", err
	case e == nil || e.Dir:
		return "", fmt.Errorf("%s is a folder: only files have a URL", d.abs(rel))
	}
	u, err := space.URL(ctx, *e)
	if err == nil && u == "" {
		err = fmt.Errorf("%s has no URL yet: the service is still taking it in (%s)", d.abs(rel), e.Status)
	}
	return u, err
}
