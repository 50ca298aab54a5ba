package remote

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"time"
)

// Download fetches the content of one version of one file. It is safe for
// concurrent use, and remembers the URL it found good and, where the version
// is not an MD5, the validator all parts must share.
type Download struct {
	f     *Files
	entry Entry

	mu        sync.Mutex
	url       string
	bust      bool   // ask past the CDN's cache
	validator string // etag of the first answer
	handed    bool   // bytes of the validator's version were handed out
	refusals  int    // of fresh URLs, in a row
	failure   error  // of the last fetch that brought nothing for want of the service
	failedAt  time.Time
}

// Download prepares to fetch the content of e. It makes no call.
func (f *Files) Download(e Entry) *Download {
	return &Download{f: f, entry: e, url: e.URL}
}

// Distrust makes later fetches ask past the CDN's cache: the bytes that came so
// far turned out to be wrong.
func (d *Download) Distrust() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.bust, d.validator, d.handed = true, "", false
}

// Fetch writes the n bytes from off to w, in order and each exactly once. It
// resumes after broken connections and truncated bodies, renews signed URLs that
// expired and asks past a stale CDN. [Changed] means that the service holds
// another version now, [Busy] that it holds no content yet. An error of w ends
// it and is returned as it is.
func (d *Download) Fetch(ctx context.Context, off, n int64, w io.Writer) error {
	if err := d.failedJustNow(); err != nil {
		return err
	}
	for n > 0 {
		err := d.f.c.retry(ctx, opContent, true, func(wait context.Context) error {
			got, err := d.try(ctx, wait, off, n, w)
			off += got
			n -= got
			if got >= progress && KindOf(err) == Unreachable {
				return nil // the tries start anew
			}
			return err
		})
		if err != nil {
			if !IsBackground(ctx) { // which gives up sooner
				d.noteFailure(err)
			}
			return err
		}
	}
	return nil
}

// failureHolds is for how long a fetch fails at once after one that failed. The kernel
// reads once more, page by page, what it could not read ahead, which would let a
// program wait twice.
const failureHolds = 500 * time.Millisecond

func (d *Download) noteFailure(err error) {
	if k := KindOf(err); k == Unreachable || k == Throttled {
		d.mu.Lock()
		defer d.mu.Unlock()
		d.failure, d.failedAt = err, time.Now()
	}
}

func (d *Download) failedJustNow() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if time.Since(d.failedAt) < failureHolds {
		return d.failure
	}
	return nil
}

// progress is how many bytes make a try that broke off count as none. Less would
// let a line that breaks off after each byte go on for ever.
const progress = 64 << 10

// verdict is what an answer of a content host is worth.
type verdict int

const (
	good    verdict = iota
	refused         // it says no
	other           // it is of another version
)

// try makes one request and returns how many bytes reached w. What an answer that
// is not good means is asked of the API once the answer is out of the way. wait bounds
// all but the transfer.
func (d *Download) try(ctx, wait context.Context, off, n int64, w io.Writer) (int64, error) {
	raw, target, err := d.target(wait)
	if err != nil {
		return 0, err
	}
	slot, err := d.f.c.contentPace.enter(wait, opContent)
	if err != nil {
		return 0, err
	}
	got, v, status, err := d.request(ctx, wait, slot, target, off, n, w)
	slot.done(ctx, err)
	switch v {
	case refused:
		return got, d.refused(wait, status, raw)
	case other:
		return got, d.otherVersion(wait)
	}
	return got, err
}

func (d *Download) request(ctx, wait context.Context, slot *slot, target string, off, n int64, w io.Writer) (int64, verdict, int, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	watch := newStallWatch(attemptTimeout(d.f.c.timeout), cancel)
	defer watch.stop()
	if end, ok := wait.Deadline(); ok { // of the wait for an answer
		watch.timer.Reset(min(watch.timeout, time.Until(end)))
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, target, nil)
	if err != nil {
		return 0, good, 0, &Error{Kind: Invalid, Op: opContent.String(), Message: "the entry has no usable URL"}
	}
	if off > 0 || n < d.entry.Size {
		req.Header.Set("Range", fmt.Sprintf("bytes=%d-%d", off, off+n-1))
	}
	// Not negotiated: a transformed body has neither the size nor the MD5.
	req.Header.Set("Accept-Encoding", "identity")
	req.Header.Set("User-Agent", d.f.c.agent)
	d.f.c.count[opContent].Add(1)
	resp, err := d.f.c.content.Do(req)
	if err != nil {
		return 0, good, 0, transportError(opContent, req.Method, stalled(ctx, err))
	}
	defer resp.Body.Close()
	slot.leave()
	watch.timer.Reset(watch.timeout)
	body := watch.reader(resp.Body)
	skip, v, err := d.accept(resp, off)
	if v != good || err != nil {
		_, _ = io.CopyN(io.Discard, body, 16<<10) // keeps the connection
		return 0, v, resp.StatusCode, err
	}
	if _, err := io.CopyN(io.Discard, body, skip); err != nil {
		return 0, good, 0, transportError(opContent, req.Method, stalled(ctx, err))
	}
	out := &countingWriter{w: w, d: d}
	_, err = io.CopyN(out, body, n)
	switch {
	case err == nil:
		return out.n, good, 0, nil
	case out.err != nil:
		return out.n, good, 0, out.err
	}
	return out.n, good, 0, transportError(opContent, req.Method, stalled(ctx, err))
}

// accept checks that an answer holds the version asked for, and returns how
// many bytes of it come before off.
func (d *Download) accept(resp *http.Response, off int64) (skip int64, v verdict, err error) {
	start, total := int64(0), resp.ContentLength
	switch resp.StatusCode {
	case http.StatusOK:
	case http.StatusPartialContent:
		if start, total, err = contentRange(resp.Header.Get("Content-Range")); err != nil {
			return 0, good, &Error{Kind: Unreachable, Op: opContent.String(), Status: resp.StatusCode, Err: err}
		}
	case http.StatusForbidden, http.StatusUnauthorized, http.StatusNotFound, http.StatusGone, http.StatusRequestedRangeNotSatisfiable:
		return 0, refused, nil
	default:
		return 0, good, answerError(opContent, resp, nil)
	}
	if start > off || resp.Header.Get("Content-Encoding") != "" {
		return 0, good, &Error{Kind: Unreachable, Op: opContent.String(), Status: resp.StatusCode, Message: "the answer is not the range asked for"}
	}
	if !d.sameVersion(bareETag(resp.Header), total) {
		return 0, other, nil
	}
	return off - start, good, nil
}

// sameVersion compares what an answer says of itself with the entry. Without an
// MD5 on either side only the size and the sameness of all answers can be
// checked here; the MD5 of the whole is checked by who puts it together.
func (d *Download) sameVersion(etag string, total int64) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.refusals = 0
	if total >= 0 && total != d.entry.Size {
		return false
	}
	if d.entry.MD5() != "" && md5Hex.MatchString(etag) {
		return etag == d.entry.MD5()
	}
	if d.validator == "" {
		d.validator = etag
	}
	return d.validator == etag
}

// maxRefusals is how often in a row a fresh URL may be refused.
const maxRefusals = 2

// otherVersion finds out why the content host has another version: because the
// entry changed, or because a cache in between is stale. The latter is tried
// again past the cache.
func (d *Download) otherVersion(ctx context.Context) error {
	now, err := d.f.Get(ctx, d.entry.ID)
	if err != nil {
		return err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if now.Version() != d.entry.Version() || now.Size != d.entry.Size {
		return &Error{Kind: Changed, Op: opContent.String(), Message: "the file was replaced while it was read"}
	}
	if now.Status != Completed {
		return &Error{Kind: Busy, Op: opContent.String(), Message: "the file is being replaced"}
	}
	d.url, d.bust = now.URL, true
	if !d.handed { // else all that follows must be of the same version
		d.validator = ""
	}
	return &Error{Kind: Unreachable, Op: opContent.String(), Message: "the content host still has an older version"}
}

// refused handles an answer that says no: the signed URL may have expired, the
// file may be gone or have no content yet. A renewed URL makes it worth a retry.
func (d *Download) refused(ctx context.Context, status int, used string) error {
	no := &Error{Kind: Unreachable, Op: opContent.String(), Status: status, Message: "the content host refuses the file"}
	now, err := d.f.Get(ctx, d.entry.ID)
	if err != nil {
		return err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if now.Version() != d.entry.Version() {
		return &Error{Kind: Changed, Op: opContent.String(), Message: "the file was replaced while it was read"}
	}
	if d.url != used {
		return no // another fetch has renewed it
	}
	if d.refusals++; d.refusals > maxRefusals {
		if now.Status != Completed {
			return &Error{Kind: Busy, Op: opContent.String(), Message: "the file is being replaced"}
		}
		no.Kind = kindOfStatus(status)
		return no
	}
	d.url = now.URL
	return no
}

// target returns the URL the service gave, and the one to ask, which differs for
// a public file whose cached copies are not to be trusted. The entry is fetched
// when the listing gave no URL.
func (d *Download) target(ctx context.Context) (raw, full string, err error) {
	d.mu.Lock()
	raw, bust := d.url, d.bust
	d.mu.Unlock()
	if raw == "" {
		now, err := d.f.Get(ctx, d.entry.ID)
		if err != nil {
			return "", "", err
		}
		if now.Version() != d.entry.Version() {
			return "", "", &Error{Kind: Changed, Op: opContent.String(), Message: "the file was replaced while it was read"}
		}
		raw = now.URL
		d.mu.Lock()
		d.url = raw
		d.mu.Unlock()
	}
	u, err := d.f.c.base.Parse(raw)
	if err != nil || raw == "" || d.f.c.refuseTarget(u) != nil {
		return "", "", &Error{Kind: Invalid, Op: opContent.String(), Message: "the entry has no usable URL"}
	}
	// Another query would break the signature of a private URL.
	if bust && d.f.space == Public {
		q := u.Query()
		q.Set("v", d.entry.Version())
		u.RawQuery = q.Encode()
	}
	return raw, u.String(), nil
}

// refuseTarget keeps content traffic as safe as the API's own: http only when
// the API itself is on plain http, which it may be on loopback alone.
func (c *Client) refuseTarget(u *url.URL) error {
	if u.Host == "" || u.Scheme != "https" && (u.Scheme != "http" || c.base.Scheme != "http") {
		return fmt.Errorf("not an %s URL", c.base.Scheme)
	}
	return nil
}

// contentRange reads "bytes start-end/total"; total is -1 when it is "*".
func contentRange(v string) (start, total int64, err error) {
	rest, ok := strings.CutPrefix(v, "bytes ")
	span, size, ok2 := strings.Cut(rest, "/")
	first, _, ok3 := strings.Cut(span, "-")
	start, err = strconv.ParseInt(first, 10, 64)
	if total = -1; err == nil && size != "*" {
		total, err = strconv.ParseInt(size, 10, 64)
	}
	if !ok || !ok2 || !ok3 || err != nil || start < 0 || size != "*" && start >= total {
		return 0, 0, fmt.Errorf("bad Content-Range %q", v)
	}
	return start, total, nil
}

// bareETag returns the ETag without quotes and weakness mark.
func bareETag(h http.Header) string {
	return strings.Trim(strings.TrimPrefix(h.Get("ETag"), "W/"), `"`)
}

// ReadFrom lets the writer take in all of r without a copy in between, if it can.
func (c *countingWriter) ReadFrom(r io.Reader) (int64, error) {
	w, ok := c.w.(io.ReaderFrom)
	if !ok {
		return io.Copy(struct{ io.Writer }{c}, r)
	}
	c.d.mu.Lock()
	c.d.handed = true
	c.d.mu.Unlock()
	from := &notingReader{r: r}
	n, err := w.ReadFrom(from)
	c.n += n
	if err != nil && err != from.err {
		c.err = err
	}
	return n, err
}

// notingReader keeps the last error of a reader.
type notingReader struct {
	r   io.Reader
	err error
}

func (n *notingReader) Read(p []byte) (int, error) {
	m, err := n.r.Read(p)
	n.err = err
	return m, err
}

// countingWriter tells an error of the writer from one of the reader.
type countingWriter struct {
	w   io.Writer
	d   *Download
	n   int64
	err error
}

func (c *countingWriter) Write(p []byte) (int, error) {
	c.d.mu.Lock()
	c.d.handed = true
	c.d.mu.Unlock()
	n, err := c.w.Write(p)
	c.n += int64(n)
	c.err = err
	return n, err
}
