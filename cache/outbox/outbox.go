package outbox

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"time"

	"github.com/hashicorp/golang-lru/v2/simplelru"
	"golang.org/x/sys/unix"

	"losantfs/cache/draft"
	"losantfs/cache/inode"
	"losantfs/remote"
)

// ErrClosed is returned once the outbox is closed.
var ErrClosed = errors.New("the outbox is closed")

// Service is what the outbox needs of the API.
type Service interface {
	List(ctx context.Context, o remote.ListOptions) (remote.Page, error)
	ListDirectory(ctx context.Context, dir string) ([]remote.Entry, error)
	Get(ctx context.Context, id string) (remote.Entry, error)
	Create(ctx context.Context, n remote.NewEntry) (remote.Entry, remote.Ticket, error)
	Patch(ctx context.Context, id string, size int64, contentType string, d *remote.Dimensions) (remote.Entry, remote.Ticket, error)
	Move(ctx context.Context, id, parent, name string) (remote.Entry, error)
	Delete(ctx context.Context, id string) error
	Upload(ctx context.Context, t remote.Ticket, name string, content io.ReaderAt, size int64, sum string) error
}

// Listing is what the service has in a directory.
type Listing struct {
	Entries []remote.Entry
	Unseen  int // entries besides, which cannot be shown
	Moving  int // entries besides, which are being moved
}

// Known is what the outbox needs of the rest of the cache.
type Known interface {
	// Listing returns a directory of the service as of the given time or later.
	Listing(ctx context.Context, dir string, since time.Time) (Listing, error)
	// Changed says that an entry of the service is now as given.
	Changed(e remote.Entry)
	// Made says that a directory was made from here, and holds nothing.
	Made(e remote.Entry)
	// Removed says that an entry of the service is gone, with all below it.
	Removed(e remote.Entry)
	// Freeze makes what is known below a directory believed until thaw is called:
	// the service is moving it.
	Freeze(dir string) (thaw func())
	// Same says that the content of an entry is also that of another, which it
	// was moved to.
	Same(from, to remote.Entry)
	// Secure makes content that is open here independent of the service, where
	// it is about to be replaced or deleted.
	Secure(ctx context.Context, e remote.Entry) error
	// Base opens the content of a version.
	Base(e remote.Entry) draft.Base
	// Keep takes over a file as the content of a version.
	Keep(e remote.Entry, path string)
	// MakeRoom drops what is only kept: the disk is full.
	MakeRoom()
	// Discard undoes Keep: the content was not that of the version.
	Discard(e remote.Entry)
}

// Options of an outbox.
type Options struct {
	Dir     string // of the journal and the drafts, private to the user
	Space   remote.Space
	Settle  time.Duration
	Uploads int // at once
	Service Service
	Known   Known
	Local   func(name string) bool // names that never leave the machine
	Logger  *slog.Logger
}

// Outbox is what this machine owes one space of an application.
type Outbox struct {
	o    Options
	log  *slog.Logger
	ctx  context.Context
	stop context.CancelFunc
	work sync.WaitGroup
	wake chan struct{}
	lock *os.File

	mu         sync.Mutex
	journal    *journal
	marks      marks
	root       *Node
	nodes      map[uint64]*Node
	last       uint64
	owner      map[string]*Node          // by id of entry
	dirs       map[string]*Node          // by place of their entry
	users      map[string]map[*Node]bool // by id of entry: nodes whose From it is
	gone       map[string]*gone          // by id of entry
	gonePlaces map[string]*gone          // by place
	begun      map[string]*begun         // by place
	moves      map[string]*move          // by id of entry
	trails     map[string]*trail         // by id of entry: moves under way
	attrs      map[string]Attrs          // by id of entry
	clashed    clashed
	byIno      map[inode.ID]*Node // files with a draft, also those that are only open
	claimed    map[string]bool    // places of the service that steps work on
	closed     bool
	lastGone   time.Time     // when something was last removed
	seq        uint64        // counts what changes here
	changes    chan struct{} // closed and replaced when anything changes

	// What the kernel may still ask for, of nodes that are no more.
	pins    *simplelru.LRU[string, pin]     // by id of entry
	became  *simplelru.LRU[inode.ID, *Base] // files that were changed or moved here
	trailed *simplelru.LRU[string, *Base]   // by id of entry: what it became by a move

	awaiting awaiting
}

// pin keeps the identity of a node that became an entry.
type pin struct {
	inode.ID
	version string
}

// remembered bounds what is kept of nodes that are no more.
const remembered = 1 << 16

// Open reads what earlier mounts left. Start begins to send it.
func Open(o Options) (*Outbox, error) {
	if err := os.MkdirAll(o.Dir, 0o700); err != nil {
		return nil, fmt.Errorf("the folder for what is owed cannot be used: %w", err)
	}
	if err := makeWay(filepath.Join(o.Dir, "lock"), fs.FileMode.IsRegular); err != nil {
		return nil, err
	}
	lock, err := lockDir(o.Dir)
	if err != nil {
		return nil, err
	}
	b := &Outbox{o: o, lock: lock, log: o.Logger, wake: make(chan struct{}, 1), changes: make(chan struct{}),
		marks: newMarks(), nodes: map[uint64]*Node{}, owner: map[string]*Node{}, dirs: map[string]*Node{}, users: map[string]map[*Node]bool{},
		gone: map[string]*gone{}, gonePlaces: map[string]*gone{}, begun: map[string]*begun{}, moves: map[string]*move{},
		trails: map[string]*trail{}, attrs: map[string]Attrs{}, clashed: newClashed(), byIno: map[inode.ID]*Node{}, claimed: map[string]bool{}}
	b.ctx, b.stop = context.WithCancel(remote.Background(context.Background()))
	b.pins, _ = simplelru.NewLRU[string, pin](remembered, nil)
	b.trailed, _ = simplelru.NewLRU[string, *Base](remembered, nil)
	b.became, _ = simplelru.NewLRU[inode.ID, *Base](remembered, nil)
	b.root = &Node{state: state{Dir: true}, children: map[string]*Node{}}
	b.nodes[0] = b.root
	if err := b.restore(); err != nil {
		b.stop()
		lock.Close()
		return nil, fmt.Errorf("reading what is owed: %w", err)
	}
	return b, nil
}

// Start begins to send what is owed.
func (b *Outbox) Start() { b.work.Go(b.run) }

// Close stops sending. What is owed stays on disk for the next mount.
func (b *Outbox) Close() {
	if !b.end() {
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if err := b.journal.f.Sync(); err != nil {
		b.log.Error("syncing the journal", "error", err)
	}
	b.journal.f.Close()
	b.lock.Close()
}

// Abandon ends the outbox as a kill of the process would, for tests: nothing is
// written any more.
func (b *Outbox) Abandon() {
	if !b.end() {
		return
	}
	b.journal.f.Close()
	b.lock.Close()
}

func (b *Outbox) end() bool {
	b.mu.Lock()
	if b.closed {
		b.mu.Unlock()
		return false
	}
	b.closed = true
	b.mu.Unlock()
	b.stop()
	b.work.Wait()
	b.mu.Lock()
	defer b.mu.Unlock()
	b.notify()
	for _, n := range b.byIno {
		if n.draft != nil {
			n.draft.Close()
		}
	}
	return true
}

// ErrLocked says that another mount uses the folder.
var ErrLocked = errors.New("the folder is in use by another mount")

// lockDir makes sure that one process at a time owes from a folder. The lock ends
// with the process.
func lockDir(dir string) (*os.File, error) {
	f, err := os.OpenFile(filepath.Join(dir, "lock"), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	if err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		f.Close()
		if errors.Is(err, unix.EWOULDBLOCK) {
			return nil, ErrLocked
		}
		return nil, err
	}
	return f, nil
}

// notify wakes who waits for a change, and the loop that sends.
func (b *Outbox) notify() {
	close(b.changes)
	b.changes = make(chan struct{})
	b.poke()
}

// poke makes the loop look again.
func (b *Outbox) poke() {
	select {
	case b.wake <- struct{}{}:
	default:
	}
}

func (b *Outbox) draftPath(id uint64) string {
	return filepath.Join(b.o.Dir, "drafts", strconv.FormatUint(id, 10))
}
