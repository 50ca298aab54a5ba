// Package emulator serves the application files of the Losant API from a folder,
// on loopback: the API itself, the object store that takes uploads, the CDN in
// front of public contents and the host of signed URLs for private ones. It is
// for the demo, for development and for tests.
//
// What is documented or was observed of the service is fixed here; what is not
// known, and every fault worth testing against, is a switch with a name.
//
// Locks: state.mu guards all entries and contents; switches, counter and cdn
// have leaf locks of their own. No lock is held while a request body is read, an
// answer is sent or a delay passes.
package emulator

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"
)

// Config says where and how to serve.
type Config struct {
	// Dir is the state folder, created with mode 0700 if missing. What was
	// answered survives a restart and a kill.
	Dir string
	// Listen is the address of the API, by default "127.0.0.1:0". The other hosts
	// take ports of their own. Only loopback addresses are accepted.
	Listen string
	// Front returns the address at which clients reach what listens at addr, such as
	// that of a proxy between; nil: addr itself.
	Front func(addr string) (string, error)
	// Logger receives one line per request at level debug; nil discards.
	Logger *slog.Logger
}

// Server is a running emulator. Its methods are safe for concurrent use.
type Server struct {
	log    *slog.Logger
	front  func(addr string) (string, error)
	st     *state
	sw     *switches
	counts counter
	cdn    cdn

	revoked sync.Map // ids of tokens

	api, store, public, private *host

	ctx    context.Context // ends at Close
	cancel context.CancelFunc
	mu     sync.Mutex
	closed bool
	work   sync.WaitGroup // requests, jobs and serving goroutines
}

// host is one listener with its server.
type host struct {
	listener *listener
	server   *http.Server
	url      string // without a trailing slash
	serve    func(*answer, *http.Request)
}

// Start loads the state folder and serves it until Close.
func Start(cfg Config) (*Server, error) {
	if cfg.Dir == "" {
		return nil, fmt.Errorf("emulator: no state folder given")
	}
	if cfg.Listen == "" {
		cfg.Listen = "127.0.0.1:0"
	}
	addr, err := net.ResolveTCPAddr("tcp", cfg.Listen)
	if err != nil {
		return nil, fmt.Errorf("emulator: %w", err)
	}
	if !addr.IP.IsLoopback() {
		return nil, fmt.Errorf("emulator: %s is not a loopback address such as 127.0.0.1:8080", cfg.Listen)
	}
	st, err := openState(cfg.Dir)
	if err != nil {
		return nil, fmt.Errorf("emulator: %w", err)
	}
	s := &Server{log: cfg.Logger, front: cfg.Front, st: st, sw: newSwitches()}
	if s.log == nil {
		s.log = slog.New(slog.DiscardHandler)
	}
	s.ctx, s.cancel = context.WithCancel(context.Background())
	s.cdn.objects = map[string]cached{}
	if err := s.listen(addr); err != nil {
		_ = s.Close()
		return nil, fmt.Errorf("emulator: %w", err)
	}
	s.resume()
	return s, nil
}

// listen opens the four hosts and starts to serve them. The hosts beside the
// API get the ports of the last run where they are free: public URLs are stable.
func (s *Server) listen(addr *net.TCPAddr) error {
	var err error
	if s.api, err = s.newHost(addr, s.serveAPI); err != nil {
		return err
	}
	ports := s.st.meta.Ports
	for i, h := range []struct {
		host  **host
		serve func(*answer, *http.Request)
	}{{&s.store, s.serveStore}, {&s.public, s.servePublic}, {&s.private, s.servePrivate}} {
		if *h.host, err = s.newHost(&net.TCPAddr{IP: addr.IP, Port: ports[i]}, h.serve); err != nil {
			*h.host, err = s.newHost(&net.TCPAddr{IP: addr.IP}, h.serve)
		}
		if err != nil {
			return err
		}
		ports[i] = (*h.host).listener.Addr().(*net.TCPAddr).Port
	}
	if ports != s.st.meta.Ports {
		err = s.st.update(func() error {
			s.st.meta.Ports = ports
			meta := s.st.meta
			return s.st.journal.add(&record{Meta: &meta})
		})
		if err != nil {
			return err
		}
	}
	for _, h := range s.hosts() {
		s.work.Go(func() { _ = h.server.Serve(h.listener) })
	}
	return nil
}

func (s *Server) newHost(addr *net.TCPAddr, serve func(*answer, *http.Request)) (*host, error) {
	tcp, err := net.ListenTCP("tcp", addr)
	if err != nil {
		return nil, err
	}
	at := tcp.Addr().String()
	if s.front != nil {
		if at, err = s.front(at); err != nil {
			_ = tcp.Close()
			return nil, err
		}
	}
	h := &host{serve: serve, url: "http://" + at}
	h.listener = &listener{
		TCPListener: tcp,
		open:        map[*conn]struct{}{},
		accepted:    func() { s.counts.add(func(n *Counts) { n.Connections++ }) },
		// The API address must stay open to the requests that end the outage.
		refuse: func() bool { return h != s.api && s.sw.on("down") },
	}
	h.server = &http.Server{
		Handler:           http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { s.attend(h, w, r) }),
		BaseContext:       func(net.Listener) context.Context { return s.ctx },
		ConnContext:       withConn,
		ReadHeaderTimeout: 30 * time.Second,
		IdleTimeout:       2 * time.Minute,
		ErrorLog:          slog.NewLogLogger(s.log.Handler(), slog.LevelDebug),
	}
	return h, nil
}

// hosts returns those that were opened, the API first.
func (s *Server) hosts() []*host {
	var open []*host
	for _, h := range []*host{s.api, s.store, s.public, s.private} {
		if h != nil {
			open = append(open, h)
		}
	}
	return open
}

// begin takes part in the work Close waits for; false: closed already.
func (s *Server) begin() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.closed {
		s.work.Add(1)
	}
	return !s.closed
}

// spawn runs a job in a goroutine that Close waits for.
func (s *Server) spawn(job func()) {
	if s.begin() {
		go func() {
			defer s.work.Done()
			job()
		}()
	}
}

// sleep waits; false: the emulator was closed meanwhile.
func (s *Server) sleep(d time.Duration) bool {
	return pause(s.ctx, d)
}

func pause(ctx context.Context, d time.Duration) bool {
	if d <= 0 {
		return ctx.Err() == nil
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// URL is the base URL of the API, without a trailing slash.
func (s *Server) URL() string { return s.api.url }

// Close stops all hosts, closes their connections, held ones too, and waits for
// everything the emulator started. Jobs that were cut off go on at the next Start.
func (s *Server) Close() error {
	s.mu.Lock()
	already := s.closed
	s.closed = true
	s.mu.Unlock()
	if already {
		return nil
	}
	s.cancel()
	for _, h := range s.hosts() {
		_ = h.server.Close()
		_ = h.listener.Close()
	}
	s.work.Wait()
	s.st.close()
	return nil
}

// attend is where every request of every host comes in.
func (s *Server) attend(h *host, w http.ResponseWriter, r *http.Request) {
	if !s.begin() {
		panic(http.ErrAbortHandler)
	}
	defer s.work.Done()
	if h == s.api && strings.HasPrefix(r.URL.Path, controlPrefix) {
		if c := connOf(r); c != nil {
			c.control.Store(true)
			defer c.control.Store(false)
		}
		s.serveControl(w, r)
		return
	}
	if s.sw.on("down") {
		if c := connOf(r); c != nil {
			reset(c.TCPConn)
		}
		panic(http.ErrAbortHandler)
	}
	body := &countedBody{ReadCloser: r.Body}
	r.Body = body
	content := h == s.public || h == s.private
	a := &answer{ResponseWriter: w, s: s, content: content, noSpoil: r.Method == http.MethodHead, cutAt: -1, flipAt: -1}
	start := time.Now()
	defer func() {
		s.counts.add(func(n *Counts) {
			n.BytesIn += body.n
			n.BytesOut += a.sent
			if content {
				n.ContentBytes += a.sent
			}
			if a.status >= 400 && a.aside == nil {
				n.Errors++
			}
		})
		s.log.Debug("request", "method", r.Method, "host", r.Host, "path", r.URL.Path, "status", a.status,
			"in", body.n, "out", a.sent, "took", time.Since(start))
	}()
	if h != s.api {
		s.noticeLeak(r)
	}
	h.serve(a, r)
}

// noticeLeak counts a request that brings a token where none belongs.
func (s *Server) noticeLeak(r *http.Request) {
	if _, ok := r.Header["Authorization"]; ok || holdsToken(r.URL.String()) {
		s.leak()
		return
	}
	for _, values := range r.Header {
		for _, v := range values {
			if holdsToken(v) {
				s.leak()
				return
			}
		}
	}
}

func (s *Server) leak() { s.counts.add(func(n *Counts) { n.Leaks++ }) }
