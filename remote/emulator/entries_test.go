package emulator_test

import (
	"net/http"
	"strings"
	"testing"
	"time"
)

func TestCreateUploadGetDelete(t *testing.T) {
	for _, space := range []string{"public", "private"} {
		e := start(t)
		item := e.api(201, "POST", e.collection(space), object{
			"name": "r.csv", "parentDirectory": "/data/2026", "type": "file", "fileSize": 3, "contentType": "text/csv",
			"fileDimensions": object{"width": 2, "height": 1},
		})
		for field, want := range map[string]any{
			"status": "pending", "name": "r.csv", "parentDirectory": "/data/2026/", "fileSize": 3, "s3etag": nil,
			"authorType": "apiToken",
		} {
			equal(t, field, item[field], want)
		}
		_, fields := ticketOf(item)
		for _, name := range []string{
			"Content-Type", "key", "bucket", "X-Amz-Algorithm", "X-Amz-Credential", "X-Amz-Date", "Policy", "X-Amz-Signature",
		} {
			if fields[name] == "" {
				t.Errorf("the ticket lacks %s", name)
			}
		}
		if a := e.read(item); a.status != 404 {
			t.Errorf("content before the upload: status %d", a.status)
		}
		a := e.upload(item, []byte("1,2,3"))
		equal(t, "upload", a.status, 204)
		equal(t, "ETag", a.header.Get("ETag"), `"55b84a9d317184fe61224bfb4a060fb0"`)
		id := item["id"].(string)
		got := e.get(space, id)
		for field, want := range map[string]any{
			"id": id, "status": "completed", "fileSize": 5, "s3etag": "55b84a9d317184fe61224bfb4a060fb0",
			"contentType": "text/csv", "fileDimensions": object{"width": 2, "height": 1},
			"creationDate": item["creationDate"],
		} {
			equal(t, field, got[field], want)
		}
		equal(t, "content", string(e.read(got).body), "1,2,3")
		equal(t, "parents", names(e.list(space, "type=directory")), "[/data /data/2026]")
		equal(t, "status of parents", len(e.list(space, "type=directory&status=completed")), 2)

		equal(t, "delete", e.api(200, "DELETE", e.item(space, id), nil), object{"success": true})
		e.api(404, "GET", e.item(space, id), nil)
		equal(t, "content", e.read(got).status, 404)
		directory := e.list(space, "filterField=name&filter=data")[0]
		e.api(200, "DELETE", e.item(space, directory["id"].(string)), nil)
		equal(t, "all gone", len(e.list(space, "")), 0)
	}
}

func TestCreateDirectory(t *testing.T) {
	e := start(t)
	d := e.api(201, "POST", e.collection("public"), object{"name": "d", "type": "directory", "parentDirectory": "/x/y/"})
	equal(t, "status", d["status"], "completed")
	equal(t, "upload", d["upload"], nil)
	e.api(400, "PATCH", e.item("public", d["id"].(string)), object{})
	e.api(400, "POST", e.collection("public"), object{"name": "d", "type": "directory", "parentDirectory": "x/y"})
	e.save("public", "/", "file", "x")
	e.api(400, "POST", e.collection("public"), object{"name": "z", "type": "file", "parentDirectory": "/file/"})
}

func TestValidation(t *testing.T) {
	e := start(t)
	long := strings.Repeat("x", 1025)
	for _, body := range []string{
		`[]`, `nonsense`, `null`, `{"type":"file"}`, `{"name":"a"}`, `{"name":"a","type":"link"}`, `{"name":"","type":"file"}`,
		`{"name":1,"type":"file"}`, `{"name":null,"type":"file"}`, `{"name":"a","type":"file","id":"x"}`,
		`{"name":"a","type":"file","fileSize":"1"}`, `{"name":"a","type":"file","contentType":1}`,
		`{"name":"a","type":"file","fileDimensions":{"depth":1}}`, `{"name":"a","type":"file","fileDimensions":1}`,
		`{"name":"a","type":"file","fileDimensions":{"width":"1"}}`, `{"name":"` + long + `","type":"file"}`,
		`{"name":"a","type":"file","parentDirectory":"/` + long + `"}`,
		`{"name":"a","type":"file","contentType":"` + long + `"}`,
	} {
		got := e.api(400, "POST", e.collection("public"), body)
		equal(t, "type of "+body, got["type"], "Validation")
	}
	equal(t, "message", e.api(400, "POST", e.collection("public"), `{"name":"a"}`)["message"], "type is required")
	e.api(413, "POST", e.collection("public"), `{"name":"`+strings.Repeat("x", 1<<21)+`"}`)
	equal(t, "nothing was made", len(e.list("public", "")), 0)

	item := e.save("public", "/", "a", "1")
	id := item["id"].(string)
	e.api(400, "PATCH", e.item("public", id), `{"fileSize":"big"}`)
	e.api(400, "PATCH", e.item("public", id), `{"contentType":"`+long+`"}`)
	e.api(201, "PATCH", e.item("public", id), `{"unknown":true}`)
	e.api(201, "PATCH", e.item("public", id), nil)
	e.api(400, "GET", e.item("public", "xyz"), nil)
	e.api(400, "GET", "/applications/xyz/files", nil)
	e.api(404, "GET", e.item("private", id), nil)
	equal(t, "message", e.api(404, "GET", e.item("public", e.app), nil)["message"], "File was not found")
	equal(t, "message", e.api(404, "GET", e.item("private", e.app), nil)["message"], "Private File was not found")
	equal(t, "message", e.api(404, "GET", "/applications/"+id+"/files", nil)["message"], "Application was not found")
	for _, path := range []string{"/", "/nowhere", "/applications/" + e.app + "/folders", "/applications/" + e.app + "/files/" + id} {
		e.api(405, "GET", path, nil)
	}
}

func TestConflict(t *testing.T) {
	e := start(t)
	e.save("public", "/d", "a", "1")
	body := object{"name": "a", "parentDirectory": "/d", "type": "file"}
	equal(t, "type", e.api(400, "POST", e.collection("public"), body)["type"], "Validation")
	e.set("conflict-status", "409")
	e.api(409, "POST", e.collection("public"), body)
	e.api(201, "POST", e.collection("private"), body)
	e.api(201, "POST", e.collection("public"), object{"name": "A", "parentDirectory": "/d", "type": "file"})
}

func TestNames(t *testing.T) {
	e := start(t)
	sanitised := map[string]string{
		"a/b": "a_b", ".": "_", "..": "__", "a\x00b": "a_b", "\x1b[31m": "_[31m", "": "_",
	}
	for name, want := range sanitised {
		e.set("names", "reject")
		e.api(400, "POST", e.collection("public"), object{"name": name, "type": "file"})
		if name != "" {
			e.api(400, "POST", e.collection("public"), object{"name": "x", "parentDirectory": "/ok/" + name + "/\x01", "type": "file"})
		}
		e.set("names", "sanitise")
		got := e.api(201, "POST", e.collection("public"), object{"name": name, "parentDirectory": "/p" + escape(name), "type": "file"})
		equal(t, "name", got["name"], want)
	}
	got := e.api(201, "POST", e.collection("public"), object{"name": "x", "parentDirectory": "/../a\x01b", "type": "file"})
	equal(t, "parentDirectory", got["parentDirectory"], "/__/a_b/")
	e.set("names", "reject")
	for _, name := range []string{"...", ".hidden", "a b", "100% sure? yes #1.txt", "传感器", `back\slash`, "~", "a:b"} {
		item := e.save("public", "/names", name, name)
		got := e.get("public", item["id"].(string))
		equal(t, "name", got["name"], name)
		equal(t, "content of "+name, string(e.read(got).body), name)
	}
}

func TestPatch(t *testing.T) {
	for _, space := range []string{"public", "private"} {
		e := start(t)
		id := e.save(space, "/", "a.txt", "old")["id"].(string)
		before := e.get(space, id)
		time.Sleep(2 * time.Millisecond)
		item := e.api(201, "PATCH", e.item(space, id), object{"fileSize": 99, "contentType": "text/html"})
		for field, want := range map[string]any{
			"id": id, "status": "pending", "fileSize": 3, "s3etag": before["s3etag"], "contentType": "text/html",
		} {
			equal(t, field, item[field], want)
		}
		if item["lastUpdated"] == before["lastUpdated"] {
			t.Error("lastUpdated did not change")
		}
		equal(t, "pending", len(e.list(space, "status=pending")), 1)
		equal(t, "content before the upload", string(e.read(item).body), "old")
		e.set("reupload-read", "missing")
		equal(t, "content before the upload", e.read(item).status, 404)
		e.set("patch-size", "applied")
		equal(t, "fileSize", e.api(201, "PATCH", e.item(space, id), object{"fileSize": 99})["fileSize"], 99)
		e.upload(item, []byte("newer"))
		got := e.get(space, id)
		equal(t, "status", got["status"], "completed")
		equal(t, "fileSize", got["fileSize"], 5)
		equal(t, "content", string(e.read(got).body), "newer")
		if space == "public" {
			equal(t, "url", got["url"], before["url"])
		}
		equal(t, "creationDate", got["creationDate"], before["creationDate"])
	}
}

func TestCompletionLag(t *testing.T) {
	e := start(t)
	e.set("completion-lag", "80ms")
	item := e.create("public", "/", "a")
	id := item["id"].(string)
	e.upload(item, []byte("one"))
	equal(t, "status", e.get("public", id)["status"], "pending")
	equal(t, "content", e.read(item).status, 404)
	eventually(t, "completed", func() bool { return e.get("public", id)["status"] == "completed" })
	equal(t, "content", string(e.read(item).body), "one")
}

func TestDirectUpload(t *testing.T) {
	for space, part := range map[string]string{"public": "file", "private": "privateFile"} {
		e := start(t)
		id := e.create(space, "/", "a")["id"].(string)
		post := func(name, content string) answer {
			body := "--x\r\nContent-Disposition: form-data; name=\"" + name + "\"; filename=\"f\"\r\n\r\n" + content + "\r\n--x--\r\n"
			return e.send("POST", e.URL()+e.item(space, id)+"/upload", http.Header{
				"Authorization": {"Bearer " + e.token}, "Content-Type": {"multipart/form-data; boundary=x"},
			}, strings.NewReader(body))
		}
		a := post(part, "bytes")
		equal(t, "status", a.status, 200)
		got := a.json(t)
		equal(t, "id", got["id"], id)
		equal(t, "item", got["status"], "completed")
		equal(t, "content", string(e.read(got).body), "bytes")
		equal(t, "wrong part", post("data", "bytes").status, 400)
		equal(t, "too large", post(part, strings.Repeat("x", 10<<20+1)).status, 413)
		equal(t, "empty", post(part, "").status, 200)
		e.set("zero-bytes", "reject")
		equal(t, "empty", post(part, "").status, 400)
		e.api(400, "POST", e.item(space, id)+"/upload", "no form")
	}
}

func TestAsyncDelete(t *testing.T) {
	e := start(t)
	e.set("delete", "async")
	e.set("delete-delay", "100ms")
	e.PutFile(e.app, "public", "/d/a", []byte("a"))
	e.PutFile(e.app, "public", "/d/sub/b", []byte("b"))
	d, _ := e.Find(e.app, "public", "/d")
	e.api(200, "DELETE", e.item("public", d.ID), nil)
	for _, item := range e.list("public", "") {
		equal(t, "status", item["status"], "deleting")
	}
	again := object{"name": "d", "type": "directory"}
	e.api(400, "POST", e.collection("public"), again)
	e.api(400, "PATCH", e.item("public", e.list("public", "type=file")[0]["id"].(string)), object{})
	e.set("reuse-deleting", "allow")
	e.api(201, "POST", e.collection("public"), again)
	e.save("public", "/d", "a", "new")
	eventually(t, "the old ones are gone", func() bool { return len(e.list("public", "")) == 2 })
	a, ok := e.Find(e.app, "public", "/d/a")
	equal(t, "new file", ok, true)
	equal(t, "status", a.Status, "completed")
}
