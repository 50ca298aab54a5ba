package remote

import (
	"net/http"
	"sync"
	"time"
)

// authorise puts the token on a request to the API host.
func (c *Client) authorise(req *http.Request, o op) error {
	token, err := c.token()
	if err != nil {
		return &Error{Kind: Denied, Op: o.String(), Message: "no usable token", Err: err}
	}
	value := "Bearer " + token
	if err := c.refused.check(value); err != nil {
		return err
	}
	req.Header.Set("Authorization", value)
	return nil
}

// refusedPause is how long a token that was refused is not sent again. Without
// it every access of every program would be another refused call.
const refusedPause = 10 * time.Second

// refusedToken remembers the last token the service answered 401 to.
type refusedToken struct {
	mu    sync.Mutex
	value string
	until time.Time
	err   *Error
}

func (r *refusedToken) set(value string, err *Error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.value, r.until, r.err = value, time.Now().Add(refusedPause), err
}

func (r *refusedToken) check(value string) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.err != nil && r.value == value && time.Now().Before(r.until) {
		return r.err
	}
	return nil
}
