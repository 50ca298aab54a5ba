package fs

import (
	"context"
	"strings"
	"syscall"

	"losantfs/remote"
)

// attribute is one extended attribute of an entry. One without a value is not
// there.
type attribute struct{ name, value string }

// attributes returns the extended attributes of an entry. The URL of a private
// file is none of them: it is a key to the content and expires.
func attributes(space remote.Space, e *remote.Entry) []attribute {
	if e == nil {
		return nil
	}
	url := e.URL
	if space == remote.Private {
		url = ""
	}
	return []attribute{
		{"user.losant.id", e.ID},
		{"user.losant.url", url},
		{"user.losant.etag", e.ETag},
		{"user.losant.status", string(e.Status)},
		{"user.losant.state", "clean"},
		{"user.losant.content_type", e.ContentType},
		{"user.mime_type", e.ContentType},
		{"user.xdg.origin.url", url},
	}
}

func getxattr(space remote.Space, e *remote.Entry, name string, dest []byte) (uint32, syscall.Errno) {
	for _, a := range attributes(space, e) {
		if a.name == name && a.value != "" {
			return copyOut(a.value, dest)
		}
	}
	return 0, noAttribute
}

func listxattr(space remote.Space, e *remote.Entry, dest []byte) (uint32, syscall.Errno) {
	var b strings.Builder
	for _, a := range attributes(space, e) {
		if a.value != "" {
			b.WriteString(a.name + "\x00")
		}
	}
	return copyOut(b.String(), dest)
}

// copyOut answers with the size alone where there is no room for the value.
func copyOut(value string, dest []byte) (uint32, syscall.Errno) {
	if len(dest) < len(value) {
		return uint32(len(value)), syscall.ERANGE
	}
	return uint32(copy(dest, value)), 0
}

// Getxattr returns an extended attribute.
func (d *dirNode) Getxattr(_ context.Context, name string, dest []byte) (uint32, syscall.Errno) {
	return getxattr(d.v.space.Name(), d.current(), name, dest)
}

// Listxattr returns the names of the extended attributes.
func (d *dirNode) Listxattr(_ context.Context, dest []byte) (uint32, syscall.Errno) {
	return listxattr(d.v.space.Name(), d.current(), dest)
}

// Getxattr returns an extended attribute.
func (f *fileNode) Getxattr(_ context.Context, name string, dest []byte) (uint32, syscall.Errno) {
	return getxattr(f.v.space.Name(), f.current(), name, dest)
}

// Listxattr returns the names of the extended attributes.
func (f *fileNode) Listxattr(_ context.Context, dest []byte) (uint32, syscall.Errno) {
	return listxattr(f.v.space.Name(), f.current(), dest)
}
