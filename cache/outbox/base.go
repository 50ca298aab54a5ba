package outbox

import (
	"slices"
	"time"

	"losantfs/remote"
)

// Base is an entry of the service as it was last known. It is never changed in
// place.
type Base struct {
	ID          string    `json:"id"`
	Parent      string    `json:"dir"` // the directory it is in on the service
	Name        string    `json:"name"`
	Dir         bool      `json:"isdir,omitempty"`
	Size        int64     `json:"size,omitempty"`
	ETag        string    `json:"etag,omitempty"`
	Updated     time.Time `json:"updated"`
	Created     time.Time `json:"created"`
	ContentType string    `json:"type,omitempty"`
	URL         string    `json:"url,omitempty"`
}

// BaseOf returns e as a base.
func BaseOf(e remote.Entry) *Base {
	return &Base{ID: e.ID, Parent: e.Parent, Name: e.Name, Dir: e.Dir, Size: e.Size, ETag: e.ETag,
		Updated: e.Updated, Created: e.Created, ContentType: e.ContentType, URL: e.URL}
}

// Entry returns b as an entry.
func (b *Base) Entry() remote.Entry {
	return remote.Entry{ID: b.ID, Parent: b.Parent, Name: b.Name, Dir: b.Dir, Size: b.Size, ETag: b.ETag,
		Status: remote.Completed, Updated: b.Updated, Created: b.Created, ContentType: b.ContentType, URL: b.URL}
}

// place returns where it is on the service: "/a/b".
func (b *Base) place() string { return b.Parent + b.Name }

// path returns the directory path of a directory: "/a/b/".
func (b *Base) path() string { return b.Parent + b.Name + "/" }

// same reports whether b and o are the same content of the same entry.
func (b *Base) same(o *Base) bool {
	if b == nil || o == nil || b.ID != o.ID {
		return false
	}
	x, y := b.Entry(), o.Entry()
	return x.Version() == y.Version()
}

// holds reports whether the service still has for b what was known of it.
func (b *Base) holds(at *remote.Entry) bool {
	if b.ID != at.ID {
		return false
	}
	if at.Dir || at.ETag == "" && b.ETag == "" && at.Status == remote.Pending {
		return true // created here, without content so far
	}
	known := b.Entry()
	return known.Version() == at.Version()
}

// md5s is a set of MD5s in hex. It is never changed in place.
type md5s []string

func (m md5s) has(sum string) bool { return sum != "" && slices.Contains(m, sum) }

func (m md5s) add(sum string) md5s {
	if sum == "" || m.has(sum) {
		return m
	}
	return append(slices.Clone(m), sum)
}
