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

// conflictAttribute is on both versions of what was changed here and elsewhere: the
// path of the other, in the mount.
const conflictAttribute = "user.losant.conflict"

// attributes returns the extended attributes of an entry, without that of a
// conflict. The URL of a private file is none of them: it is a key to the content
// and expires.
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

// conflict returns the attribute of a conflict.
func (n *node) conflict() attribute {
	a := attribute{name: conflictAttribute}
	if dir, name, ok := n.v.dirAndName(n.EmbeddedInode()); ok {
		if other := n.v.space.OtherVersion(dir, name); other != "" {
			a.value = strings.TrimPrefix(n.v.root.Path(nil)+other, "/")
		}
	}
	return a
}

// copyOut answers with the size alone where there is no room for the value.
func copyOut(value string, dest []byte) (uint32, syscall.Errno) {
	if len(dest) < len(value) {
		return uint32(len(value)), syscall.ERANGE
	}
	return uint32(copy(dest, value)), 0
}

// Getxattr returns an extended attribute.
func (n *node) Getxattr(ctx context.Context, name string, dest []byte) (uint32, syscall.Errno) {
	var found attribute
	switch {
	case noSuchKind(name):
		return 0, syscall.ENOTSUP
	case name == conflictAttribute:
		found = n.conflict()
	default:
		all := attributes(n.v.space.Name(), n.described(ctx))
		if i := slices.IndexFunc(all, func(a attribute) bool { return a.name == name }); i >= 0 {
			found = all[i]
		}
	}
	if found.value == "" {
		return 0, noAttribute
	}
	return copyOut(found.value, dest)
}

// Listxattr returns the names of the extended attributes.
func (n *node) Listxattr(ctx context.Context, dest []byte) (uint32, syscall.Errno) {
	var b strings.Builder
	for _, a := range append(attributes(n.v.space.Name(), n.described(ctx)), n.conflict()) {
		if a.value != "" {
			b.WriteString(a.name + "\x00")
		}
	}
	return copyOut(b.String(), dest)
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
	case name == conflictAttribute, slices.ContainsFunc(attributes("", &cache.Info{}), func(a attribute) bool { return a.name == name }):
		return 0
	}
	return e
}
