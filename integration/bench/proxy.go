package main

import (
	"bytes"
	"net"
	"sync"
	"sync/atomic"
	"time"
)

// proxy passes TCP connections on, each byte a fixed time after it came in, in order
// and without a limit of bandwidth: a line of a certain length. As with a line that is
// kept open, setting up a connection takes no longer than without it.
type proxy struct {
	listener *net.TCPListener
	target   string
	delay    time.Duration // each way
	requests atomic.Int64  // of HTTP/1.1 that went to the target
	received atomic.Int64  // bytes that came from it

	mu    sync.Mutex
	ended bool
	open  map[net.Conn]struct{}
	work  sync.WaitGroup
}

const (
	chunkBytes = 256 << 10
	// inFlight chunks of a direction are more than any program here sends within the
	// delay: 256 MiB in 25 ms.
	inFlight = 1024
)

// newProxy listens on a port of its own in front of target.
func newProxy(target string, delay time.Duration) (*proxy, error) {
	l, err := net.ListenTCP("tcp", &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		return nil, err
	}
	p := &proxy{listener: l, target: target, delay: delay, open: map[net.Conn]struct{}{}}
	p.work.Go(p.accept)
	return p, nil
}

// addr is where clients connect to.
func (p *proxy) addr() string { return p.listener.Addr().String() }

func (p *proxy) accept() {
	for {
		client, err := p.listener.Accept()
		if err != nil {
			return
		}
		p.work.Go(func() { p.serve(client) })
	}
}

func (p *proxy) serve(client net.Conn) {
	defer client.Close()
	server, err := net.Dial("tcp", p.target)
	if err != nil {
		return
	}
	defer server.Close()
	if !p.hold(client, server) {
		return
	}
	defer p.release(client, server)
	var both sync.WaitGroup
	both.Go(func() {
		p.pass(server, client, func(b []byte) {
			if beginsRequest(b) {
				p.requests.Add(1)
			}
		})
	})
	both.Go(func() { p.pass(client, server, func(b []byte) { p.received.Add(int64(len(b))) }) })
	both.Wait()
}

func (p *proxy) hold(conns ...net.Conn) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, c := range conns {
		p.open[c] = struct{}{}
	}
	return !p.ended
}

func (p *proxy) release(conns ...net.Conn) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, c := range conns {
		delete(p.open, c)
	}
}

// chunk is what was read at once, and when it is to be written.
type chunk struct {
	buf *[chunkBytes]byte
	n   int
	due time.Time
}

var buffers = sync.Pool{New: func() any { return new([chunkBytes]byte) }}

// pass copies one direction to its end and shows what it reads.
func (p *proxy) pass(dst, src net.Conn, show func([]byte)) {
	line := make(chan chunk, inFlight)
	go func() {
		defer close(line)
		for {
			buf := buffers.Get().(*[chunkBytes]byte)
			n, err := src.Read(buf[:])
			if n > 0 {
				show(buf[:n])
				line <- chunk{buf, n, time.Now().Add(p.delay)}
			}
			if err != nil {
				return
			}
		}
	}()
	var failed error
	for c := range line {
		if failed == nil {
			time.Sleep(time.Until(c.due))
			if _, failed = dst.Write(c.buf[:c.n]); failed != nil {
				_ = src.Close() // nobody is left to read for
			}
		}
		buffers.Put(c.buf)
	}
	if half, ok := dst.(interface{ CloseWrite() error }); ok && failed == nil {
		_ = half.CloseWrite()
	} else {
		_ = dst.Close()
	}
}

// beginsRequest reports whether a read begins with a request. Clients of HTTP/1.1 do
// not send the next one before the answer, so a request is at the beginning of a read.
func beginsRequest(b []byte) bool {
	for _, method := range []string{"GET /", "PUT /", "POST /", "HEAD /", "PATCH /", "DELETE /"} {
		if bytes.HasPrefix(b, []byte(method)) {
			return true
		}
	}
	return false
}

// Close ends all connections.
func (p *proxy) Close() error {
	err := p.listener.Close()
	p.mu.Lock()
	p.ended = true
	for c := range p.open {
		_ = c.Close()
	}
	p.mu.Unlock()
	p.work.Wait()
	return err
}
