package remote

import (
	"net/http"
	"sync"
	"time"
)

// authorise puts the token on a request to the API host.
func (c *Client) authorise(req *http.Request, o op) error {
	value, err := c.bearer()
	if err != nil {
		return &Error{Kind: Denied, Op: o.String(), Message: "no usable token", Err: err}
	}
	if err := c.refused.check(value); err != nil {
		return err
	}
	req.Header.Set("Authorization", value)
	return nil
}

// bearer returns the header with the token as it is now.
func (c *Client) bearer() (string, error) {
	token, err := c.token()
	return "Bearer " + token, err
}

// refuse notes that the service answered 401 to a header. A call that began with
// an older token says nothing of the one that is used now.
func (c *Client) refuse(value string, err *Error) {
	if now, tokenErr := c.bearer(); tokenErr == nil && now == value {
		c.refused.set(value, err)
	}
}

// refusedPause is how long a token that was refused is not sent again. Without
// it every access of every program would be another refused call.
const refusedPause = 10 * time.Second

// refusedToken remembers the last token the service answered 401 to.
type refusedToken struct {
	tell func(*Error) // nil when nobody wants to know

	mu    sync.Mutex
	value string // "" since a token was accepted
	until time.Time
	err   *Error
}

func (r *refusedToken) set(value string, err *Error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	known := r.value == value
	r.value, r.until, r.err = value, time.Now().Add(refusedPause), err
	if !known && r.tell != nil {
		r.tell(err)
	}
}

// clear notes that the service accepts the token.
func (r *refusedToken) clear() {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.value == "" {
		return
	}
	r.value, r.err = "", nil
	if r.tell != nil {
		r.tell(nil)
	}
}

func (r *refusedToken) check(value string) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.err != nil && r.value == value && time.Now().Before(r.until) {
		return r.err
	}
	return nil
}
