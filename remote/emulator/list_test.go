package emulator_test

import (
	"fmt"
	"testing"
	"time"
)

func seedTree(e *service, space string) {
	e.PutFile(e.app, space, "/b.txt", []byte("b"))
	e.PutFile(e.app, space, "/a/one.csv", []byte("1"))
	e.PutFile(e.app, space, "/a/deep/two.csv", []byte("22"))
	e.PutDir(e.app, space, "/empty")
}

func TestListRecursesWithoutDirectory(t *testing.T) {
	for _, space := range []string{"public", "private"} {
		e := start(t)
		seedTree(e, space)
		got := e.api(200, "GET", e.collection(space)+"?sortField=name", nil)
		equal(t, "names", names(items(got)), "[/a /b.txt /a/deep /empty /a/one.csv /a/deep/two.csv]")
		for field, want := range map[string]any{
			"count": 6, "totalCount": 6, "page": 0, "perPage": 100, "sortField": "name", "sortDirection": "asc",
			"applicationId": e.app, "parentExists": nil,
		} {
			equal(t, field, got[field], want)
		}
		file := items(got)[4]
		for field, want := range map[string]any{
			"status": "completed", "type": "file", "fileSize": 1, "contentType": "text/csv", "parentDirectory": "/a/",
			"s3etag": "c4ca4238a0b923820dcc509a6f75849b", "applicationId": e.app, "authorType": "user",
		} {
			equal(t, field, file[field], want)
		}
		for _, field := range []string{"id", "creationDate", "lastUpdated", "url", "_type", "_links"} {
			if file[field] == nil {
				t.Errorf("an item lacks %s", field)
			}
		}
		if _, err := time.Parse("2006-01-02T15:04:05.000Z", file["lastUpdated"].(string)); err != nil {
			t.Error(err)
		}
		if directory := items(got)[0]; directory["url"] != nil || directory["type"] != "directory" {
			t.Errorf("a directory is described as %v", directory)
		}
	}
}

func TestListQuery(t *testing.T) {
	e := start(t)
	seedTree(e, "public")
	for query, want := range map[string]string{
		"directory=/":   "[/b.txt /a /empty]",
		"directory=/a":  "[/a/one.csv /a/deep]",
		"directory=/a/": "[/a/one.csv /a/deep]",
		"directory=a/deep&sortField=creationDate":        "[/a/deep/two.csv]",
		"directory=/nowhere":                             "[]",
		"type=directory&sortField=name":                  "[/a /a/deep /empty]",
		"type=file&sortField=name&sortDirection=desc":    "[/a/deep/two.csv /a/one.csv /b.txt]",
		"filterField=name&filter=*.csv&sortField=name":   "[/a/one.csv /a/deep/two.csv]",
		"filterField=name&filter=o?e.csv":                "[/a/one.csv]",
		"filterField=name&filter=[ab].txt":               "[/b.txt]",
		"filterField=name&filter=":                       "[/b.txt /a /a/one.csv /a/deep /a/deep/two.csv /empty]",
		"status=pending":                                 "[]",
		"status=completed&type=file&directory=/a":        "[/a/one.csv]",
		"sortField=type&type=&perPage=2&page=1":          "[/empty /b.txt]",
		"sortField=name&sortDirection=DESC&perPage=1":    "[/a/deep/two.csv]",
		"sortField=name&page=6&perPage=1":                "[]",
		"sortField=name&page=9223372036854775807":        "[]",
		"sortField=name&page=5&perPage=1&_actions=false": "[/a/deep/two.csv]",
	} {
		equal(t, query, names(e.list("public", query)), want)
	}
	equal(t, "parentExists", e.api(200, "GET", e.collection("public")+"?directory=/empty", nil)["parentExists"], true)
	equal(t, "parentExists", e.api(200, "GET", e.collection("public")+"?directory=/none", nil)["parentExists"], false)
	equal(t, "links", e.list("public", "_links=false")[0]["_links"], nil)
	for _, query := range []string{
		"sortField=size", "sortDirection=up", "page=-1", "page=x", "perPage=0", "perPage=x", "type=link",
		"status=moving", "filterField=id&filter=x",
	} {
		e.api(400, "GET", e.collection("public")+"?"+query, nil)
	}
}

// A listing stays sorted while entries come, go and change, whichever orders exist.
func TestListFollowsChanges(t *testing.T) {
	e := start(t)
	for i := range 50 {
		e.PutFile(e.app, "public", fmt.Sprintf("/d/%02d", i*7%50), []byte{byte(i)})
	}
	queries := []string{"sortField=name", "sortField=name&directory=/d", "directory=/d", "", "sortField=type"}
	for _, q := range queries {
		e.list("public", q)
	}
	for i := range 25 {
		e.Remove(e.app, "public", fmt.Sprintf("/d/%02d", i*2))
		e.PutFile(e.app, "public", fmt.Sprintf("/d/new%02d", i), []byte("x"))
		e.PutFile(e.app, "public", fmt.Sprintf("/d/%02d", 49-2*(i%5)), []byte{byte(i), 1})
	}
	for _, q := range queries {
		got := e.list("public", q)
		last := ""
		for _, item := range got {
			key := item["lastUpdated"].(string) + item["id"].(string)
			switch q {
			case "sortField=name", "sortField=name&directory=/d":
				key = item["name"].(string)
			case "sortField=type":
				key = item["type"].(string) + item["id"].(string)
			}
			if key < last {
				t.Errorf("%q: %s comes after %s", q, key, last)
			}
			last = key
		}
		want := 50
		if q != "sortField=name&directory=/d" && q != "directory=/d" {
			want++ // the directory itself
		}
		equal(t, q, len(got), want)
	}
}

func TestListSwitches(t *testing.T) {
	e := start(t)
	seedTree(e, "public")
	seedTree(e, "private")
	path := e.collection("public")

	e.set("per-page-max", "2")
	got := e.api(200, "GET", path+"?perPage=1000", nil)
	equal(t, "perPage", got["perPage"], 2)
	equal(t, "count", got["count"], 2)
	equal(t, "totalCount", got["totalCount"], 6)
	e.set("per-page-max", "1000")

	e.set("total-count", "wrong")
	equal(t, "totalCount", e.api(200, "GET", path, nil)["totalCount"], 7)
	e.set("total-count", "right")

	e.set("list-depth", "recursive")
	equal(t, "recursive", names(e.list("public", "directory=/a&sortField=name")), "[/a/deep /a/one.csv /a/deep/two.csv]")
	e.set("list-depth", "children")

	e.set("list-fail-page", "1")
	e.api(200, "GET", path+"?perPage=2", nil)
	e.api(500, "GET", path+"?perPage=2&page=1", nil)
	e.set("list-fail-page", "-1")
	e.api(200, "GET", path+"?perPage=2&page=1", nil)

	private := func() any { return e.list("private", "filterField=name&filter=b.txt")[0]["url"] }
	if private() == nil {
		t.Error("a private file has no url")
	}
	e.set("list-private-url", "false")
	equal(t, "url", private(), nil)

	for _, status := range []string{"404", "405"} {
		e.set("private-files", status)
		a, _ := e.tryAPI("GET", e.collection("private"), nil)
		equal(t, "status", a.status, status)
		equal(t, "public", len(e.list("public", "")), 6)
		summary := e.api(200, "GET", "/applications/"+e.app, nil)["summary"].(object)
		equal(t, "summary", summary, object{"fileCount": 3})
	}
}

func TestCaseInsensitive(t *testing.T) {
	e := start(t)
	e.set("case-sensitive", "false")
	e.save("public", "/Docs", "Read.me", "x")
	equal(t, "listing", names(e.list("public", "directory=/dOCS")), "[/Docs/Read.me]")
	e.api(400, "POST", e.collection("public"), object{"name": "READ.ME", "parentDirectory": "/docs", "type": "file"})
	e.api(201, "POST", e.collection("public"), object{"name": "other", "parentDirectory": "/docs", "type": "file"})
	equal(t, "listing", names(e.list("public", "directory=/docs&sortField=name")), "[/Docs/Read.me /Docs/other]")
	if _, ok := e.Find(e.app, "public", "/docs/read.ME"); !ok {
		t.Error("not found under another case")
	}
	e.set("case-sensitive", "true")
	if _, ok := e.Find(e.app, "public", "/docs/read.ME"); ok {
		t.Error("found under another case")
	}
}
