package emulator

import (
	"context"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
)

// listener accepts the connections of one host and knows those that are open,
// so that they can be reset.
type listener struct {
	*net.TCPListener
	accepted func()
	refuse   func() bool // resets new connections at once while true

	mu   sync.Mutex
	open map[*conn]struct{}
}

// conn is one accepted connection. It embeds the concrete type to keep sendfile.
type conn struct {
	*net.TCPConn
	owner   *listener
	control atomic.Bool // steers the emulator at this moment
}

func (l *listener) Accept() (net.Conn, error) {
	for {
		tcp, err := l.AcceptTCP()
		if err != nil {
			return nil, err
		}
		l.accepted()
		if l.refuse() {
			reset(tcp)
			continue
		}
		c := &conn{TCPConn: tcp, owner: l}
		l.mu.Lock()
		l.open[c] = struct{}{}
		l.mu.Unlock()
		return c, nil
	}
}

func (c *conn) Close() error {
	c.owner.mu.Lock()
	delete(c.owner.open, c)
	c.owner.mu.Unlock()
	return c.TCPConn.Close()
}

// resetAll resets every open connection but those that steer the emulator.
func (l *listener) resetAll() {
	l.mu.Lock()
	defer l.mu.Unlock()
	for c := range l.open {
		if !c.control.Load() {
			reset(c.TCPConn)
		}
	}
}

// reset closes a connection so that the other side sees "connection reset".
func reset(c *net.TCPConn) {
	_ = c.SetLinger(0)
	_ = c.Close()
}

type connKey struct{}

// withConn lets a handler find its connection.
func withConn(ctx context.Context, c net.Conn) context.Context {
	return context.WithValue(ctx, connKey{}, c)
}

// connOf returns the connection a request came on.
func connOf(r *http.Request) *conn {
	c, _ := r.Context().Value(connKey{}).(*conn)
	return c
}
