package fs

import (
	"context"
	"fmt"
	"log/slog"
	"runtime/debug"
	"slices"
	"sync"
	"time"

	"github.com/hanwen/go-fuse/v2/fs"
	"github.com/hanwen/go-fuse/v2/fuse"

	"losantfs/cache"
)

// Options say what to mount and how.
type Options struct {
	Mountpoint  string
	Application string // id, shown as the source of the mount
	Spaces      []*cache.Space
	Folders     bool   // each space has a folder of its name; else the files of the one are at the root
	UID, GID    uint32 // owner of everything
	Umask       uint32
	AllowOther  bool // other users may look at the mount
	Logger      *slog.Logger
}

// Mounted is a file system the kernel shows.
type Mounted struct {
	server     *fuse.Server
	mountpoint string
	end        context.CancelFunc
	work       sync.WaitGroup
}

// absence is how long the kernel may believe that a name does not exist. The
// listing that proves it answers the next question at once.
const absence = time.Second

// rooted is how long the kernel may believe the attributes of a root, which only it
// changes. It needs them on the way to each path; but they tell that this process is gone.
const rooted = time.Second

// Mount shows the spaces at the mount point. It returns once the kernel answers.
func Mount(o Options) (*Mounted, error) {
	perm := permissions{uid: o.UID, gid: o.GID, umask: o.Umask}
	now := time.Now()
	dirs := make([]*dirNode, len(o.Spaces))
	for i, s := range o.Spaces {
		dirs[i] = &dirNode{node: node{v: &volume{space: s, all: o.Spaces, perm: perm, log: o.Logger}}}
		dirs[i].attrs.Store(&cache.Attrs{Dir: true, Created: now, ModTime: now}) // the service has no entry for it
	}
	var root fs.InodeEmbedder
	if !o.Folders {
		dirs[0].v.root = dirs[0].EmbeddedInode()
		root = dirs[0]
	} else {
		root = &rootNode{spaces: o.Spaces, perm: perm, mounted: now, dirs: dirs}
	}
	negative := absence
	options := &fs.Options{
		NegativeTimeout: &negative,
		NullPermissions: true,
		RootStableAttr:  &fs.StableAttr{Ino: 1},
		MountOptions: fuse.MountOptions{
			Name:       "losantfs",
			FsName:     "losant:" + o.Application,
			AllowOther: o.AllowOther,
			// The kernel checks the modes, so access(2) and open(2) agree.
			Options:       []string{"default_permissions"},
			MaxBackground: 64,
			MaxWrite:      1 << 20, // and most that is read at once
			// What the kernel holds of a file is right until it changes the file
			// itself: what is changed elsewhere becomes another inode. Without this
			// a new mtime would drop all pages.
			ExplicitDataCacheControl: true,
			// open(2) empties the file itself, and not a SETATTR without a handle,
			// after which nobody would close the file.
			ExtraCapabilities: fuse.CAP_ATOMIC_O_TRUNC,
			Logger:            slog.NewLogLogger(o.Logger.Handler(), slog.LevelDebug),
			PanicHandler: func(r any) fuse.Status {
				o.Logger.Error("a request failed for a mistake in this program", "panic", r, "stack", string(debug.Stack()))
				return fuse.EIO
			},
		},
	}
	if !slices.ContainsFunc(o.Spaces, func(s *cache.Space) bool { return !s.ReadOnly() }) {
		// The kernel answers EROFS to all that would change something.
		options.Options = append(options.Options, "ro")
	}
	directMount(&options.MountOptions)
	server, err := serve(o.Mountpoint, root, options)
	if err != nil {
		return nil, fmt.Errorf("mounting at %s: %w", o.Mountpoint, err)
	}
	root.EmbeddedInode().NotifyContent(-1, 0) // it asked for them to find out whether this works
	m := &Mounted{server: server, mountpoint: o.Mountpoint}
	ctx, end := context.WithCancel(context.Background())
	m.end = end
	for _, d := range dirs {
		m.work.Go(func() { d.v.watchElsewhere(ctx) })
	}
	return m, nil
}

// Wait returns when the file system is no longer mounted, whoever unmounted it.
func (m *Mounted) Wait() {
	m.server.Wait()
	m.end()
	m.work.Wait()
}

// Unmount takes the file system away. It fails while something has it open.
func (m *Mounted) Unmount() error { return m.server.Unmount() }

// Detach takes the file system out of the tree at once. Programs that have files
// open keep them until this process ends.
func (m *Mounted) Detach() error { return detach(m.mountpoint) }
