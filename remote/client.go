package remote

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync/atomic"
	"time"
)

// API hosts of the two platforms.
const (
	LosantURL    = "https://api.losant.com"
	WEGnologyURL = "https://api.app.wnology.io"
)

// Config says how to reach the service.
type Config struct {
	BaseURL string // of the API, [LosantURL] when empty
	// Token returns the bearer token. It is asked for every call, so that a
	// new token is used as soon as there is one.
	Token func() (string, error)
	// OnToken is called when the service refuses the token (401), once for each
	// token, and with nil when it accepts one again. It must not call the client.
	OnToken func(refused *Error)
	// Timeout bounds one call with its repetitions, and how long a transfer
	// may go without a byte. 30 s when zero.
	Timeout   time.Duration
	UserAgent string
	Logger    *slog.Logger // nil discards
}

// Client is the API of one host. It is safe for concurrent use.
type Client struct {
	base                 *url.URL
	token                func() (string, error)
	timeout              time.Duration
	agent                string
	log                  *slog.Logger
	api                  *http.Client // the only one that sends the token
	content              *http.Client // store and content hosts
	apiPace, contentPace *pace
	refused              refusedToken
	count                [len(opNames)]atomic.Int64
	clock                clock
}

// New checks cfg and returns a client; it does not call the service.
func New(cfg Config) (*Client, error) {
	if cfg.BaseURL == "" {
		cfg.BaseURL = LosantURL
	}
	base, err := parseBaseURL(cfg.BaseURL)
	if err != nil {
		return nil, err
	}
	if cfg.Token == nil {
		return nil, errors.New("no token")
	}
	if cfg.Timeout == 0 {
		cfg.Timeout = 30 * time.Second
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	c := &Client{
		apiPace: newPace(cfg.Logger), contentPace: newPace(cfg.Logger),
		base: base, token: cfg.Token, timeout: cfg.Timeout, agent: cfg.UserAgent, log: cfg.Logger,
		api: &http.Client{Transport: newTransport(cfg.Timeout), CheckRedirect: func(r *http.Request, via []*http.Request) error {
			switch {
			case r.URL.Host != base.Host || r.URL.Scheme != base.Scheme:
				return fmt.Errorf("the API redirects to %s, where the token must not go: check the API URL", r.URL.Host)
			case len(via) > maxRedirects || via[0].Method != http.MethodGet:
				return http.ErrUseLastResponse
			}
			return nil
		}},
		content: &http.Client{Transport: newTransport(cfg.Timeout)},
	}
	c.refused.tell = cfg.OnToken
	c.content.CheckRedirect = func(r *http.Request, via []*http.Request) error {
		// It would be a signed URL.
		r.Header.Del("Referer")
		if len(via) > maxRedirects {
			return errors.New("too many redirects")
		}
		return c.refuseTarget(r.URL)
	}
	return c, nil
}

const maxRedirects = 3

// Hurry looks at once whether the service can be reached again, where background calls
// wait for that, with a call for an application; so they go as soon as it answers. It
// makes no call where nothing waits.
func (c *Client) Hurry(ctx context.Context, app string) {
	c.contentPace.probeNow()
	if c.apiPace.holdsBack(Background(ctx)) {
		_, _ = c.Application(ctx, app)
	}
}

// Close drops the idle connections.
func (c *Client) Close() {
	c.apiPace.stop()
	c.contentPace.stop()
	c.api.CloseIdleConnections()
	c.content.CloseIdleConnections()
}

// URL returns the API's base URL, without a trailing slash.
func (c *Client) URL() string { return c.base.String() }

// parseBaseURL accepts https, and plain http only where nobody can listen.
func parseBaseURL(s string) (*url.URL, error) {
	u, err := url.Parse(strings.TrimRight(s, "/"))
	if err != nil || u.Host == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" {
		return nil, fmt.Errorf("this is not the URL of an API; one looks like %s", LosantURL)
	}
	if u.Scheme != "https" && (u.Scheme != "http" || !loopback(u.Hostname())) {
		return nil, fmt.Errorf("the API URL of %s must begin with https://: the token would travel in clear", u.Host)
	}
	return u, nil
}

func loopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// newTransport is tuned for many small calls side by side: by default Go keeps
// two idle connections per host and would dial anew for all others.
func newTransport(timeout time.Duration) *http.Transport {
	t := http.DefaultTransport.(*http.Transport).Clone()
	t.MaxIdleConns = 0
	t.MaxIdleConnsPerHost = 64
	t.ResponseHeaderTimeout = attemptTimeout(timeout)
	t.TLSHandshakeTimeout = attemptTimeout(timeout)
	t.DialContext = (&net.Dialer{Timeout: attemptTimeout(timeout), KeepAlive: 15 * time.Second}).DialContext
	// After a change of network an HTTP/2 connection can be dead for minutes
	// without a sign; a ping finds out.
	t.HTTP2 = &http.HTTP2Config{SendPingTimeout: attemptTimeout(timeout) / 2, PingTimeout: attemptTimeout(timeout) / 2}
	// Content is read by range and checked by MD5: it must come as stored.
	t.DisableCompression = true
	return t
}

// attemptTimeout leaves room for three tries in one call.
func attemptTimeout(timeout time.Duration) time.Duration { return timeout / 3 }
