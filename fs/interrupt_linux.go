package fs

import (
	"context"
	"fmt"
	"os"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/hanwen/go-fuse/v2/fuse"
	"golang.org/x/sys/unix"
)

// patient returns a context that ends when the calling program is about to die,
// and not already when a signal reaches it: the kernel reports every signal as an
// interrupt, and a program that handles a child's end or a timer does not expect
// EINTR from a file. The kernel's own NFS client waits in the same way.
//
// The caller is watched from the first time that somebody asks for the end of the
// context: most calls are answered without waiting, and a goroutine for each would take
// longer than the answer.
func patient(ctx context.Context) (context.Context, context.CancelFunc) {
	caller, ok := fuse.FromContext(ctx)
	if !ok || caller.Pid == 0 {
		return context.WithCancel(ctx)
	}
	p := &patience{Context: context.WithoutCancel(ctx), call: ctx, pid: caller.Pid}
	return p, p.end
}

// patience is the context of a call whose caller is not about to die.
type patience struct {
	context.Context // without an end
	call            context.Context
	pid             uint32

	mu    sync.Mutex
	own   context.Context // nil as long as nobody waits
	stop  func() bool
	close context.CancelFunc // nil as own
}

func (p *patience) Done() <-chan struct{} { return p.watched().Done() }

func (p *patience) Err() error { return p.watched().Err() }

func (p *patience) watched() context.Context {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.own == nil {
		own, cancel := context.WithCancel(p.Context)
		p.own, p.close = own, cancel
		p.stop = context.AfterFunc(p.call, func() { watch(own, cancel, p.pid) })
	}
	return p.own
}

// end is called when the call is answered.
func (p *patience) end() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.own == nil {
		p.own = ended // who asks later
		return
	}
	if p.close != nil {
		p.stop()
		p.close()
	}
}

// ended is over.
var ended = func() context.Context {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	return ctx
}()

// watch cancels a call once its caller is about to die. The kernel says only once that
// there is a signal, so a later one has to be looked for.
func watch(ctx context.Context, cancel context.CancelFunc, pid uint32) {
	for ctx.Err() == nil {
		if dying(pid) {
			cancel()
			return
		}
		select {
		case <-ctx.Done():
		case <-time.After(100 * time.Millisecond):
		}
	}
}

// harmless are the signals that end no program which does not handle them: they do
// nothing, or stop it, and it goes on with its call when it is continued.
const harmless = 1<<(unix.SIGCHLD-1) | 1<<(unix.SIGCONT-1) | 1<<(unix.SIGURG-1) | 1<<(unix.SIGWINCH-1) |
	1<<(unix.SIGSTOP-1) | 1<<(unix.SIGTSTP-1) | 1<<(unix.SIGTTIN-1) | 1<<(unix.SIGTTOU-1)

// dying reports whether a thread has a signal pending that it neither handles nor
// blocks nor ignores, or is gone (proc(5), the status file).
func dying(pid uint32) bool {
	data, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return true
	}
	set := map[string]uint64{}
	for line := range strings.Lines(string(data)) {
		name, value, _ := strings.Cut(line, ":")
		switch name {
		case "SigPnd", "ShdPnd", "SigBlk", "SigIgn", "SigCgt":
			set[name], _ = strconv.ParseUint(strings.TrimSpace(value), 16, 64)
		}
	}
	pending := set["SigPnd"] | set["ShdPnd"]
	return pending&^(set["SigBlk"]|set["SigIgn"]|set["SigCgt"]|harmless) != 0
}
