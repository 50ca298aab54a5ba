package emulator

import (
	"io"
	"net/http"
)

// perform does the work of one counted call, or the fault that is due instead.
// refuse writes an error in the words of the host.
func (s *Server) perform(a *answer, r *http.Request, op string, refuse func(status int), work func()) {
	s.counts.call(op)
	if !pause(r.Context(), s.sw.delay()) {
		panic(http.ErrAbortHandler)
	}
	if !s.sw.hits(op) {
		work()
		return
	}
	switch {
	case s.sw.take("hang-count"):
		s.hang(r)
	case s.sw.take("error-count") || s.sw.roll("error-rate"):
		drain(r)
		refuse(int(s.sw.number("error-status")))
	case op != opForm && op != opContent && s.sw.take("garbage-count"):
		s.garbage(a, r, work)
	case s.sw.take("drop-count") || s.sw.roll("drop-rate"):
		a.aside = http.Header{}
		work()
		panic(http.ErrAbortHandler)
	default:
		work()
	}
}

// hang holds a call until its client gives up or the emulator closes.
func (s *Server) hang(r *http.Request) {
	_, _ = io.Copy(io.Discard, r.Body) // a client that leaves is noticed only once its body was read
	<-r.Context().Done()
	panic(http.ErrAbortHandler)
}

// garbage answers as a gateway does that knows nothing of the API. A status of
// 500 or more means the answer was lost behind it, so the work is done; any
// other is a captive portal that lets nothing through.
func (s *Server) garbage(a *answer, r *http.Request, work func()) {
	status := int(s.sw.number("garbage-status"))
	if status >= 500 {
		a.aside = http.Header{}
		work()
		a.aside, a.status = nil, 0
	} else {
		drain(r)
	}
	a.Header().Set("Content-Type", "text/html; charset=utf-8")
	a.WriteHeader(status)
	_, _ = a.Write([]byte("<html><head><title>Gateway</title></head><body><h1>Something else</h1></body></html>\n"))
}
