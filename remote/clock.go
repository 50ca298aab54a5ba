package remote

import (
	"net/http"
	"sync"
	"time"
)

// clock compares this machine's clock with the service's.
type clock struct {
	mu    sync.Mutex
	ahead time.Duration
	known bool
}

// note reads the time at which the API answered, which it gives to the second.
func (c *clock) note(resp *http.Response) {
	at, err := http.ParseTime(resp.Header.Get("Date"))
	if err != nil {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.ahead, c.known = time.Until(at).Round(time.Second), true
}

// ClockAhead returns how far the service's clock was ahead of this machine's when
// the API last answered, to about a second; false when it has not said.
func (c *Client) ClockAhead() (time.Duration, bool) {
	c.clock.mu.Lock()
	defer c.clock.mu.Unlock()
	return c.clock.ahead, c.clock.known
}
