package cmd

import (
	"context"
	"encoding/json"
	"log/slog"
	"net"
	"net/http"
	"time"
)

// Requests over a control socket. A path is relative to the mount.
const (
	routeStatus  = "GET /status"
	routeInfo    = "GET /info"     // ?path=
	routeURL     = "GET /url"      // ?path=
	routeFlush   = "POST /flush"   // ?path= &timeout=; answers with drainReports
	routeUnmount = "POST /unmount" // ?timeout= for what is owed then; answers with drainReports
)

// refusal is the answer to a request that failed.
type refusal struct {
	Error string `json:"error"`
}

// urlAnswer is the answer to routeURL.
type urlAnswer struct {
	URL string `json:"url"`
}

// control answers the other commands on behalf of the process that serves a
// mount.
type control struct {
	sockets  sockets
	listener *net.UnixListener
	server   *http.Server
	done     chan struct{}
}

// serveControl answers requests about d until it is closed.
func serveControl(s sockets, l *net.UnixListener, d *drive) *control {
	mux := http.NewServeMux()
	mux.HandleFunc(routeStatus, answer(func(*http.Request) (any, error) { return d.status(), nil }))
	mux.HandleFunc(routeInfo, answer(func(r *http.Request) (any, error) { return d.info(r.Context(), r.URL.Query().Get("path")) }))
	mux.HandleFunc(routeURL, answer(func(r *http.Request) (any, error) {
		u, err := d.url(r.Context(), r.URL.Query().Get("path"))
		return urlAnswer{u}, err
	}))
	mux.HandleFunc(routeFlush, reports(func(ctx context.Context, r *http.Request, report func(drainReport)) error {
		parts, err := d.below(r.URL.Query().Get("path"))
		if err == nil {
			report(lastReport(d.flush(ctx, parts, report)))
		}
		return err
	}))
	mux.HandleFunc(routeUnmount, reports(func(ctx context.Context, _ *http.Request, report func(drainReport)) error {
		return d.leave(ctx, report)
	}))
	c := &control{sockets: s, listener: l, done: make(chan struct{}), server: &http.Server{
		Handler: mux, ReadHeaderTimeout: 10 * time.Second, ErrorLog: slog.NewLogLogger(d.log.Handler(), slog.LevelDebug),
	}}
	go func() {
		defer close(c.done)
		_ = c.server.Serve(l)
	}()
	return c
}

// close lets requests that are being answered end, and removes the socket.
func (c *control) close() {
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
	defer cancel()
	// First the socket, so that nobody comes to a server that is leaving.
	c.sockets.close(c.listener)
	if c.server.Shutdown(ctx) != nil {
		_ = c.server.Close()
	}
	<-c.done
}

// answer makes a handler of a function that returns what to send as JSON.
func answer(f func(*http.Request) (any, error)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		body, err := f(r)
		if err != nil {
			refuse(w, err)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(body)
	}
}

func refuse(w http.ResponseWriter, err error) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(http.StatusInternalServerError)
	_ = json.NewEncoder(w).Encode(refusal{err.Error()})
}

// reports makes a handler of a function that reports, line by line, while it
// works, or fails before its first report. Its context ends when nobody reads any
// more, or after the timeout of the request.
func reports(f func(ctx context.Context, r *http.Request, report func(drainReport)) error) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		ctx := r.Context()
		if text := r.URL.Query().Get("timeout"); text != "" {
			timeout, err := time.ParseDuration(text)
			if err != nil {
				refuse(w, err)
				return
			}
			var cancel context.CancelFunc
			ctx, cancel = context.WithTimeout(ctx, timeout)
			defer cancel()
		}
		err := f(ctx, r, func(report drainReport) {
			_ = json.NewEncoder(w).Encode(report)
			_ = http.NewResponseController(w).Flush()
		})
		if err != nil {
			refuse(w, err)
		}
	}
}
