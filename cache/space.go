package cache

import (
	"context"
	"log/slog"
	"path/filepath"
	"sync"
	"time"

	"losantfs/cache/content"
	"losantfs/cache/inode"
	"losantfs/cache/outbox"
	"losantfs/cache/tree"
	"losantfs/cache/watch"
	"losantfs/remote"
)

// Options say how a space is kept.
type Options struct {
	TTL  time.Duration // how long listings are believed
	Poll time.Duration // how often it is looked for changes elsewhere, 0 for never
	// Snapshot is the file that keeps what is known until the next mount, "" for
	// none. It takes polls to find out whether it still holds.
	Snapshot string
	Content  *content.Store // stays the caller's
	Logger   *slog.Logger
	// Write is nil for a space that cannot be written to.
	Write *WriteOptions
}

// WriteOptions say how changes are sent.
type WriteOptions struct {
	Dir     string // of what is owed, private to the user
	Settle  time.Duration
	Uploads int      // at once
	Through bool     // closing and syncing a file wait for the service
	Local   []string // patterns of names that never leave this machine
}

// Space is one space of an application as this machine sees it: what the service
// has, and over it what is owed. Directories are named by their path, "/" or
// "/a/b/". It is safe for concurrent use.
type Space struct {
	files   *remote.Files
	tree    *tree.Tree
	content *content.Store
	outbox  *outbox.Outbox // nil when read-only
	watch   *watch.Watcher // nil when nobody looks for changes elsewhere
	changes *changes
	ahead   *siblings

	snapshot string
	saved    uint64          // version of the tree that was saved last
	ending   context.Context // ends with Close
	end      context.CancelFunc
	saving   sync.WaitGroup
	through  bool
	log      *slog.Logger

	mu   sync.Mutex
	open map[*Handle]bool // that read the content of an entry
}

// NewSpace opens a space. With write options it begins to send what an earlier
// mount left.
func NewSpace(files *remote.Files, o Options) (*Space, error) {
	log := o.Logger.With("space", string(files.Space()))
	s := &Space{files: files, tree: tree.New(files, o.TTL, log), content: o.Content, log: log, changes: newChanges(),
		open: map[*Handle]bool{}}
	s.ahead = &siblings{s: s}
	s.ending, s.end = context.WithCancel(context.Background())
	if o.Poll > 0 {
		s.watch = watch.New(files, s.tree, o.Poll, s.answers, log)
		s.tree.Attend(tree.Watch{Look: s.watch.Look, Changed: s.changes.add, Total: s.watch.Total})
	}
	more := o.Write != nil && newer(outbox.Journal(o.Write.Dir), o.Snapshot)
	if o.Write != nil {
		if err := s.openOutbox(o.Write, log); err != nil {
			s.Close()
			return nil, err
		}
	}
	if s.watch != nil {
		if s.snapshot = o.Snapshot; s.snapshot != "" {
			s.restore(more)
			s.saving.Go(s.keepSaving)
		}
		if !s.Knows() {
			s.watch.Learn()
		}
		s.watch.Start()
	}
	if s.outbox != nil {
		s.outbox.Start()
	}
	return s, nil
}

// openOutbox opens what is owed.
func (s *Space) openOutbox(o *WriteOptions, log *slog.Logger) (err error) {
	for _, p := range o.Local {
		if _, err := filepath.Match(p, ""); err != nil {
			return err
		}
	}
	s.through = o.Through
	var service outbox.Service = s.files
	if s.watch != nil {
		service = counted{s.files, s.watch}
	}
	s.outbox, err = outbox.Open(outbox.Options{
		Dir: o.Dir, Space: s.files.Space(), Settle: o.Settle, Uploads: o.Uploads,
		Service: service, Known: known{s}, Local: localNames(o.Local), Logger: log,
	})
	return err
}

// answers is called when the service answers after it had failed.
func (s *Space) answers() {
	if s.outbox != nil {
		s.outbox.Resume()
	}
}

// Close ends all calls to the service. What is owed stays on disk.
func (s *Space) Close() {
	s.ahead.close()
	if s.outbox != nil {
		s.outbox.Close()
	}
	if s.watch != nil {
		s.watch.Close()
	}
	s.end()
	s.saving.Wait()
	s.tree.Close()
}

// Check asks the service for the space, and returns its error where that cannot be
// had. What an earlier mount was moving when it ended arrives first, if it does soon.
func (s *Space) Check(ctx context.Context) error {
	if s.watch == nil {
		_, err := s.tree.List(ctx, "/")
		return err
	}
	select {
	case <-s.watch.Polled():
	case <-ctx.Done():
		return ctx.Err()
	}
	err := s.watch.Err()
	if err == nil && s.outbox != nil {
		ctx, cancel := context.WithTimeout(ctx, movesPatience)
		defer cancel()
		s.outbox.AwaitMoves(ctx)
	}
	return err
}

// movesPatience is how long a mount waits for folders that are on their way on the
// service.
const movesPatience = 5 * time.Second

// Knows reports whether anything is known of the space without asking the service.
func (s *Space) Knows() bool {
	_, ok := s.tree.Listed("/")
	return ok
}

// ReadOnly reports whether the space can only be read.
func (s *Space) ReadOnly() bool { return s.outbox == nil }

// Name returns which space it is.
func (s *Space) Name() remote.Space { return s.files.Space() }

// Usage returns the number and the bytes of all files known so far.
func (s *Space) Usage() (files, bytes int64) { return s.tree.Usage() }

// Offline returns since when the service has not answered, and why; a zero time
// when it does.
func (s *Space) Offline() (time.Time, error) { return s.tree.Offline() }

// Forget drops what is known of a directory, because it turned out to be wrong.
func (s *Space) Forget(dir string) {
	if remoteDir, err := s.remoteDir(dir); err == nil && remoteDir != "" {
		s.tree.Forget(remoteDir)
	}
}

// Attrs are the attributes that programs see.
type Attrs struct {
	Dir     bool
	Mode    uint32 // permission bits kept here, 0: the mount's
	Size    int64  // bytes
	UID     *uint32
	GID     *uint32
	ModTime time.Time
	Created time.Time
}

// Info is what is seen of a name.
type Info struct {
	Seen
	State outbox.State
	Entry remote.Entry  // of the service, zero when it has none
	TTL   time.Duration // how long this may be believed

	content remote.Entry // whose content is read, where nothing was written here
	lost    error        // why it cannot be read
}

// Same reports whether programs see the same of two files, or of two directories.
func (i *Attrs) Same(o *Attrs) bool {
	same := func(a, b *uint32) bool { return (a == nil) == (b == nil) && (a == nil || *a == *b) }
	return i.Size == o.Size && i.Mode == o.Mode && i.ModTime.Equal(o.ModTime) && same(i.UID, o.UID) && same(i.GID, o.GID)
}

// infoOf describes an entry that nothing is owed of.
func (s *Space) infoOf(e *remote.Entry, d outbox.Described, ttl time.Duration) Info {
	return Info{Seen: Seen{Name: e.Name, ID: d.ID, Attrs: attrsOf(e, &d)}, State: outbox.Clean, Entry: *e, content: *e, TTL: ttl}
}

func attrsOf(e *remote.Entry, d *outbox.Described) Attrs {
	return Attrs{Dir: e.Dir, Size: e.Size, Mode: d.Attrs.Mode, UID: d.Attrs.UID, GID: d.Attrs.GID, ModTime: d.Attrs.ModTime, Created: e.Created}
}

// infoOfNew describes an entry that was replaced elsewhere while a file has its name
// that was opened before: it is another file.
func (s *Space) infoOfNew(e *remote.Entry, ttl time.Duration) Info {
	return s.infoOf(e, s.describeNew(e), ttl)
}

// describeNew says how an entry is seen of which this machine knows nothing more.
func (s *Space) describeNew(e *remote.Entry) outbox.Described {
	return outbox.Described{ID: inode.Of(s.Name(), e), Attrs: outbox.Attrs{ModTime: e.Updated}}
}

// describe says how an entry is seen.
func (s *Space) describe(e *remote.Entry) outbox.Described {
	if s.outbox == nil {
		return s.describeNew(e)
	}
	return s.outbox.Describe(e)
}

// ownTTL is how long the kernel may believe what only this machine changes.
const ownTTL = time.Second

// infoOfView describes what an owed change makes of a name.
func infoOfView(name string, v *outbox.View) Info {
	i := Info{Seen: Seen{Name: name, ID: v.ID, Attrs: attrsOfView(v), own: true}, State: v.State, TTL: ownTTL, lost: v.Lost}
	if v.Base != nil {
		i.Entry = v.Base.Entry()
	}
	if v.From != nil {
		i.content = v.From.Entry()
	}
	return i
}

func attrsOfView(v *outbox.View) Attrs {
	a := Attrs{Dir: v.Dir, Size: v.Size, Mode: v.Attrs.Mode, UID: v.Attrs.UID, GID: v.Attrs.GID, ModTime: v.Attrs.ModTime, Created: v.Attrs.ModTime}
	if v.Base != nil {
		a.Created = v.Base.Created
	}
	return a
}

// look returns what owed changes say of a name and where else to ask.
func (s *Space) look(dir, name string) (*outbox.View, string, error) {
	if s.outbox == nil {
		return nil, dir, nil
	}
	return s.outbox.Look(dir, name)
}

// remoteDir returns where a directory is on the service, "" when it is not there
// yet.
func (s *Space) remoteDir(dir string) (string, error) {
	if s.outbox == nil {
		return dir, nil
	}
	return s.outbox.RemoteDir(dir)
}

// looks bounds how often something is looked at again because it changed
// meanwhile.
const looks = 50

// steady calls f until nothing changed here while it ran: what the service has and
// what is owed are two looks, and something may go from one to the other between
// them.
func (s *Space) steady(ctx context.Context, f func() error) (err error) {
	if s.outbox == nil {
		return f()
	}
	for range looks {
		seq := s.outbox.Seq()
		if err = f(); seq == s.outbox.Seq() || ctx.Err() != nil {
			break
		}
	}
	return err
}

var errNotFound = &remote.Error{Kind: remote.NotFound, Op: "lookup"}

// Lookup returns what is seen at a name. TTL is set also when it is not found.
func (s *Space) Lookup(ctx context.Context, dir, name string) (i Info, err error) {
	err = s.steady(ctx, func() error {
		i, err = s.lookup(ctx, dir, name)
		return err
	})
	return i, err
}

func (s *Space) lookup(ctx context.Context, dir, name string) (Info, error) {
	v, remoteDir, err := s.look(dir, name)
	switch {
	case err != nil:
		return Info{}, err
	case v != nil && !v.Opened:
		return infoOfView(name, v), nil
	case v != nil:
		if e, ttl, err := s.tree.Lookup(ctx, remoteDir, name); err == nil && v.Replaced(&e) {
			return s.infoOfNew(&e, ttl), nil
		}
		return infoOfView(name, v), nil
	case remoteDir == "":
		return Info{}, errNotFound
	}
	e, ttl, err := s.tree.Lookup(ctx, remoteDir, name)
	if err != nil {
		return Info{TTL: ttl}, err
	}
	d := s.describe(&e)
	if d.Hidden {
		return Info{}, errNotFound
	}
	return s.infoOf(&e, d, ttl), nil
}

// Known returns what is seen at a name, without asking the service.
func (s *Space) Known(dir, name string) (i Info, ok bool) {
	_ = s.steady(context.Background(), func() error {
		i, ok = s.known(dir, name)
		return nil
	})
	return i, ok
}

func (s *Space) known(dir, name string) (Info, bool) {
	v, remoteDir, err := s.look(dir, name)
	if err != nil {
		return Info{}, false
	}
	l, ok := s.tree.Listed(remoteDir)
	var e remote.Entry
	if ok {
		e, ok = l.Get(name)
	}
	switch {
	case v != nil && ok && v.Replaced(&e):
		return s.infoOfNew(&e, s.tree.Fresh(l)), true
	case v != nil:
		return infoOfView(name, v), true
	case !ok:
		return Info{}, false
	}
	d := s.describe(&e)
	return s.infoOf(&e, d, s.tree.Fresh(l)), !d.Hidden
}

// Gone reports whether it is known, without asking the service, that nothing is
// seen at a name.
func (s *Space) Gone(dir, name string) (gone bool) {
	_ = s.steady(context.Background(), func() error {
		v, remoteDir, err := s.look(dir, name)
		if gone = err != nil || remoteDir == "" && v == nil; gone || v != nil {
			return nil
		}
		l, ok := s.tree.Listed(remoteDir)
		if !ok {
			return nil
		}
		e, ok := l.Get(name)
		gone = !ok || s.describe(&e).Hidden
		return nil
	})
	return gone
}

// URL returns where the content of e can be fetched by anyone who has the URL. A
// private one is signed anew and expires (after 15 minutes by default).
func (s *Space) URL(ctx context.Context, e remote.Entry) (string, error) {
	if s.files.Space() == remote.Public && e.URL != "" {
		return e.URL, nil
	}
	now, err := s.files.Get(ctx, e.ID)
	return now.URL, err
}
