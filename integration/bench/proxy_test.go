package main

import (
	"bytes"
	"crypto/sha256"
	"io"
	"math/rand/v2"
	"net"
	"testing"
	"time"
)

// serveTCP gives each connection to serve, behind a proxy, and returns a client's.
func serveTCP(t *testing.T, delay time.Duration, serve func(net.Conn)) (net.Conn, *proxy) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer c.Close()
				serve(c)
			}()
		}
	}()
	p, err := newProxy(l.Addr().String(), delay)
	if err != nil {
		t.Fatal(err)
	}
	c, err := net.Dial("tcp", p.addr())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = c.Close()
		if err := p.Close(); err != nil {
			t.Error(err)
		}
		_ = l.Close()
	})
	return c, p
}

// A byte takes the delay to the server, and the answer takes it once more.
func TestProxyDelaysBothWays(t *testing.T) {
	const delay = 50 * time.Millisecond
	arrived := make(chan time.Time, 1)
	c, p := serveTCP(t, delay, func(s net.Conn) {
		buf := make([]byte, 100)
		n, _ := s.Read(buf)
		arrived <- time.Now()
		_, _ = s.Write(buf[:n])
	})
	began := time.Now()
	request := []byte("GET / HTTP/1.1\r\n\r\n")
	if _, err := c.Write(request); err != nil {
		t.Fatal(err)
	}
	buf := make([]byte, len(request))
	if _, err := io.ReadFull(c, buf); err != nil || !bytes.Equal(buf, request) {
		t.Fatalf("%q, %v", buf, err)
	}
	if there := (<-arrived).Sub(began); there < delay || there >= 2*delay {
		t.Errorf("it arrived after %v, want one delay of %v", there, delay)
	}
	if back := time.Since(began); back < 2*delay {
		t.Errorf("the answer came after %v, want two delays of %v", back, delay)
	}
	if n := p.requests.Load(); n != 1 {
		t.Errorf("%d requests were counted", n)
	}
	if n := p.received.Load(); n != int64(len(request)) {
		t.Errorf("%d bytes were counted", n)
	}
}

// All bytes arrive in their order, and the end after them.
func TestProxyKeepsTheOrder(t *testing.T) {
	sums := make(chan [32]byte, 1)
	c, _ := serveTCP(t, time.Millisecond, func(s net.Conn) {
		sum := sha256.New()
		_, _ = io.Copy(sum, s)
		sums <- [32]byte(sum.Sum(nil))
	})
	data := make([]byte, 8<<20)
	_, _ = rand.NewChaCha8([32]byte{}).Read(data)
	for rest := data; len(rest) > 0; {
		n := min(len(rest), 1+rand.IntN(300_000))
		if _, err := c.Write(rest[:n]); err != nil {
			t.Fatal(err)
		}
		rest = rest[n:]
	}
	if err := c.(*net.TCPConn).CloseWrite(); err != nil {
		t.Fatal(err)
	}
	select {
	case got := <-sums:
		if got != sha256.Sum256(data) {
			t.Error("other bytes arrived")
		}
	case <-time.After(10 * time.Second):
		t.Error("the end did not arrive")
	}
}
