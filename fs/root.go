package fs

import (
	"context"
	"syscall"
	"time"

	"github.com/hanwen/go-fuse/v2/fs"
	"github.com/hanwen/go-fuse/v2/fuse"

	"losantfs/cache"
)

// rootNode is the root of a mount of both spaces: a fixed directory with one
// child for each.
type rootNode struct {
	fs.Inode
	spaces  []*cache.Space
	perm    permissions
	mounted time.Time
	dirs    []*dirNode
}

var (
	_ fs.NodeOnAdder    = (*rootNode)(nil)
	_ fs.NodeLookuper   = (*rootNode)(nil)
	_ fs.NodeGetattrer  = (*rootNode)(nil)
	_ fs.NodeStatfser   = (*rootNode)(nil)
	_ fs.NodeReaddirer  = (*rootNode)(nil)
	_ fs.NodeFsyncer    = (*rootNode)(nil)
	_ fs.NodeCreater    = (*rootNode)(nil)
	_ fs.NodeMkdirer    = (*rootNode)(nil)
	_ fs.NodeRmdirer    = (*rootNode)(nil)
	_ fs.NodeRenamer    = (*rootNode)(nil)
	_ fs.NodeSetattrer  = (*rootNode)(nil)
	_ fs.NodeGetxattrer = (*rootNode)(nil)
)

// OnAdd adds the roots of the spaces.
func (r *rootNode) OnAdd(ctx context.Context) {
	for i, d := range r.dirs {
		child := r.NewPersistentInode(ctx, d, fs.StableAttr{Mode: syscall.S_IFDIR, Ino: uint64(2 + i)})
		r.AddChild(string(d.v.space.Name()), child, false)
		d.v.root = child
	}
}

// Getattr returns fixed attributes.
func (r *rootNode) Getattr(_ context.Context, _ fs.FileHandle, out *fuse.AttrOut) syscall.Errno {
	r.perm.fillTimes(true, r.mounted, &out.Attr)
	out.SetTimeout(rooted)
	return 0
}

// Lookup finds a space. What go-fuse would answer is forgotten at once.
func (r *rootNode) Lookup(_ context.Context, name string, out *fuse.EntryOut) (*fs.Inode, syscall.Errno) {
	child := r.GetChild(name)
	if child == nil {
		return nil, syscall.ENOENT
	}
	d := nodeOf(child)
	d.v.perm.fill(d.attrs.Load(), &out.Attr)
	out.SetEntryTimeout(rooted)
	out.SetAttrTimeout(rooted)
	return child, 0
}

// Readdir lists the spaces, with the dots that go-fuse leaves out.
func (r *rootNode) Readdir(context.Context) (fs.DirStream, syscall.Errno) {
	entries := []fuse.DirEntry{{Name: ".", Mode: syscall.S_IFDIR, Ino: 1}, {Name: "..", Mode: syscall.S_IFDIR, Ino: 1}}
	for _, d := range r.dirs {
		entries = append(entries, fuse.DirEntry{Name: string(d.v.space.Name()), Mode: syscall.S_IFDIR, Ino: d.StableAttr().Ino})
	}
	return fs.NewListDirStream(entries), 0
}

// Getxattr has nothing to return.
func (r *rootNode) Getxattr(_ context.Context, name string, _ []byte) (uint32, syscall.Errno) {
	if noSuchKind(name) {
		return 0, syscall.ENOTSUP
	}
	return 0, noAttribute
}

// Fsync makes the changes in all spaces survive a power failure.
func (r *rootNode) Fsync(ctx context.Context, _ fs.FileHandle, _ uint32) syscall.Errno {
	ctx, done := patient(ctx)
	defer done()
	for _, s := range r.spaces {
		if err := s.Sync(ctx); err != nil {
			return errno(ctx, err)
		}
	}
	return 0
}

// What follows says that the root cannot be changed, in the words of the kernel.
// go-fuse would answer otherwise, and take a Rmdir that is missing for done.

func (r *rootNode) Create(context.Context, string, uint32, uint32, *fuse.EntryOut) (*fs.Inode, fs.FileHandle, uint32, syscall.Errno) {
	return nil, nil, 0, syscall.EPERM
}

func (r *rootNode) Mkdir(context.Context, string, uint32, *fuse.EntryOut) (*fs.Inode, syscall.Errno) {
	return nil, syscall.EPERM
}

func (r *rootNode) Rmdir(context.Context, string) syscall.Errno { return syscall.EPERM }

func (r *rootNode) Rename(context.Context, string, fs.InodeEmbedder, string, uint32) syscall.Errno {
	return syscall.EPERM
}

func (r *rootNode) Setattr(context.Context, fs.FileHandle, *fuse.SetAttrIn, *fuse.AttrOut) syscall.Errno {
	return syscall.EPERM
}
