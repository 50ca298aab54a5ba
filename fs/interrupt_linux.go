package fs

import (
	"context"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/hanwen/go-fuse/v2/fuse"
	"golang.org/x/sys/unix"
)

// patient returns a context that ends when the calling program is about to die,
// and not already when a signal reaches it: the kernel reports every signal as an
// interrupt, and a program that handles a child's end or a timer does not expect
// EINTR from a file. The kernel's own NFS client waits in the same way.
func patient(ctx context.Context) (context.Context, context.CancelFunc) {
	caller, ok := fuse.FromContext(ctx)
	if !ok || caller.Pid == 0 {
		return context.WithCancel(ctx)
	}
	own, cancel := context.WithCancel(context.WithoutCancel(ctx))
	stop := context.AfterFunc(ctx, func() {
		// The kernel says it once only, so a later signal has to be looked for.
		for own.Err() == nil {
			if dying(caller.Pid) {
				cancel()
				return
			}
			select {
			case <-own.Done():
			case <-time.After(100 * time.Millisecond):
			}
		}
	})
	return own, func() { stop(); cancel() }
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
