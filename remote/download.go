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
	refusals  int    // in a row
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
	d.bust, d.validator = true, ""
}

// Fetch writes the n bytes from off to w, in order and each exactly once. It
// resumes after broken connections and truncated bodies, renews signed URLs that
// expired and asks past a stale CDN. [Changed] means that the service holds
// another version now, [Busy] that it holds no content yet. An error of w ends
// it and is returned as it is.
func (d *Download) Fetch(ctx context.Context, off, n int64, w io.Writer) error {
	for n > 0 {
		var done int64
		// A try that made progress starts the tries anew.
		err := d.f.c.retry(ctx, opContent, true, func() error {
			got, err := d.try(ctx, off, n, w)
			done = got
			if got > 0 && KindOf(err) == Unreachable {
				return nil
			}
			return err
		})
		if err != nil {
			return err
		}
		off += done
		n -= done
	}
	return nil
}

// try makes one request and returns how many bytes reached w.
func (d *Download) try(ctx context.Context, off, n int64, w io.Writer) (int64, error) {
	target, err := d.target(ctx)
	if err != nil {
		return 0, err
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	watch := newStallWatch(attemptTimeout(d.f.c.timeout), cancel)
	defer watch.stop()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, target, nil)
	if err != nil {
		return 0, &Error{Kind: Invalid, Op: opContent.String(), Message: "the entry has no usable URL"}
	}
	whole := off == 0 && n == d.entry.Size
	if !whole {
		req.Header.Set("Range", fmt.Sprintf("bytes=%d-%d", off, off+n-1))
	}
	// Not negotiated: a transformed body has neither the size nor the MD5.
	req.Header.Set("Accept-Encoding", "identity")
	req.Header.Set("User-Agent", d.f.c.agent)
	d.f.c.count[opContent].Add(1)
	resp, err := d.f.c.content.Do(req)
	if err != nil {
		return 0, transportError(opContent, req.Method, stalled(ctx, err))
	}
	defer resp.Body.Close()
	skip, err := d.accept(ctx, resp, off)
	if err != nil {
		return 0, err
	}
	body := watch.reader(resp.Body)
	if _, err := io.CopyN(io.Discard, body, skip); err != nil {
		return 0, transportError(opContent, req.Method, stalled(ctx, err))
	}
	out := &countingWriter{w: w}
	_, err = io.CopyN(out, body, n)
	switch {
	case err == nil:
		return out.n, nil
	case out.err != nil:
		return out.n, out.err
	}
	return out.n, transportError(opContent, req.Method, stalled(ctx, err))
}

// accept checks that an answer holds the version asked for, and returns how
// many bytes of it come before off.
func (d *Download) accept(ctx context.Context, resp *http.Response, off int64) (skip int64, err error) {
	start, total := int64(0), resp.ContentLength
	switch resp.StatusCode {
	case http.StatusOK:
	case http.StatusPartialContent:
		if start, total, err = contentRange(resp.Header.Get("Content-Range")); err != nil {
			return 0, &Error{Kind: Unreachable, Op: opContent.String(), Status: resp.StatusCode, Err: err}
		}
	case http.StatusForbidden, http.StatusUnauthorized, http.StatusNotFound, http.StatusGone, http.StatusRequestedRangeNotSatisfiable:
		return 0, d.refused(ctx, resp.StatusCode)
	default:
		return 0, answerError(opContent, resp, nil)
	}
	if start > off || resp.Header.Get("Content-Encoding") != "" {
		return 0, &Error{Kind: Unreachable, Op: opContent.String(), Status: resp.StatusCode, Message: "the answer is not the range asked for"}
	}
	if !d.sameVersion(strongETag(resp.Header), total) {
		return 0, d.otherVersion(ctx)
	}
	return off - start, nil
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
	d.url, d.bust, d.validator = now.URL, true, ""
	return &Error{Kind: Unreachable, Op: opContent.String(), Message: "the content host still has an older version"}
}

// refused handles an answer that says no: the signed URL may have expired, the
// file may be gone or have no content yet. A renewed URL makes it worth a retry.
func (d *Download) refused(ctx context.Context, status int) error {
	now, err := d.f.Get(ctx, d.entry.ID)
	if err != nil {
		return err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	switch {
	case now.Version() != d.entry.Version():
		return &Error{Kind: Changed, Op: opContent.String(), Message: "the file was replaced while it was read"}
	case now.Status != Completed:
		return &Error{Kind: Busy, Op: opContent.String(), Message: "the file has no content yet"}
	}
	if d.refusals++; d.refusals > maxRefusals {
		return &Error{Kind: kindOfStatus(status), Op: opContent.String(), Status: status, Message: "the content host refuses the file"}
	}
	d.url = now.URL
	return &Error{Kind: Unreachable, Op: opContent.String(), Status: status, Message: "the content host refuses the file"}
}

// target returns the URL to ask, fetching the entry when the listing gave none.
func (d *Download) target(ctx context.Context) (string, error) {
	d.mu.Lock()
	raw, bust := d.url, d.bust
	d.mu.Unlock()
	if raw == "" {
		now, err := d.f.Get(ctx, d.entry.ID)
		if err != nil {
			return "", err
		}
		raw = now.URL
		d.mu.Lock()
		d.url = raw
		d.mu.Unlock()
	}
	u, err := d.f.c.base.Parse(raw)
	if err != nil || raw == "" || d.f.c.refuseTarget(u) != nil {
		return "", &Error{Kind: Invalid, Op: opContent.String(), Message: "the entry has no usable URL"}
	}
	// Another query would break the signature of a private URL.
	if bust && d.f.space == Public {
		q := u.Query()
		q.Set("v", d.entry.Version())
		u.RawQuery = q.Encode()
	}
	return u.String(), nil
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
	if !ok || !ok2 || !ok3 {
		return 0, 0, fmt.Errorf("bad Content-Range %q", v)
	}
	if start, err = strconv.ParseInt(first, 10, 64); err != nil {
		return 0, 0, fmt.Errorf("bad Content-Range %q", v)
	}
	if size == "*" {
		return start, -1, nil
	}
	if total, err = strconv.ParseInt(size, 10, 64); err != nil {
		return 0, 0, fmt.Errorf("bad Content-Range %q", v)
	}
	return start, total, nil
}

// strongETag returns the ETag without quotes and weakness mark.
func strongETag(h http.Header) string {
	return strings.Trim(strings.TrimPrefix(h.Get("ETag"), "W/"), `"`)
}

// countingWriter tells an error of the writer from one of the reader.
type countingWriter struct {
	w   io.Writer
	n   int64
	err error
}

func (c *countingWriter) Write(p []byte) (int, error) {
	n, err := c.w.Write(p)
	c.n += int64(n)
	c.err = err
	return n, err
}
