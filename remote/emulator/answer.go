package emulator

import (
	"io"
	"net/http"
	"strconv"
)

// answer is the ResponseWriter of every request. It counts what is sent and
// carries out the faults that spoil an answer on its way.
type answer struct {
	http.ResponseWriter
	s       *Server
	content bool // of a content host: may be cut or corrupted

	status  int
	sent    int64       // bytes of the body
	aside   http.Header // not nil: the work is done, its answer is thrown away
	cutAt   int64       // the body ends here, with the connection closed; -1: nowhere
	flipAt  int64       // this byte is wrong; -1: none
	noSpoil bool        // the answer of a HEAD request has no body to spoil
}

func (a *answer) Unwrap() http.ResponseWriter { return a.ResponseWriter }

func (a *answer) Header() http.Header {
	if a.aside != nil {
		return a.aside
	}
	return a.ResponseWriter.Header()
}

func (a *answer) WriteHeader(status int) {
	if a.status != 0 {
		return
	}
	a.status = status
	if a.aside != nil {
		return
	}
	if status == http.StatusTooManyRequests || status == http.StatusServiceUnavailable {
		if after := a.s.sw.string("retry-after"); after != "" {
			a.Header().Set("Retry-After", after)
		}
	}
	if a.content && !a.noSpoil && (status == http.StatusOK || status == http.StatusPartialContent) {
		a.spoil()
	}
	a.ResponseWriter.WriteHeader(status)
}

// spoil decides whether the body about to be sent is cut or corrupted.
func (a *answer) spoil() {
	length, err := strconv.ParseInt(a.Header().Get("Content-Length"), 10, 64)
	if err != nil || length <= 0 {
		return
	}
	sw := a.s.sw
	if sw.take("truncate-count") || sw.roll("truncate-rate") {
		a.cutAt = length / 2
	} else if sw.take("corrupt-count") {
		a.flipAt = length / 2
	}
}

func (a *answer) Write(p []byte) (int, error) {
	if a.status == 0 {
		a.WriteHeader(http.StatusOK)
	}
	if a.aside != nil {
		return len(p), nil
	}
	if a.cutAt >= 0 && a.sent+int64(len(p)) >= a.cutAt {
		n, _ := a.ResponseWriter.Write(p[:a.cutAt-a.sent])
		a.sent += int64(n)
		_ = http.NewResponseController(a.ResponseWriter).Flush()
		panic(http.ErrAbortHandler)
	}
	if at := a.flipAt - a.sent; a.flipAt >= 0 && at >= 0 && at < int64(len(p)) {
		wrong := append([]byte(nil), p...)
		wrong[at] ^= 0xff
		p = wrong
	}
	n, err := a.ResponseWriter.Write(p)
	a.sent += int64(n)
	return n, err
}

// ReadFrom keeps the kernel's file-to-socket copy for contents nothing is done to.
func (a *answer) ReadFrom(src io.Reader) (int64, error) {
	if a.status == 0 {
		a.WriteHeader(http.StatusOK)
	}
	to, ok := a.ResponseWriter.(io.ReaderFrom)
	if !ok || a.aside != nil || a.cutAt >= 0 || a.flipAt >= 0 {
		return io.Copy(struct{ io.Writer }{a}, src)
	}
	n, err := to.ReadFrom(src)
	a.sent += n
	return n, err
}

// countedBody counts the bytes of a request body.
type countedBody struct {
	io.ReadCloser
	n int64
}

func (b *countedBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	b.n += int64(n)
	return n, err
}

// drain reads what is left of a body, up to a limit, so that a client that is
// still sending gets its answer and not a reset connection.
func drain(r *http.Request) {
	const limit = 64 << 20
	_, _ = io.CopyN(io.Discard, r.Body, limit)
}
