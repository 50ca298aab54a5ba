package remote

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// call is one request to the API host.
type call struct {
	op     op
	method string
	path   string // escaped, from the base URL on
	query  url.Values
	body   any  // sent as JSON when not nil
	repeat bool // carrying it out twice is the same as once
	single bool // never repeated: it destroys what the caller has looked at before
	anon   bool // without the token
}

// do carries out k, with repetitions, and decodes the answer into out.
func (c *Client) do(ctx context.Context, k call, out any) error {
	var payload []byte
	if k.body != nil {
		var err error
		if payload, err = json.Marshal(k.body); err != nil {
			return &Error{Kind: Invalid, Op: k.op.String(), Err: err}
		}
	}
	if k.single {
		ctx, cancel := context.WithTimeout(ctx, c.timeout)
		defer cancel()
		return c.once(ctx, k, payload, out)
	}
	return c.retry(ctx, k.op, k.repeat, func(wait context.Context) error { return c.once(wait, k, payload, out) })
}

// once carries out k without repetition.
func (c *Client) once(ctx context.Context, k call, payload []byte, out any) error {
	req, err := c.newRequest(ctx, k, payload)
	if err != nil {
		return err
	}
	slot, err := c.apiPace.enter(ctx, k.op)
	if err != nil {
		return err
	}
	if !k.anon { // once more, as the wait may have been long
		if err := c.authorise(req, k.op); err != nil {
			slot.done(ctx, context.Canceled) // nothing was sent
			return err
		}
	}
	err = c.roundTrip(req, k, out)
	slot.done(ctx, err)
	return err
}

func (c *Client) newRequest(ctx context.Context, k call, payload []byte) (*http.Request, error) {
	target := c.base.String() + k.path
	if len(k.query) > 0 {
		target += "?" + k.query.Encode()
	}
	var body io.Reader
	if payload != nil {
		body = bytes.NewReader(payload)
	}
	req, err := http.NewRequestWithContext(ctx, k.method, target, body)
	if err != nil {
		return nil, &Error{Kind: Invalid, Op: k.op.String(), Err: err}
	}
	if payload != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	if !k.anon {
		if err := c.authorise(req, k.op); err != nil {
			return nil, err
		}
	}
	return req, nil
}

// roundTrip sends one request to the API host and reads its answer to its end.
func (c *Client) roundTrip(req *http.Request, k call, out any) error {
	req.Header.Set("Accept", "application/json")
	req.Header.Set("User-Agent", c.agent)
	// A hung answer must leave time for another try.
	ctx, cancel := context.WithTimeout(req.Context(), attemptTimeout(c.timeout))
	defer cancel()
	c.count[k.op].Add(1)
	resp, err := c.api.Do(req.WithContext(ctx))
	if err != nil {
		return transportError(k.op, k.method, err)
	}
	defer resp.Body.Close()
	c.clock.note(resp)
	body := &noted{r: io.LimitReader(resp.Body, maxAnswer)}
	if resp.StatusCode >= 300 {
		data, _ := io.ReadAll(body)
		e := answerError(k.op, resp, data)
		e.Ambiguous = k.method != http.MethodGet && e.Kind == Unreachable
		switch {
		case k.anon:
		case resp.StatusCode == http.StatusUnauthorized:
			c.refuse(req.Header.Get("Authorization"), e)
		case e.Type != "" && e.Kind != Unreachable && e.Kind != Throttled: // the API looked at more than the token
			c.refused.clear()
		}
		return e
	}
	if resp.StatusCode == http.StatusNoContent {
		out = nil
	}
	err = readAnswer(body, out)
	switch {
	case body.err != nil:
		return transportError(k.op, k.method, body.err)
	case err != nil:
		return &Error{Kind: Unreachable, Op: k.op.String(), Status: resp.StatusCode, Ambiguous: k.method != http.MethodGet,
			Message: "the answer is not the API's", Err: err}
	}
	if !k.anon {
		c.refused.clear()
	}
	return nil
}

// readAnswer reads JSON to its end: a page while it arrives, as it is large.
func readAnswer(r io.Reader, out any) error {
	if p, ok := out.(*Page); ok {
		return p.read(r)
	}
	data, err := io.ReadAll(r)
	if err != nil || out == nil {
		return err
	}
	return json.Unmarshal(data, out)
}

// noted keeps the error that reading ended with, which is not that of a decoder.
type noted struct {
	r   io.Reader
	err error
}

func (n *noted) Read(p []byte) (int, error) {
	k, err := n.r.Read(p)
	if err != io.EOF {
		n.err = err
	}
	return k, err
}

// maxAnswer bounds what one JSON answer may take: 1,000 entries of the largest
// names and directories the schema allows stay below it.
const maxAnswer = 32 << 20

// answerError reads an error answer, which need not be JSON.
func answerError(o op, resp *http.Response, data []byte) *Error {
	e := &Error{Kind: kindOfStatus(resp.StatusCode), Op: o.String(), Status: resp.StatusCode,
		RetryAfter: retryAfter(resp.Header.Get("Retry-After"))}
	if resp.Request.Method == http.MethodGet && (e.Kind == Exists || e.Kind == TooLarge) {
		e.Kind = Unreachable // of what is only read neither can be true
	}
	var body struct{ Type, Message string }
	if json.Unmarshal(data, &body) == nil {
		e.Type, e.Message = body.Type, body.Message
	}
	if e.Message == "" {
		e.Message = http.StatusText(resp.StatusCode)
	}
	return e
}

// retryAfter reads both forms of the header (RFC 9110, 10.2.3).
func retryAfter(v string) time.Duration {
	// ParseInt returns the largest number for what is larger.
	if s, err := strconv.ParseInt(strings.TrimSpace(v), 10, 64); s > 0 && (err == nil || errors.Is(err, strconv.ErrRange)) {
		return time.Duration(min(s, math.MaxInt64/int64(time.Second))) * time.Second
	}
	if t, err := http.ParseTime(v); err == nil {
		return max(0, time.Until(t))
	}
	return 0
}

// transportError describes a request that got no (whole) answer. The URL that
// net/http puts into its errors is dropped: it may be a signed one.
func transportError(o op, method string, err error) error {
	if errors.Is(err, context.Canceled) {
		return context.Canceled
	}
	var ue *url.Error
	if errors.As(err, &ue) {
		err = ue.Err
	}
	e := &Error{Kind: Unreachable, Op: o.String(), Message: "no answer", Err: err}
	switch {
	case errors.Is(err, context.DeadlineExceeded):
		e.Message, e.Err = "no answer in time", nil
	case errors.Is(err, io.EOF):
		// Whoever reads content must not take it for the end of the file.
		e.Message, e.Err = "the connection was closed without an answer", nil
	}
	// Nothing was sent where no connection was made.
	var oe *net.OpError
	dialed := errors.As(err, &oe) && oe.Op == "dial" || errors.Is(err, syscall.ECONNREFUSED)
	e.Ambiguous = method != http.MethodGet && !dialed
	return e
}

func (c *Client) appPath(app, rest string) string {
	return fmt.Sprintf("/applications/%s/%s", url.PathEscape(app), rest)
}
