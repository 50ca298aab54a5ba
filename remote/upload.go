package remote

import (
	"bytes"
	"context"
	"encoding/xml"
	"fmt"
	"io"
	"maps"
	"mime/multipart"
	"net/http"
	"net/textproto"
	"net/url"
	"slices"
	"strings"
)

// MaxUpload is the largest file a ticket takes, in bytes (S3's limit for one
// form POST).
const MaxUpload = 5 << 30

// Upload sends size bytes of content to the store with a ticket. Their MD5 in hex,
// "" where it is unknown, is compared with the store's answer. It is one try: after
// any failure the caller asks for a new ticket. [Expired] means the ticket no longer
// holds.
func (f *Files) Upload(ctx context.Context, t Ticket, name string, content io.ReaderAt, size int64, sum string) error {
	target, err := url.Parse(t.URL)
	if err != nil || f.c.refuseTarget(target) != nil {
		return &Error{Kind: Invalid, Op: opForm.String(), Message: "the ticket has no usable URL"}
	}
	form, err := newForm(t.Fields, "file", name, size)
	if err != nil {
		return &Error{Kind: Invalid, Op: opForm.String(), Err: err}
	}
	wait, cancelWait := context.WithTimeout(ctx, f.c.timeout)
	defer cancelWait()
	slot, err := f.c.contentPace.enter(wait, opForm)
	if err != nil {
		return err
	}
	err = f.post(ctx, t.URL, form, slot, io.NewSectionReader(content, 0, size), sum)
	slot.done(ctx, err)
	return err
}

// post sends a form with content whose MD5 is sum.
func (f *Files) post(ctx context.Context, target string, form *form, slot *slot, content io.Reader, sum string) error {
	f.c.count[opForm].Add(1)
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	watch := newStallWatch(f.c.timeout, cancel)
	defer watch.stop()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, target, watch.reader(&acceptedReader{r: form.body(content), slot: slot}))
	if err != nil {
		return &Error{Kind: Invalid, Op: opForm.String(), Message: "the ticket has no usable URL"}
	}
	// Without it net/http sends a chunked body, which the store refuses (411).
	req.ContentLength = form.length()
	req.Header.Set("Content-Type", form.contentType)
	req.Header.Set("User-Agent", f.c.agent)
	resp, err := f.c.content.Do(req)
	if err != nil {
		return transportError(opForm, http.MethodPost, stalled(ctx, err))
	}
	defer resp.Body.Close()
	data, _ := io.ReadAll(io.LimitReader(resp.Body, 64<<10))
	if resp.StatusCode >= 300 {
		return storeError(resp, data)
	}
	if etag := bareETag(resp.Header); sum != "" && md5Hex.MatchString(etag) && etag != sum {
		return &Error{Kind: Corrupt, Op: opForm.String(), Status: resp.StatusCode, Ambiguous: true,
			Message: "the store received other bytes than were sent"}
	}
	return nil
}

// acceptedReader takes what the store accepts of a body for its permission to send
// the rest: a long upload must not keep others from their turn.
type acceptedReader struct {
	r    io.Reader
	n    int64
	slot *slot
}

func (a *acceptedReader) Read(p []byte) (int, error) {
	n, err := a.r.Read(p)
	if a.n += int64(n); a.n > accepted && a.n-int64(n) <= accepted {
		a.slot.accepted()
	}
	return n, err
}

// accepted is more than what the buffers on the way take, in bytes.
const accepted = 1 << 20

// storeError reads the XML error of an S3-compatible store.
func storeError(resp *http.Response, data []byte) error {
	var body struct {
		Code    string
		Message string
	}
	_ = xml.Unmarshal(data, &body)
	e := &Error{Kind: kindOfStatus(resp.StatusCode), Op: opForm.String(), Status: resp.StatusCode,
		Type: body.Code, Message: strings.TrimSpace(body.Code + " " + body.Message),
		RetryAfter: retryAfter(resp.Header.Get("Retry-After"))}
	switch {
	case resp.StatusCode == http.StatusForbidden:
		e.Kind = Expired
	case body.Code == "EntityTooLarge":
		e.Kind = TooLarge
	case e.Kind == Unreachable:
		e.Ambiguous = true
	}
	return e
}

// form is a multipart body whose length is known before it is sent.
type form struct {
	head, tail  []byte
	size        int64
	contentType string
}

// newForm writes every field and then the header of the file part, which the
// store wants last.
func newForm(fields map[string]string, part, name string, size int64) (*form, error) {
	var buf bytes.Buffer
	w := multipart.NewWriter(&buf)
	for _, key := range slices.Sorted(maps.Keys(fields)) {
		if err := w.WriteField(key, fields[key]); err != nil {
			return nil, err
		}
	}
	h := textproto.MIMEHeader{}
	h.Set("Content-Disposition", multipart.FileContentDisposition(part, name))
	h.Set("Content-Type", "application/octet-stream")
	if _, err := w.CreatePart(h); err != nil {
		return nil, err
	}
	return &form{head: buf.Bytes(), tail: fmt.Appendf(nil, "\r\n--%s--\r\n", w.Boundary()),
		size: size, contentType: w.FormDataContentType()}, nil
}

func (f *form) length() int64 { return int64(len(f.head)) + f.size + int64(len(f.tail)) }

func (f *form) body(content io.Reader) io.Reader {
	return io.MultiReader(bytes.NewReader(f.head), content, bytes.NewReader(f.tail))
}
