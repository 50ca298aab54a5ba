package watch

import (
	"context"
	"log/slog"
	"math/rand/v2"
	"sync"
	"time"

	"losantfs/cache/tree"
	"losantfs/remote"
)

// Service is what the watcher needs of the API.
type Service interface {
	List(ctx context.Context, o remote.ListOptions) (remote.Page, error)
	ListAll(ctx context.Context) ([]remote.Entry, error)
	ListRest(ctx context.Context, first remote.Page) (all []remote.Entry, whole bool, err error)
	Get(ctx context.Context, id string) (remote.Entry, error)
}

const (
	// idle is how long after the last question polls become rarer, and idleFactor
	// by how much.
	idle       = time.Minute
	idleFactor = 6
	// longest is the longest pause between two polls for failures or for want of
	// questions, unless the interval itself is longer.
	longest = 30 * time.Second
	// firstRead is how long a mount waits until what is known is read again.
	firstRead = 10 * time.Second
	// reread is how often everything that is known is read again.
	reread = 10 * time.Minute
)

// Watcher watches one space. It is safe for concurrent use.
type Watcher struct {
	service  Service
	tree     *tree.Tree
	interval time.Duration
	answers  func() // called when the service answers after it had failed
	log      *slog.Logger
	ctx      context.Context
	stop     context.CancelFunc
	work     sync.WaitGroup
	wake     chan struct{}
	jitter   func(time.Duration) time.Duration // of at least 0 and less than is given

	polled chan struct{} // closed once the first poll has ended

	mu    sync.Mutex
	next  chan struct{} // closed when the poll that was asked for has ended; nil for none
	err   error         // of the last poll
	total int           // of the last poll that worked, -1 before
	saved *State        // as of the last poll that worked
	own   own

	// What follows is the loop's own.
	seen    map[string]state // by id: entries updated last, as of the last poll; nil before the first
	horizon time.Time        // of entries older than this the last poll said nothing
	untold  time.Time        // what was updated before this has been told
	newest  time.Time        // when an entry was last updated, as of the last poll
	ids     map[string]bool  // of all entries that the last poll told of
	// untoldBefore is what untold was for the last poll.
	untoldBefore time.Time
	baseline     baseline
	leaving      map[string]bool // ids of entries that were told to be on their way out at the baseline
	came         map[string]bool // ids of entries that others or this machine have moved
	unread       time.Time       // what is known from before this has to be read again; zero for nothing
	lastRead     time.Time       // when all that is known was last read
	failed       bool
	learn        bool // the first poll lists the whole space
	restored     bool // the first poll compares with what an earlier watcher saw
}

// New returns a watcher of what is known in t. It begins with Start.
func New(service Service, t *tree.Tree, interval time.Duration, answers func(), log *slog.Logger) *Watcher {
	w := &Watcher{service: service, tree: t, interval: interval, answers: answers, log: log, jitter: rand.N[time.Duration],
		total: -1, polled: make(chan struct{}), wake: make(chan struct{}, 1), leaving: map[string]bool{}, came: map[string]bool{}, own: newOwn(), lastRead: time.Now()}
	ctx, stop := context.WithCancel(context.Background())
	w.ctx, w.stop = remote.Background(ctx), stop
	return w
}

// Learn makes the first poll list the whole space, unless it is a large one: its answer is
// the first page then. It is called before Start, where nothing is known.
func (w *Watcher) Learn() { w.learn = true }

// Start begins to poll, at once.
func (w *Watcher) Start() { w.work.Go(w.run) }

// Close ends polling.
func (w *Watcher) Close() {
	w.stop()
	w.work.Wait()
	w.ended(nil, 0, w.ctx.Err())
}

// Err returns why the last poll failed.
func (w *Watcher) Err() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.err
}

// Total returns how many entries the space had at the last poll that worked.
func (w *Watcher) Total() (n int, ok bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.total, w.total >= 0
}

// Polled returns a channel that is closed once the first poll has ended, or the
// watcher is closed.
func (w *Watcher) Polled() <-chan struct{} { return w.polled }

func (w *Watcher) hasPolled() bool {
	select {
	case <-w.polled:
		return true
	default:
		return false
	}
}

// Look polls soon, and returns a channel that is closed once a poll that began
// after the call, or the very first one, has ended, or the watcher is closed.
func (w *Watcher) Look() <-chan struct{} {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.ctx.Err() != nil {
		ended := make(chan struct{})
		close(ended)
		return ended
	}
	if !w.hasPolled() {
		return w.polled
	}
	if w.next == nil {
		w.next = make(chan struct{})
	}
	select {
	case w.wake <- struct{}{}:
	default:
	}
	return w.next
}

func (w *Watcher) run() {
	timer := time.NewTimer(0)
	defer timer.Stop()
	var last time.Time
	for tries := 0; ; {
		select {
		case <-w.ctx.Done():
			return
		case <-w.wake:
		case <-timer.C:
			if time.Since(last) < w.rest() {
				timer.Reset(w.pause(0))
				continue
			}
		}
		last = time.Now()
		w.mu.Lock()
		asked := w.next
		w.next = nil
		select {
		case <-w.wake: // this is the poll it asks for
		default:
		}
		w.mu.Unlock()
		total, err := w.poll()
		if !w.hasPolled() && err == nil {
			// What an earlier mount knew may show what this machine has removed since.
			ctx, cancel := context.WithTimeout(w.ctx, firstRead)
			w.read(ctx, total)
			cancel()
		}
		w.ended(asked, total, err)
		if err == nil {
			w.read(w.ctx, total)
		}
		tries++
		if err == nil {
			tries = 0
		}
		timer.Reset(w.pause(tries))
	}
}

// ended tells those who asked for a poll that it has ended.
func (w *Watcher) ended(asked chan struct{}, total int, err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.err = err
	if err == nil {
		w.total = total
	}
	if asked != nil {
		close(asked)
	}
	if !w.hasPolled() {
		close(w.polled)
	}
	if w.next != nil && w.ctx.Err() != nil {
		close(w.next)
		w.next = nil
	}
}

// rest returns how long nothing is asked after a poll, when nobody wants to know.
func (w *Watcher) rest() time.Duration {
	if time.Since(w.tree.Asked()) < idle {
		return 0
	}
	return min(idleFactor*w.interval, longest)
}

// pause returns how long to wait for the next poll: longer when the service fails.
// It is at most the interval where it does not, and not the same for all clients.
func (w *Watcher) pause(tries int) time.Duration {
	p := w.interval
	if tries > 1 {
		p = min(p<<min(tries-1, 10), max(p, longest))
	}
	return p - w.jitter(p/5+1)
}
