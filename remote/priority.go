package remote

import "context"

type backgroundKey struct{}

// Background marks calls that nobody waits for: the others go before them.
func Background(ctx context.Context) context.Context {
	return context.WithValue(ctx, backgroundKey{}, true)
}
