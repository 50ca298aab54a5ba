package emulator_test

import (
	"bytes"
	"crypto/md5"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"encoding/xml"
	"io"
	"maps"
	"net/http"
	"strings"
	"testing"
	"time"
)

// code is the code of an XML error of the store.
func code(t *testing.T, a answer) string {
	t.Helper()
	var e struct {
		XMLName xml.Name `xml:"Error"`
		Code    string
		Message string
	}
	if err := xml.Unmarshal(a.body, &e); err != nil {
		t.Fatalf("status %d, not an XML error: %q", a.status, a.body)
	}
	if e.Message == "" || a.header.Get("Content-Type") != "application/xml" {
		t.Errorf("an error without message or type: %s", a.body)
	}
	return e.Code
}

func TestStoreErrors(t *testing.T) {
	e := start(t)
	item := e.create("public", "/", "a")
	to, ticket := ticketOf(item)
	with := func(name, value string) map[string]string {
		fields := maps.Clone(ticket)
		fields[name] = value
		return fields
	}
	without := func(name string) map[string]string {
		fields := maps.Clone(ticket)
		delete(fields, name)
		return fields
	}
	file := []byte("content")
	for name, c := range map[string]struct {
		to      string
		fields  map[string]string
		file    []byte
		status  int
		code    string
		message string
	}{
		"no file":         {to, ticket, nil, 400, "InvalidArgument", "exactly one file"},
		"no key":          {to, without("key"), file, 400, "InvalidArgument", "named 'key'"},
		"no policy":       {to, without("Policy"), file, 403, "AccessDenied", ""},
		"no signature":    {to, without("X-Amz-Signature"), file, 403, "SignatureDoesNotMatch", ""},
		"wrong signature": {to, with("X-Amz-Signature", strings.Repeat("0", 64)), file, 403, "SignatureDoesNotMatch", ""},
		"other policy":    {to, with("Policy", "e30="), file, 403, "SignatureDoesNotMatch", ""},
		"extra field":     {to, with("acl", "public-read"), file, 403, "AccessDenied", "Extra input fields: acl"},
		"missing field":   {to, without("X-Amz-Date"), file, 403, "AccessDenied", "Policy Condition failed"},
		"other key":       {to, with("key", "x"), file, 403, "AccessDenied", `["eq", "$key"`},
		"other type":      {to, with("Content-Type", "image/png"), file, 403, "AccessDenied", "Policy Condition failed"},
		"other bucket":    {strings.Replace(to, "losant-files", "else", 1), ticket, file, 404, "NoSuchBucket", ""},
		"large fields":    {to, with("x-ignore-me", strings.Repeat("x", 30000)), file, 400, "MaxPostPreDataLengthExceeded", ""},
	} {
		a := e.form(c.to, c.fields, c.file)
		if a.status != c.status || code(t, a) != c.code || !strings.Contains(string(a.body), strings.ReplaceAll(c.message, `"`, "&#34;")) &&
			!strings.Contains(string(a.body), strings.ReplaceAll(c.message, `'`, "&#39;")) {
			t.Errorf("%s: %d %s", name, a.status, a.body)
		}
	}
	equal(t, "status", e.get("public", item["id"].(string))["status"], "pending")
	equal(t, "files stored", e.Counts().FormBytes, 0)

	a := e.send("GET", to, nil, nil)
	equal(t, "GET", a.status, 405)
	a = e.send("POST", to, http.Header{"Content-Type": {"application/json"}}, strings.NewReader("{}"))
	equal(t, "not multipart", a.status, 412)
	equal(t, "not multipart", code(t, a), "PreconditionFailed")
	header := http.Header{"Content-Type": {"multipart/form-data; boundary=x"}}
	a = e.send("POST", to, header, struct{ io.Reader }{strings.NewReader("--x--\r\n")}) // of unknown length: chunked
	equal(t, "chunked", a.status, 411)
	equal(t, "chunked", code(t, a), "MissingContentLength")
	a = e.send("POST", to, header, strings.NewReader("no form at all"))
	equal(t, "malformed", a.status, 400)

	equal(t, "the ticket still works", e.form(to, ticket, file).status, 204)
	equal(t, "x-ignore", e.form(to, with("x-ignore-this", "1"), file).status, 204)
	equal(t, "reused", e.form(to, ticket, []byte("again")).status, 204)
	equal(t, "content", string(e.read(item).body), "again")
}

// The form is not finished where its end is missing, even if the file is all there.
func TestStoreIncompleteForm(t *testing.T) {
	e := start(t)
	item := e.create("public", "/", "a")
	to, fields := ticketOf(item)
	var b strings.Builder
	for name, value := range fields {
		b.WriteString("--x\r\nContent-Disposition: form-data; name=\"" + name + "\"\r\n\r\n" + value + "\r\n")
	}
	head := b.String()
	b.WriteString("--x\r\nContent-Disposition: form-data; name=\"file\"\r\n\r\nhalf a fi")
	header := http.Header{"Content-Type": {"multipart/form-data; boundary=x"}}
	a := e.send("POST", to, header, strings.NewReader(b.String()))
	equal(t, "code", code(t, a), "IncompleteBody")
	a = e.send("POST", to, header, strings.NewReader(b.String()+"\r\n--x\r\nno header"))
	equal(t, "code", code(t, a), "IncompleteBody")
	equal(t, "status", e.get("public", item["id"].(string))["status"], "pending")

	// Fields behind the file count as missing, those that are ignored do no harm.
	late := strings.Replace(head, "name=\"key\"", "name=\"file\"", 1) +
		"--x\r\nContent-Disposition: form-data; name=\"key\"\r\n\r\n" + fields["key"] + "\r\n--x--\r\n"
	equal(t, "late key", e.send("POST", to, header, strings.NewReader(late)).status, 400)
	extra := head + "--x\r\nContent-Disposition: form-data; name=\"file\"\r\n\r\nwhole\r\n" +
		"--x\r\nContent-Disposition: form-data; name=\"more\"\r\n\r\nignored\r\n--x--\r\n"
	equal(t, "extra", e.send("POST", to, header, strings.NewReader(extra)).status, 204)
	equal(t, "content", string(e.read(item).body), "whole")
}

func TestStoreSizes(t *testing.T) {
	e := start(t)
	item := e.create("public", "/", "a")
	equal(t, "zero bytes", e.upload(item, []byte{}).status, 204)
	got := e.get("public", item["id"].(string))
	equal(t, "fileSize", got["fileSize"], 0)
	equal(t, "s3etag", got["s3etag"], "d41d8cd98f00b204e9800998ecf8427e")
	equal(t, "content", e.read(got).status, 200)

	e.set("zero-bytes", "reject")
	item = e.api(201, "PATCH", e.item("public", item["id"].(string)), object{})
	a := e.upload(item, []byte{})
	equal(t, "zero bytes", a.status, 400)
	equal(t, "zero bytes", code(t, a), "EntityTooSmall")

	_, fields := ticketOf(item)
	text, _ := base64.StdEncoding.DecodeString(fields["Policy"])
	var policy struct {
		Expiration time.Time
		Conditions []any
	}
	if err := json.Unmarshal(text, &policy); err != nil {
		t.Fatal(err)
	}
	if left := time.Until(policy.Expiration); left < 59*time.Minute || left > time.Hour {
		t.Errorf("a ticket lives %v", left)
	}
	if !strings.Contains(string(text), `["content-length-range",1,5368709120]`) {
		t.Errorf("policy: %s", text)
	}

	large := bytes.Repeat([]byte("0123456789abcdef"), 1<<20) // 16 MiB
	sum := md5.Sum(large)
	equal(t, "ETag", e.upload(item, large).header.Get("ETag"), `"`+hex.EncodeToString(sum[:])+`"`)
	if !bytes.Equal(e.read(got).body, large) {
		t.Error("a large file is not what was sent")
	}
	equal(t, "FormBytes", e.Counts().FormBytes, len(large))
}

func TestTicketSwitches(t *testing.T) {
	e := start(t)
	e.set("ticket-ttl", "30ms")
	item := e.create("public", "/", "a")
	time.Sleep(40 * time.Millisecond)
	a := e.upload(item, []byte("x"))
	equal(t, "expired", a.status, 403)
	equal(t, "expired", code(t, a), "AccessDenied")
	if !strings.Contains(string(a.body), "Invalid according to Policy: Policy expired.") {
		t.Errorf("%s", a.body)
	}
	e.set("ticket-ttl", "1h")
	e.set("tickets", "single-use")
	item = e.api(201, "PATCH", e.item("public", item["id"].(string)), object{})
	equal(t, "first use", e.upload(item, []byte("x")).status, 204)
	a = e.upload(item, []byte("y"))
	equal(t, "second use", a.status, 403)
	equal(t, "second use", code(t, a), "AccessDenied")
	equal(t, "content", string(e.read(item).body), "x")
}

// A ticket of an entry that is gone is still good for the store, and for nothing else.
func TestTicketOutlivesEntry(t *testing.T) {
	e := start(t)
	item := e.create("public", "/", "a")
	e.api(200, "DELETE", e.item("public", item["id"].(string)), nil)
	equal(t, "upload", e.upload(item, []byte("x")).status, 204)
	equal(t, "entries", len(e.list("public", "")), 0)
}
