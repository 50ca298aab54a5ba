package fs

import (
	"context"
	"slices"
	"strings"
	"syscall"

	"losantfs/cache"
	"losantfs/remote"
)

// attribute is one extended attribute of an entry. One without a value is not
// there.
type attribute struct{ name, value string }

// attributes returns the extended attributes of an entry. The URL of a private
// file is none of them: it is a key to the content and expires.
func attributes(space remote.Space, i *cache.Info) []attribute {
	e := &i.Entry
	url := e.URL
	if space == remote.Private {
		url = ""
	}
	return []attribute{
		{"user.losant.id", e.ID},
		{"user.losant.url", url},
		{"user.losant.etag", e.ETag},
		{"user.losant.status", string(e.Status)},
		{"user.losant.state", string(i.State)},
		{"user.losant.content_type", e.ContentType},
		{"user.mime_type", e.ContentType},
		{"user.xdg.origin.url", url},
	}
}

func getxattr(space remote.Space, i *cache.Info, name string, dest []byte) (uint32, syscall.Errno) {
	for _, a := range attributes(space, i) {
		if a.name == name && a.value != "" {
			return copyOut(a.value, dest)
		}
	}
	return 0, noAttribute
}

func listxattr(space remote.Space, i *cache.Info, dest []byte) (uint32, syscall.Errno) {
	var b strings.Builder
	for _, a := range attributes(space, i) {
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
func (n *node) Getxattr(_ context.Context, name string, dest []byte) (uint32, syscall.Errno) {
	return getxattr(n.v.space.Name(), n.current(), name, dest)
}

// Listxattr returns the names of the extended attributes.
func (n *node) Listxattr(_ context.Context, dest []byte) (uint32, syscall.Errno) {
	return listxattr(n.v.space.Name(), n.current(), dest)
}

// Setxattr refuses what the service has no place for. The names shown here come
// along with copies of files of a drive, which must not fail for them (rsync -X
// would): they are taken and change nothing.
func (n *node) Setxattr(_ context.Context, name string, _ []byte, _ uint32) syscall.Errno {
	return n.refuseAttribute(name, syscall.ENOTSUP)
}

// Removexattr removes nothing, as Setxattr sets nothing.
func (n *node) Removexattr(_ context.Context, name string) syscall.Errno {
	return n.refuseAttribute(name, noAttribute)
}

func (n *node) refuseAttribute(name string, e syscall.Errno) syscall.Errno {
	switch {
	case n.v.space.ReadOnly():
		return syscall.EROFS
	case slices.ContainsFunc(attributes("", &cache.Info{}), func(a attribute) bool { return a.name == name }):
		return 0
	}
	return e
}
