package cmd

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
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
	body, err := p.send(ctx, route, query)
	if err != nil {
		return err
	}
	defer body.Close()
	return json.NewDecoder(body).Decode(out)
}

// follow sends a request that is answered by reports, hands each to show, and
// returns the last one. It lasts as long as the work does.
func (p *peer) follow(ctx context.Context, route string, query url.Values, show func(owedSum)) (last drainReport, err error) {
	body, err := p.send(ctx, route, query)
	if err != nil {
		return last, err
	}
	defer body.Close()
	for lines := json.NewDecoder(body); ; show(last.owedSum) {
		var next drainReport
		switch err := lines.Decode(&next); {
		case err == io.EOF:
			return last, nil
		case ctx.Err() != nil:
			return last, ctx.Err()
		case err != nil:
			return last, fmt.Errorf("the process that serves the mount ended too early: %w", err)
		}
		last = next
	}
}

// send sends one request and returns the body of the answer, to be closed.
func (p *peer) send(ctx context.Context, route string, query url.Values) (io.ReadCloser, error) {
	method, path, _ := strings.Cut(route, " ")
	req, err := http.NewRequestWithContext(ctx, method, "http://losantfs"+path+"?"+query.Encode(), nil)
	if err != nil {
		return nil, err
	}
	resp, err := p.http.Do(req)
	switch {
	case errors.Is(err, syscall.ECONNREFUSED), errors.Is(err, fs.ErrNotExist):
		return nil, errNoPeer
	case errors.Is(err, context.DeadlineExceeded):
		return nil, fmt.Errorf("the process that listens at %s does not answer", p.socket)
	case err != nil:
		return nil, fmt.Errorf("asking the process that serves the mount: %w", err)
	case resp.StatusCode < 300:
		return resp.Body, nil
	}
	defer resp.Body.Close()
	var r refusal
	if json.NewDecoder(resp.Body).Decode(&r) != nil || r.Error == "" {
		return nil, fmt.Errorf("the process that serves the mount answers %s", resp.Status)
	}
	return nil, errors.New(r.Error)
}

var errNoPeer = errors.New("no process serves this mount")
