package cmd

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/http"
	"net/url"
	"strings"
	"syscall"
)

// peer is the process that serves a mount, as the other commands see it.
type peer struct {
	socket string
	http   *http.Client
}

func newPeer(socket string) *peer {
	return &peer{socket, &http.Client{Transport: &http.Transport{
		DisableKeepAlives: true,
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, "unix", socket)
		},
	}}}
}

// ask sends one request and decodes the answer into out. errNoPeer means that
// nobody listens.
func (p *peer) ask(ctx context.Context, route string, query url.Values, out any) error {
	method, path, _ := strings.Cut(route, " ")
	req, err := http.NewRequestWithContext(ctx, method, "http://losantfs"+path+"?"+query.Encode(), nil)
	if err != nil {
		return err
	}
	resp, err := p.http.Do(req)
	switch {
	case errors.Is(err, syscall.ECONNREFUSED), errors.Is(err, fs.ErrNotExist):
		return errNoPeer
	case errors.Is(err, context.DeadlineExceeded):
		return fmt.Errorf("the process that listens at %s does not answer", p.socket)
	case err != nil:
		return fmt.Errorf("asking the process that serves the mount: %w", err)
	}
	defer resp.Body.Close()
	if resp.StatusCode >= 300 {
		var r refusal
		if json.NewDecoder(resp.Body).Decode(&r) != nil || r.Error == "" {
			return fmt.Errorf("the process that serves the mount answers %s", resp.Status)
		}
		return errors.New(r.Error)
	}
	return json.NewDecoder(resp.Body).Decode(out)
}

var errNoPeer = errors.New("no process serves this mount")
