package remote

import "context"

// priority orders the requests that wait to go.
type priority int

const (
	interactive priority = iota // a program waits for the answer
	background
)

type priorityKey struct{}

// Background marks the calls made with a context as work for which no program
// waits: they go after all others, and hardly at all while the service cannot be
// reached.
func Background(ctx context.Context) context.Context {
	return context.WithValue(ctx, priorityKey{}, background)
}

func priorityOf(ctx context.Context) priority {
	p, _ := ctx.Value(priorityKey{}).(priority)
	return p
}

// IsBackground reports whether a context is one of [Background].
func IsBackground(ctx context.Context) bool { return priorityOf(ctx) == background }
