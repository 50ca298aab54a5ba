package fs

import "context"

// patient returns ctx as it is: macFUSE interrupts for signals that end a call.
func patient(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithCancel(ctx)
}
