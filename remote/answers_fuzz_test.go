package remote

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// What the service sends can be anything.

// FuzzListing reads any bytes as a page of a listing.
func FuzzListing(f *testing.F) {
	f.Add([]byte(`{"items":[{"id":"a","name":"x","parentDirectory":"/a/b","type":"file","fileSize":5,"s3etag":"\"d41d8cd98f00b204e9800998ecf8427e\""}],"totalCount":1}`))
	f.Add([]byte(`{"items":[null,{}],"totalCount":-1,"perPage":1e3,"parentExists":false}`))
	f.Add([]byte(`{"items":[{"fileSize":1e300},{"fileSize":-1},{"fileSize":9223372036854775807,"name":"\ud800"}]}`))
	f.Add([]byte(`{"items":[{"name":5,"parentDirectory":["/"],"creationDate":1763800000000,"url":null,"status":{}}]}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		var p Page
		if p.read(bytes.NewReader(data)) != nil {
			return
		}
		for _, e := range unique(p.Items) {
			if e.Size < 0 || e.Dir && e.Size > 0 || e.Version() == "" || e.MD5() != "" && e.MD5() != e.ETag {
				t.Errorf("%+v", e)
			}
			if !strings.HasPrefix(e.Parent, "/") || !strings.HasSuffix(e.Parent, "/") || DirPath(e.Parent) != e.Parent {
				t.Errorf("the directory %q", e.Parent)
			}
		}
	})
}

var entryFields = []string{"id", "name", "parentDirectory", "type", "status", "fileSize", "s3etag", "contentType", "fileDimensions",
	"creationDate", "lastUpdated", "moveIntoId", "url", "_etag"}

// FuzzOddField gives one entry of a listing a field with any value: the others are
// read all the same.
func FuzzOddField(f *testing.F) {
	for n := range byte(len(entryFields)) {
		f.Add(n, `[]`)
	}
	for i, value := range []string{`5`, `"x"`, `null`, `[]`, `{"width":"wide"}`, `true`, `-1e999`, `"2026-13-99T99:99:99Z"`, `{"a":[{}]}`} {
		for n := i; n < len(entryFields); n += 3 {
			f.Add(byte(n), value)
		}
	}
	f.Fuzz(func(t *testing.T, field byte, value string) {
		if !json.Valid([]byte(value)) {
			return
		}
		odd := fmt.Sprintf(`{"id":"1","name":"odd","parentDirectory":"/","type":"file",%q:%s}`, entryFields[int(field)%len(entryFields)], value)
		page := fmt.Sprintf(`{"items":[%s,{"id":"2","name":"good","parentDirectory":"/","type":"file","fileSize":7}],"totalCount":2}`, odd)
		var p Page
		if err := p.read(strings.NewReader(page)); err != nil {
			t.Fatalf("an odd field hides the listing: %v\n%s", err, page)
		}
		if len(p.Items) != 2 || p.Items[1].Name != "good" || p.Items[1].Size != 7 {
			t.Errorf("%+v", p.Items)
		}
		var text *string
		if i := int(field) % len(entryFields); i < 4 && json.Unmarshal([]byte(value), &text) != nil && ValidName(p.Items[0].Name) {
			t.Errorf("shown is an entry of which %s is not known: %+v", entryFields[i], p.Items[0])
		}
	})
}

// FuzzTicket reads any bytes as the answer to a creation.
func FuzzTicket(f *testing.F) {
	f.Add([]byte(`{"id":"a","name":"x","upload":{"url":"https://s3/","fields":{"key":"k","policy":"p"}}}`))
	f.Add([]byte(`{"upload":null}`))
	f.Add([]byte(`{"upload":{"url":"https://h/","fields":{"k":"a\r\n--x\r\n","":"","\"\r\nx":"y"}}}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		var a ticketed
		if json.Unmarshal(data, &a) != nil {
			return
		}
		form, err := newForm(a.Ticket.Fields, "file", "name", 3)
		if err != nil {
			return
		}
		req, err := http.NewRequest(http.MethodPost, "http://h/", form.body(strings.NewReader("abc")))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Content-Type", form.contentType)
		req.ContentLength = form.length()
		if err := req.ParseMultipartForm(1 << 20); err != nil {
			t.Fatalf("the form cannot be read: %v", err)
		}
		defer req.MultipartForm.RemoveAll()
		if len(req.MultipartForm.File) != 1 {
			t.Errorf("the form has %d files", len(req.MultipartForm.File))
		}
	})
}

// FuzzErrorAnswer reads any answer of the API that is no success.
func FuzzErrorAnswer(f *testing.F) {
	f.Add(400, "", []byte(`{"type":"Validation","message":"no"}`))
	f.Add(429, "7", []byte("<html>"))
	f.Add(503, time.Now().Add(time.Hour).UTC().Format(http.TimeFormat), []byte(nil))
	f.Add(418, "99999999999999", []byte(`{"message":["x"]}`))
	f.Add(599, "99999999999999999999999", []byte(`[]`))
	f.Add(302, "-1", []byte(`{"Type":1}`))
	f.Fuzz(func(t *testing.T, status int, after string, data []byte) {
		resp := &http.Response{StatusCode: status, Header: http.Header{"Retry-After": {after}}, Request: &http.Request{Method: http.MethodGet}}
		var e *Error
		if err := error(answerError(opList, resp, data)); !errors.As(err, &e) || e.Kind == 0 || e.Error() == "" || KindOf(err).String() == "" {
			t.Errorf("%v", err)
		}
		if e.RetryAfter < 0 {
			t.Errorf("Retry-After %q is %v", after, e.RetryAfter)
		}
		if digits := strings.TrimSpace(after); strings.Trim(digits, "0123456789") == "" && strings.Trim(digits, "0") != "" && e.RetryAfter < time.Second {
			t.Errorf("Retry-After %q is %v", after, e.RetryAfter)
		}
		if storeError(resp, data) == nil {
			t.Error("an error of the store is none")
		}
	})
}

// FuzzContentRange reads any header of a partial answer.
func FuzzContentRange(f *testing.F) {
	for _, v := range []string{"bytes 0-4/5", "bytes 5-9/*", "bytes */5", "bytes -1-2/3", "bytes 5-2/9", "bytes 0-9/5", "bytes +1-2/3", "bytes 1-x/3", "bytes 0-4/-1",
		"bytes 9223372036854775807-9223372036854775807/9223372036854775807"} {
		f.Add(v)
	}
	f.Fuzz(func(t *testing.T, v string) {
		start, total, err := contentRange(v)
		if err != nil {
			return
		}
		if start < 0 || total < -1 || total >= 0 && start >= total {
			t.Errorf("%q is from %d of %d", v, start, total)
		}
	})
}

// FuzzValidName asks of any name whether it can be a file's: then it stays in its
// folder.
func FuzzValidName(f *testing.F) {
	for _, name := range []string{"a", "", ".", "..", "...", "a/b", "/", "a\x00b", "\xff", "é", strings.Repeat("x", 256), "C:", `a\b`, "a\n", "\u202e", "-rf"} {
		f.Add(name)
	}
	f.Fuzz(func(t *testing.T, name string) {
		if !ValidName(name) {
			return
		}
		if filepath.Join("/folder", name) != "/folder/"+name || !filepath.IsLocal(name) || filepath.Base(name) != name || len(name) > MaxName {
			t.Errorf("%q leaves its folder", name)
		}
		if strings.ContainsFunc(name, func(r rune) bool { return r < ' ' || r == 0x7f }) {
			t.Errorf("%q has control characters", name)
		}
	})
}
