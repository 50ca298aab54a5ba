package emulator_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"losantfs/remote/emulator"
)

func find(t *testing.T, e *service, space, path string) emulator.Item {
	t.Helper()
	item, ok := e.Find(e.app, space, path)
	if !ok {
		t.Fatalf("there is no %s", path)
	}
	return item
}

func TestContent(t *testing.T) {
	e := start(t)
	for _, space := range []string{"public", "private"} {
		e.PutFile(e.app, space, "/d/a b.txt", []byte("0123456789"))
		item := find(t, e, space, "/d/a b.txt")
		etag := `"` + item.S3ETag + `"`
		modified := item.LastUpdated.Format(http.TimeFormat)
		for name, c := range map[string]struct {
			header http.Header
			status int
			body   string
		}{
			"whole":               {nil, 200, "0123456789"},
			"range":               {http.Header{"Range": {"bytes=2-4"}}, 206, "234"},
			"open range":          {http.Header{"Range": {"bytes=7-"}}, 206, "789"},
			"suffix":              {http.Header{"Range": {"bytes=-2"}}, 206, "89"},
			"beyond":              {http.Header{"Range": {"bytes=10-"}}, 416, ""},
			"If-Range":            {http.Header{"Range": {"bytes=2-4"}, "If-Range": {etag}}, 206, "234"},
			"If-Range, other":     {http.Header{"Range": {"bytes=2-4"}, "If-Range": {`"x"`}}, 200, "0123456789"},
			"If-None-Match":       {http.Header{"If-None-Match": {etag}}, 304, ""},
			"If-None-Match other": {http.Header{"If-None-Match": {`"x"`}}, 200, "0123456789"},
			"If-Modified-Since":   {http.Header{"If-Modified-Since": {modified}}, 304, ""},
		} {
			a := e.send("GET", item.URL, c.header, nil)
			if a.status != c.status || c.body != "" && string(a.body) != c.body {
				t.Errorf("%s, %s: %d %q", space, name, a.status, a.body)
			}
			if a.status == 200 {
				equal(t, "ETag", a.header.Get("ETag"), etag)
				equal(t, "Content-Type", a.header.Get("Content-Type"), "text/plain")
				equal(t, "Last-Modified", a.header.Get("Last-Modified"), modified)
			}
		}
		equal(t, "POST", e.send("POST", item.URL, nil, nil).status, 405)
		e.set("redirect-content", "true")
		a := e.send("GET", item.URL, nil, nil)
		equal(t, "redirect", a.status, 302)
		host := item.URL[:strings.Index(item.URL[7:], "/")+7]
		equal(t, "redirected", string(e.send("GET", host+a.header.Get("Location"), nil, nil).body), "0123456789")
		e.set("redirect-content", "false")
	}
	item := find(t, e, "public", "/d/a b.txt")
	if !strings.HasSuffix(item.URL, "/"+e.app+"/d/a%20b.txt") {
		t.Errorf("url: %s", item.URL)
	}
	a := e.send("HEAD", item.URL, nil, nil)
	equal(t, "HEAD", a.status, 200)
	equal(t, "Content-Length", a.header.Get("Content-Length"), 10)
	equal(t, "X-Cache", a.header.Get("X-Cache"), "Miss from emulator")
	equal(t, "missing", e.send("GET", item.URL+"x", nil, nil).status, 404)
	e.PutDir(e.app, "public", "/dir")
	equal(t, "directory", e.send("GET", strings.Replace(item.URL, "/d/a%20b.txt", "/dir", 1), nil, nil).status, 404)
}

func TestSignedURL(t *testing.T) {
	e := start(t)
	e.PutFile(e.app, "private", "/a", []byte("a"))
	item := find(t, e, "private", "/a")
	url := e.get("private", item.ID)["url"].(string)
	if !strings.Contains(url, "X-Amz-Expires=900&") {
		t.Errorf("url: %s", url)
	}
	equal(t, "content", string(e.send("GET", url, nil, nil).body), "a")
	for name, wrong := range map[string]string{
		"no signature":    url[:strings.Index(url, "?")],
		"wrong signature": url[:len(url)-4] + "0000",
		"another file":    strings.Replace(url, "/a?", "/b?", 1),
		"longer life":     strings.Replace(url, "X-Amz-Expires=900", "X-Amz-Expires=9000", 1),
	} {
		a := e.send("GET", wrong, nil, nil)
		if a.status != 403 {
			t.Errorf("%s: status %d", name, a.status)
		}
		code(t, a)
	}
	equal(t, "HEAD", e.send("HEAD", url, nil, nil).status, 403)

	path := e.item("private", item.ID)
	equal(t, "urlTTL=0", e.api(200, "GET", path+"?urlTTL=0", nil)["url"], nil)
	asked := e.api(200, "GET", path+"?urlTTL=60", nil)["url"].(string)
	if !strings.Contains(asked, "X-Amz-Expires=60&") {
		t.Errorf("url: %s", asked)
	}
	e.set("url-ttl", "30ms")
	for _, query := range []string{"", "?urlTTL=60"} {
		short := e.api(200, "GET", path+query, nil)["url"].(string)
		equal(t, "in time", e.send("GET", short, nil, nil).status, 200)
		time.Sleep(40 * time.Millisecond)
		a := e.send("GET", short, nil, nil)
		equal(t, "expired", a.status, 403)
		equal(t, "expired", code(t, a), "AccessDenied")
	}
	equal(t, "the older url", e.send("GET", url, nil, nil).status, 200)
}

func TestCDNCache(t *testing.T) {
	e := start(t)
	e.set("cdn-ttl", "10s")
	e.PutFile(e.app, "public", "/a", []byte("old"))
	url := find(t, e, "public", "/a").URL
	first := e.send("GET", url, nil, nil)
	equal(t, "X-Cache", first.header.Get("X-Cache"), "Miss from emulator")
	e.PutFile(e.app, "public", "/a", []byte("newer"))
	second := e.send("GET", url, nil, nil)
	equal(t, "stale content", string(second.body), "old")
	equal(t, "stale ETag", second.header.Get("ETag"), first.header.Get("ETag"))
	equal(t, "X-Cache", second.header.Get("X-Cache"), "Hit from emulator")
	equal(t, "Age", second.header.Get("Age"), 0)
	equal(t, "range of it", string(e.send("GET", url, http.Header{"Range": {"bytes=1-"}}, nil).body), "ld")
	equal(t, "another query", string(e.send("GET", url+"?v=2", nil, nil).body), "newer")
	e.Remove(e.app, "public", "/a")
	equal(t, "removed", string(e.send("GET", url, nil, nil).body), "old")
	e.set("cdn-ttl", "1ms")
	time.Sleep(2 * time.Millisecond)
	equal(t, "after the ttl", e.send("GET", url, nil, nil).status, 404)
}

func TestCDNSwitches(t *testing.T) {
	e := start(t)
	e.PutFile(e.app, "public", "/a", []byte("0123456789"))
	item := find(t, e, "public", "/a")
	e.set("cdn-etag", "none")
	equal(t, "ETag", e.send("GET", item.URL, nil, nil).header.Get("ETag"), "")
	e.set("cdn-etag", "weak")
	equal(t, "ETag", e.send("GET", item.URL, nil, nil).header.Get("ETag"), `W/"`+item.S3ETag+`"`)
	e.set("cdn-range", "ignore")
	a := e.send("GET", item.URL, http.Header{"Range": {"bytes=2-4"}}, nil)
	equal(t, "status", a.status, 200)
	equal(t, "content", string(a.body), "0123456789")
}

func TestSpoiltContent(t *testing.T) {
	e := start(t)
	content := strings.Repeat("0123456789", 100_000)
	for _, space := range []string{"public", "private"} {
		e.PutFile(e.app, space, "/a", []byte(content))
		item := find(t, e, space, "/a")
		e.set("truncate-count", "1")
		a, err := e.try("GET", item.URL, nil, nil)
		if err == nil || len(a.body) != len(content)/2 {
			t.Errorf("%s: %d bytes and error %v", space, len(a.body), err)
		}
		e.set("corrupt-count", "1")
		a = e.send("GET", item.URL, nil, nil)
		wrong := 0
		for i := range a.body {
			if a.body[i] != content[i] {
				wrong++
			}
		}
		equal(t, "length", len(a.body), len(content))
		equal(t, "wrong bytes", wrong, 1)
		equal(t, "ETag", a.header.Get("ETag"), `"`+item.S3ETag+`"`)
		equal(t, "afterwards", string(e.send("GET", item.URL, nil, nil).body), content)
		e.set("truncate-rate", "1")
		if _, err := e.try("GET", item.URL, http.Header{"Range": {"bytes=5-6"}}, nil); err == nil {
			t.Error("a range was not cut")
		}
		e.set("truncate-rate", "0")
	}
}

func TestHostileEntries(t *testing.T) {
	e := start(t)
	size := int64(12345)
	for _, raw := range []emulator.RawEntry{
		{Name: "..", ParentDirectory: "/", Content: []byte("dots")},
		{Name: "a/b", ParentDirectory: "/x", Content: []byte("slash")},
		{Name: "", ParentDirectory: "../../etc", Content: []byte("nameless")},
		{Name: "nul\x00\x1b", ParentDirectory: "//", Content: []byte("control")},
		{Name: "lying", ParentDirectory: "/", Content: []byte("short"), FileSize: &size, S3ETag: "abc-2"},
		{Name: "loop", ParentDirectory: "/", Status: "moving", MoveIntoID: e.app},
		{Name: "d", ParentDirectory: "/", Type: "directory", Status: "deleting"},
		{Name: "d", ParentDirectory: "/", Type: "directory"},
		{Name: "none", ParentDirectory: "/", Status: "pending"},
	} {
		id := e.PutRaw(e.app, "public", raw)
		got := e.get("public", id)
		equal(t, "name", got["name"], raw.Name)
		equal(t, "parentDirectory", got["parentDirectory"], raw.ParentDirectory)
		if raw.Content != nil {
			equal(t, "content of "+raw.Name, string(e.read(got).body), string(raw.Content))
		}
		if raw.FileSize != nil {
			equal(t, "fileSize", got["fileSize"], size)
			equal(t, "s3etag", got["s3etag"], "abc-2")
		}
		if raw.Status != "" {
			equal(t, "status", got["status"], raw.Status)
		}
	}
	equal(t, "listed", len(e.list("public", "")), 9)
	equal(t, "found", find(t, e, "public", "/d").Status, "completed")
	if !e.Remove(e.app, "public", "/..") || e.Remove(e.app, "public", "/..") {
		t.Error("a hostile entry cannot be removed once")
	}
}
