package emulator_test

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"losantfs/remote/emulator"
)

func TestErrorSwitches(t *testing.T) {
	e := start(t)
	e.PutFile(e.app, "public", "/a", []byte("a"))
	path := e.collection("public")
	e.set("error-count", "2")
	e.set("retry-after", "7")
	a, _ := e.tryAPI("GET", path, nil)
	equal(t, "status", a.status, 503)
	equal(t, "Retry-After", a.header.Get("Retry-After"), 7)
	if a.json(t)["type"] == nil || a.json(t)["message"] == nil {
		t.Errorf("%s", a.body)
	}
	e.api(503, "POST", path, object{"name": "b", "type": "file"})
	e.api(200, "GET", path, nil)
	equal(t, "no work done", len(e.list("public", "")), 1)

	e.set("error-status", "429")
	e.set("error-rate", "1")
	e.set("error-ops", "create, content")
	e.api(200, "GET", path, nil)
	e.api(429, "POST", path, object{"name": "b", "type": "file"})
	a = e.send("GET", find(t, e, "public", "/a").URL, nil, nil)
	equal(t, "content", a.status, 429)
	code(t, a)
	e.set("error-ops", "form")
	item := e.create("public", "/", "c")
	a = e.upload(item, []byte("c"))
	equal(t, "form", a.status, 429)
	code(t, a)
	e.set("retry-after", "")
	equal(t, "Retry-After", e.upload(item, []byte("c")).header.Get("Retry-After"), "")
	e.set("error-rate", "0.5")
	failed := 0
	e.set("seed", "7")
	for range 100 {
		if e.upload(item, []byte("c")).status == 429 {
			failed++
		}
	}
	if failed < 30 || failed > 70 {
		t.Errorf("%d of 100 failed at a rate of one half", failed)
	}
	e.set("seed", "7")
	again := 0
	for range 100 {
		if e.upload(item, []byte("c")).status == 429 {
			again++
		}
	}
	equal(t, "the same seed", again, failed)
}

func TestDrop(t *testing.T) {
	e := start(t)
	for name, value := range map[string]string{"drop-count": "1", "drop-rate": "1"} {
		e.set("error-ops", "create,form")
		e.set(name, value)
		file := name + ".txt"
		if a, err := e.tryAPI("POST", e.collection("public"), object{"name": file, "type": "file"}); err == nil {
			t.Errorf("%s: answered %d", name, a.status)
		}
		e.set("drop-rate", "0")
		item := find(t, e, "public", "/"+file)
		equal(t, "the work is done", item.Status, "pending")
		ticket := e.api(201, "PATCH", e.item("public", item.ID), object{})
		e.set(name, value)
		to, fields := ticketOf(ticket)
		body := strings.NewReader(formBody(fields, "content"))
		if a, err := e.try("POST", to, http.Header{"Content-Type": {"multipart/form-data; boundary=x"}}, body); err == nil {
			t.Errorf("%s: form answered %d", name, a.status)
		}
		e.set("drop-rate", "0")
		content, _ := e.Content(e.app, "public", "/"+file)
		equal(t, "the work is done", string(content), "content")
	}
}

func formBody(fields map[string]string, content string) string {
	var b strings.Builder
	for name, value := range fields {
		b.WriteString("--x\r\nContent-Disposition: form-data; name=\"" + name + "\"\r\n\r\n" + value + "\r\n")
	}
	b.WriteString("--x\r\nContent-Disposition: form-data; name=\"file\"\r\n\r\n" + content + "\r\n--x--\r\n")
	return b.String()
}

func TestGarbage(t *testing.T) {
	e := start(t)
	e.set("garbage-count", "1")
	a, _ := e.tryAPI("POST", e.collection("public"), object{"name": "a", "type": "file"})
	equal(t, "status", a.status, 502)
	if !strings.HasPrefix(string(a.body), "<html>") || !strings.HasPrefix(a.header.Get("Content-Type"), "text/html") {
		t.Errorf("%q", a.body)
	}
	equal(t, "behind a gateway the work is done", len(e.list("public", "")), 1)
	e.set("garbage-status", "200")
	e.set("garbage-count", "1")
	a, _ = e.tryAPI("POST", e.collection("public"), object{"name": "b", "type": "file"})
	equal(t, "status", a.status, 200)
	equal(t, "behind a portal it is not", len(e.list("public", "")), 1)
}

func TestLatency(t *testing.T) {
	e := start(t)
	e.PutFile(e.app, "public", "/a", []byte("a"))
	url := find(t, e, "public", "/a").URL
	item := e.create("public", "/", "b")
	e.set("latency", "40ms")
	e.set("jitter", "10ms")
	for name, call := range map[string]func(){
		"API":     func() { e.list("public", "") },
		"store":   func() { e.upload(item, []byte("b")) },
		"content": func() { e.send("GET", url, nil, nil) },
	} {
		begin := time.Now()
		call()
		if took := time.Since(begin); took < 40*time.Millisecond {
			t.Errorf("%s answered after %v", name, took)
		}
	}
}

func TestHang(t *testing.T) {
	e := start(t)
	e.set("hang-count", "2")
	e.client.Timeout = 50 * time.Millisecond
	if _, err := e.tryAPI("GET", e.collection("public"), nil); err == nil {
		t.Error("a call that hangs was answered")
	}
	e.client.Timeout = 10 * time.Second
	failed := make(chan error, 1)
	go func() {
		_, err := e.tryAPI("POST", e.collection("public"), object{"name": "a", "type": "file"})
		failed <- err
	}()
	eventually(t, "the call arrives", func() bool { return e.Counts().Calls["create"] == 1 })
	if err := e.Close(); err != nil {
		t.Fatal(err)
	}
	if err := <-failed; err == nil {
		t.Error("a call that hangs was answered")
	}
}

// Close ends what is slow on purpose at once.
func TestCloseEndsDelays(t *testing.T) {
	e := start(t)
	id := e.save("public", "/", "a", "a")["id"].(string)
	e.set("move-delay", "1h")
	e.move(201, "public", id, "name=b")
	e.set("latency", "1h")
	failed := make(chan error, 1)
	go func() { _, err := e.tryAPI("GET", e.collection("public"), nil); failed <- err }()
	eventually(t, "the call arrives", func() bool { return e.Counts().Calls["list"] == 1 })
	begin := time.Now()
	if err := e.Close(); err != nil {
		t.Fatal(err)
	}
	if took := time.Since(begin); took > time.Second {
		t.Errorf("Close took %v", took)
	}
	if err := <-failed; err == nil {
		t.Error("answered after Close")
	}
}

func TestDown(t *testing.T) {
	e := start(t)
	e.PutFile(e.app, "public", "/a", bytes.Repeat([]byte("x"), 32<<20))
	e.PutFile(e.app, "private", "/a", []byte("a"))
	item := e.create("public", "/", "b")
	store, _ := ticketOf(item)
	large := find(t, e, "public", "/a").URL
	resp, err := http.Get(large)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	e.set("down", "true")
	if n, err := io.Copy(io.Discard, resp.Body); err == nil {
		t.Errorf("a download of %d bytes went on", n)
	}
	for _, url := range []string{e.URL() + "/me", store, large, find(t, e, "private", "/a").URL} {
		for range 2 {
			_, err := e.try("GET", url, nil, nil)
			if !errors.Is(err, syscall.ECONNRESET) && !errors.Is(err, io.EOF) && !errors.Is(err, syscall.EPIPE) {
				t.Errorf("%s: %v", url, err)
			}
		}
	}
	a := e.send("POST", e.URL()+"/_emulator/switches", nil, strings.NewReader(`{"down":"false"}`))
	equal(t, "status", a.status, 200)
	equal(t, "up again", string(e.send("GET", find(t, e, "private", "/a").URL, nil, nil).body), "a")
	e.api(200, "GET", "/me", nil)
	http.DefaultClient.CloseIdleConnections()
}

func TestRedirectAPI(t *testing.T) {
	e := start(t)
	e.PutFile(e.app, "public", "/a", []byte("a"))
	e.set("redirect-api", "http://127.0.0.1:1/base/")
	a, _ := e.tryAPI("GET", e.collection("public")+"?page=1", nil)
	equal(t, "status", a.status, 307)
	equal(t, "Location", a.header.Get("Location"), "http://127.0.0.1:1/base"+e.collection("public")+"?page=1")
}

func TestSetRefuses(t *testing.T) {
	e := start(t)
	for name, c := range map[string][2]string{
		"no-such":      {"1", "the switches are case-sensitive, cdn-etag"},
		"latency":      {"fast", "a duration such as"},
		"move-delay":   {"-1s", "a duration such as"},
		"error-rate":   {"2", "a number from 0 to 1"},
		"error-ops":    {"list,nothing", "a comma list of list, get"},
		"delete":       {"later", "one of instant, async"},
		"down":         {"yes", "true or false"},
		"drop-count":   {"-1", "at least 0"},
		"url-ttl":      {"x", "a duration such as"},
		"redirect-api": {"elsewhere", "an absolute URL"},
	} {
		if err := e.Set(name, c[0]); err == nil || !strings.Contains(err.Error(), c[1]) {
			t.Errorf("%s=%s: %v", name, c[0], err)
		}
	}
	last := ""
	for _, sw := range e.Switches() {
		if sw.Name <= last || sw.Help == "" || sw.Value != sw.Default {
			t.Errorf("%+v after %s", sw, last)
		}
		last = sw.Name
		if err := e.Set(sw.Name, sw.Default); err != nil {
			t.Error(err)
		}
	}
	equal(t, "defaults", e.Switches(), emulator.DefaultSwitches())
}

func TestCounts(t *testing.T) {
	e := start(t)
	item := e.save("public", "/", "a", "content")
	id := item["id"].(string)
	e.get("public", id)
	e.read(item)
	e.read(item)
	e.upload(e.api(201, "PATCH", e.item("public", id), object{}), []byte("more"))
	moved := e.move(201, "public", id, "name=b")
	e.api(404, "GET", e.item("public", id), nil)
	e.api(200, "DELETE", e.item("public", moved["id"].(string)), nil)
	e.list("public", "")
	e.api(200, "GET", "/me", nil)
	e.api(200, "GET", "/applications", nil)
	e.api(200, "GET", "/applications/"+e.app, nil)
	e.send("POST", e.URL()+"/auth/user", nil, strings.NewReader("{}"))
	e.send("GET", e.URL()+"/auth/ssoDomain?email=x", nil, nil)
	e.api(400, "POST", e.item("public", id)+"/upload", nil)
	n := e.Counts()
	equal(t, "calls", n.Calls, map[string]int64{
		"create": 1, "form": 2, "get": 2, "content": 2, "patch": 1, "move": 1, "delete": 1, "list": 1, "me": 1,
		"applications": 1, "application": 1, "auth": 1, "sso": 1, "upload": 1,
	})
	equal(t, "Total", n.Total(), 13)
	equal(t, "Writes", n.Writes(), 5)
	equal(t, "Errors", n.Errors, 3)
	equal(t, "ContentBytes", n.ContentBytes, 2*len("content"))
	equal(t, "FormBytes", n.FormBytes, len("content")+len("more"))
	equal(t, "Leaks", n.Leaks, 0)
	if n.BytesIn < 2000 || n.BytesOut < 2000 || n.Connections < 3 {
		t.Errorf("%+v", n)
	}

	a := e.send("GET", e.URL()+"/_emulator/counts", nil, nil)
	equal(t, "by HTTP", a.json(t)["calls"].(object)["form"], 2)
	e.send("POST", e.URL()+"/_emulator/counts/reset", nil, nil)
	n = e.Counts()
	equal(t, "after the reset", []any{n.Total(), n.BytesOut, n.Errors}, "[0 0 0]")
	a = e.send("GET", e.URL()+"/_emulator/switches", nil, nil)
	if !strings.Contains(string(a.body), `"name":"zero-bytes"`) {
		t.Errorf("%s", a.body)
	}
	equal(t, "refused", e.send("POST", e.URL()+"/_emulator/switches", nil, strings.NewReader(`{"x":"y"}`)).status, 400)
	equal(t, "refused", e.send("POST", e.URL()+"/_emulator/switches", nil, strings.NewReader(`[]`)).status, 400)
	equal(t, "unknown", e.send("GET", e.URL()+"/_emulator/x", nil, nil).status, 404)
	equal(t, "not counted", e.Counts().Errors, 0)
}

func TestLeaks(t *testing.T) {
	e := start(t)
	for _, space := range []string{"public", "private"} {
		e.PutFile(e.app, space, "/a", []byte("a"))
		item := find(t, e, space, "/a")
		e.ResetCounts()
		e.send("GET", item.URL, nil, nil)
		equal(t, "leaks", e.Counts().Leaks, 0)
		e.send("GET", item.URL, http.Header{"Authorization": {"Basic abc"}}, nil)
		e.send("GET", item.URL, http.Header{"Cookie": {"t=" + e.token}}, nil)
		e.send("GET", item.URL+"&token="+e.NewToken(time.Hour), nil, nil)
		equal(t, "leaks", e.Counts().Leaks, 3)
	}
	item := e.create("public", "/", "b")
	to, fields := ticketOf(item)
	e.form(to, fields, []byte("x"))
	equal(t, "leaks", e.Counts().Leaks, 3)
	fields["x-ignore-me"] = e.token
	e.form(to, fields, []byte("x"))
	equal(t, "leaks", e.Counts().Leaks, 4)
}

// Many clients at once, for the race detector.
func TestConcurrency(t *testing.T) {
	e := start(t)
	e.set("completion-lag", "1ms")
	e.set("delete", "async")
	e.set("cdn-ttl", "1ms")
	var all sync.WaitGroup
	for i := range 8 {
		all.Go(func() {
			name := string(rune('a' + i))
			for range 10 {
				item := e.save("public", "/"+name, name, name)
				e.list("public", "sortField=name")
				e.list("public", "directory=/"+name)
				e.read(item)
				id := item["id"].(string)
				if i%2 == 0 {
					id = e.move(201, "public", id, "parentDirectory=/m"+name)["id"].(string)
				}
				e.api(200, "DELETE", e.item("public", id), nil)
				for {
					if e.Remove(e.app, "public", "/"+name); !e.Remove(e.app, "public", "/m"+name) {
						break
					}
				}
			}
		})
	}
	all.Wait()
}
