package remote

import "context"

// priority orders the requests that wait to go.
type priority int

const (
	interactive priority = iota // a program waits for the answer
	background
)

type backgroundKey struct{}

// Background marks the calls made with a context as work for which no program
// waits: they go after all others, and hardly at all while the service cannot be
// reached.
func Background(ctx context.Context) context.Context { return BackgroundUntil(ctx, nil) }

// BackgroundUntil is [Background] until needed is closed: from then on a program waits.
func BackgroundUntil(ctx context.Context, needed <-chan struct{}) context.Context {
	return context.WithValue(ctx, backgroundKey{}, needed)
}

func priorityOf(ctx context.Context) priority {
	needed, ok := ctx.Value(backgroundKey{}).(<-chan struct{})
	if !ok {
		return interactive
	}
	select {
	case <-needed:
		return interactive
	default:
		return background
	}
}

// neededFor returns what is closed when a program begins to wait for a background call.
func neededFor(ctx context.Context) <-chan struct{} {
	needed, _ := ctx.Value(backgroundKey{}).(<-chan struct{})
	return needed
}

// IsBackground reports whether a context is one of [Background].
func IsBackground(ctx context.Context) bool { return priorityOf(ctx) == background }
