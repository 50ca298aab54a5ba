package outbox

import (
	"sync/atomic"
	"time"

	"losantfs/cache/draft"
	"losantfs/cache/inode"
	"losantfs/remote"
)

// state is what the journal keeps of a node.
type state struct {
	Parent  uint64    `json:"p"` // 0 is the root
	Name    string    `json:"name"`
	Dir     bool      `json:"d,omitempty"`
	Entry   *Base     `json:"entry,omitempty"`   // that the node is, or is to become
	From    *Base     `json:"from,omitempty"`    // whose bytes show where the draft has none
	Draft   bool      `json:"draft,omitempty"`   // it has a draft
	Written bool      `json:"written,omitempty"` // which differs from From
	Local   bool      `json:"local,omitempty"`   // never leaves this machine
	Attrs   Attrs     `json:"attrs"`
	Since   time.Time `json:"since"` // when it first differed from the service
}

// Attrs are what the service has no place for.
type Attrs struct {
	Mode     uint32    `json:"mode,omitempty"` // as in stat(2), with the kind of file; 0: the mount's
	UID      *uint32   `json:"uid,omitempty"`
	GID      *uint32   `json:"gid,omitempty"`
	ModTime  time.Time `json:"mtime"`
	Version  string    `json:"v,omitempty"`        // of the content that ModTime is of
	Conflict *Conflict `json:"conflict,omitempty"` // why it has its name
}

// Node is a name that is not, or not only, what the service says: it is new, has
// other content, came from elsewhere, or has such names below it. All fields are
// guarded by Outbox.mu.
type Node struct {
	id uint64
	state
	task
	parent   *Node
	children map[string]*Node // nil for a file
	detached bool             // no longer in the tree, but perhaps still open

	draft    *draft.Draft
	handles  int // that are open
	writers  int // of these, those that may write
	ino      inode.ID
	former   []inode.ID // that it was known by
	recorded uint64     // generation of the draft that the journal knows of
	aborts   int        // uploads given up for a change since the last that arrived
	abort    func()     // ends an upload under way
	lost     error      // its draft cannot be read
	sent     atomic.Int64
}

// task is the sending of something.
type task struct {
	changed time.Time // of the last change, for settling
	hurry   bool      // does not settle
	busy    bool      // a step is under way
	claims  []string  // places of the service that the step works on
	waits   int       // steps in a row that found that another has to go first
	wait    time.Time // not tried before, after a failure
	tries   int
	err     error // of the last try
	refused bool  // the failure will not heal by itself
}

// touch begins the settling anew.
func (t *task) touch() {
	*t = task{changed: time.Now(), busy: t.busy, claims: t.claims}
}

// standsFor lets a file that takes the place of another be sent no later than that: who
// saves again and again by new files would postpone it for ever.
func (n *Node) standsFor(o *Node) {
	if !n.Dir && !o.Dir && (o.dirty() || o.unrecorded()) && o.Since.Before(n.Since) {
		n.Since = o.Since
	}
}

// differs reports whether a file's content is not that of its entry, as far as
// the journal knows.
func (n *Node) differs() bool { return !n.Dir && (n.Written || !n.From.same(n.Entry)) }

// dirty reports whether the node itself owes the service something.
func (n *Node) dirty() bool {
	if n.Local {
		return n.Entry != nil || n.From != nil // it is still to be brought here
	}
	return n.Entry == nil || !n.inPlace() || n.differs()
}

// idle reports whether a file needs its draft no more.
func (n *Node) idle() bool {
	return n.draft != nil && !n.Local && n.writers == 0 && !n.dirty()
}

// pristine reports whether a file has a draft that nobody has written to, of what
// the service has.
func (n *Node) pristine() bool {
	return n.draft != nil && !n.Written && !n.Local && n.From.same(n.Entry) && !n.draft.Written()
}

// unrecorded reports whether a file was written to since the journal was told.
func (n *Node) unrecorded() bool { return n.draft != nil && n.draft.Generation() != n.recorded }

// inPlace reports whether the entry is where the node is.
func (n *Node) inPlace() bool {
	dir, ok := n.parent.remotePath()
	return ok && n.Entry.Parent == dir && n.Entry.Name == n.Name
}

// remotePath returns where the children of a directory are on the service now.
func (n *Node) remotePath() (string, bool) {
	switch {
	case n.parent == nil:
		return "/", true
	case n.Dir && n.Entry != nil:
		return n.Entry.path(), true
	}
	return "", false
}

// place returns where the node belongs on the service.
func (n *Node) place() (string, bool) {
	dir, ok := n.parent.remotePath()
	return dir + n.Name, ok
}

// path returns where the node is seen: "/a/b".
func (n *Node) path() string {
	if n.parent == nil {
		return ""
	}
	return n.parent.path() + "/" + n.Name
}

// walk calls f for n and everything below it.
func (n *Node) walk(f func(*Node)) {
	f(n)
	for _, c := range n.children {
		c.walk(f)
	}
}

// gone is an entry that is to be deleted on the service.
type gone struct {
	task
	Base  *Base     `json:"base"`
	Since time.Time `json:"since"`
}

// begun is what was sent to a place of the service: until it is seen there, it may
// arrive.
type begun struct {
	task
	at    string // the place
	node  *Node  // that it was begun for, nil after a restart
	Dir   bool   `json:"d,omitempty"`
	New   bool   `json:"new,omitempty"`  // an entry was to be created
	Sent  md5s   `json:"sent,omitempty"` // of the content
	Since time.Time
}

// move is the move of an entry that was begun and is not known to be done.
type move struct {
	task
	Of *Base  `json:"of"`
	To string `json:"to"` // the place
	// Answer is the id of the entry that it becomes, once the service has said so.
	Answer string `json:"answer,omitempty"`
	// Kept are the attributes of what is below it, by path: they get new ids.
	Kept map[string]Attrs `json:"kept,omitempty"`

	before []remote.Entry  // what was below a directory
	left   map[string]bool // ids of these that were found gone, by a look before the last
	thaw   func()
}
