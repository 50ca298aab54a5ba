package emulator_test

import (
	"fmt"
	"testing"
	"time"
)

func (e *service) move(want int, space, id, query string) object {
	e.t.Helper()
	return e.api(want, "POST", e.item(space, id)+"/move?"+query, object{})
}

func TestMoveFile(t *testing.T) {
	for _, space := range []string{"public", "private"} {
		e := start(t)
		old := e.save(space, "/d", "a.txt", "content")
		id := old["id"].(string)
		moved := e.move(201, space, id, "name=b.txt&parentDirectory="+escape("/new/place"))
		if moved["id"] == id {
			t.Error("a move keeps the id")
		}
		equal(t, "answered status", moved["status"], "pending")
		equal(t, "parentDirectory", moved["parentDirectory"], "/new/place/")
		e.api(404, "GET", e.item(space, id), nil)
		got := e.get(space, moved["id"].(string))
		for field, want := range map[string]any{
			"status": "completed", "name": "b.txt", "parentDirectory": "/new/place/", "fileSize": 7,
			"s3etag": "9a0364b9e99bb480dd25e1f0284c8555", "contentType": "text/plain",
		} {
			equal(t, field, got[field], want)
		}
		equal(t, "content", string(e.read(got).body), "content")
		equal(t, "old content", e.read(old).status, 404)
		equal(t, "directories", names(e.list(space, "type=directory&sortField=name")), "[/d /new /new/place]")

		e.move(201, space, moved["id"].(string), "name=c.txt")
		c := e.list(space, "filterField=name&filter=c.txt")[0]
		equal(t, "renamed in place", c["parentDirectory"], "/new/place/")
		e.move(201, space, c["id"].(string), "parentDirectory=/")
		equal(t, "moved up", names(e.list(space, "type=file")), "[/c.txt]")
	}
}

func TestMoveRefused(t *testing.T) {
	e := start(t)
	a := e.save("public", "/d", "a", "a")["id"].(string)
	b := e.save("public", "/d", "b", "b")["id"].(string)
	d := find(t, e, "public", "/d").ID
	e.move(400, "public", a, "")
	e.move(400, "public", a, "name=a")
	e.move(400, "public", a, "name=a&parentDirectory=/d/")
	e.move(400, "public", a, "name=b")
	e.move(400, "public", a, "name=x%2Fy")
	e.move(400, "public", a, "parentDirectory=/../x")
	e.move(400, "public", a, "parentDirectory=/d/b")
	e.move(400, "public", d, "parentDirectory=/d")
	e.move(400, "public", d, "parentDirectory=/d/sub")
	e.move(404, "private", a, "name=c")
	e.set("conflict-status", "409")
	e.move(409, "public", a, "name=b")
	equal(t, "unchanged", names(e.list("public", "sortField=name")), "[/d/a /d/b /d]")
	equal(t, "unchanged", e.get("public", b)["status"], "completed")
	e.set("names", "sanitise")
	equal(t, "name", e.move(201, "public", a, "name=x%2Fy")["name"], "x_y")
}

func TestMoveDelay(t *testing.T) {
	e := start(t)
	e.set("move-delay", "80ms")
	old := e.save("public", "/", "a", "content")
	id := old["id"].(string)
	moved := e.move(201, "public", id, "name=b")
	got := e.get("public", id)
	equal(t, "status", got["status"], "moving")
	equal(t, "moveIntoId", got["moveIntoId"], moved["id"])
	equal(t, "old content", string(e.read(old).body), "content")
	equal(t, "new status", e.get("public", moved["id"].(string))["status"], "pending")
	equal(t, "new content", e.read(moved).status, 404)
	e.move(400, "public", id, "name=c")
	e.api(400, "PATCH", e.item("public", id), object{})
	e.api(400, "DELETE", e.item("public", id), nil)
	eventually(t, "the old entry is gone", func() bool {
		a, _ := e.tryAPI("GET", e.item("public", id), nil)
		return a.status == 404
	})
	equal(t, "new status", e.get("public", moved["id"].(string))["status"], "completed")
	equal(t, "new content", string(e.read(moved).body), "content")
}

func seedMove(e *service) (directory string, ids map[string]bool) {
	for i := range 3 {
		e.PutFile(e.app, "public", fmt.Sprintf("/d/%d", i), []byte{byte('0' + i)})
		e.PutFile(e.app, "public", fmt.Sprintf("/d/sub/%d", i), []byte{byte('a' + i)})
	}
	e.PutDir(e.app, "public", "/d/empty")
	ids = map[string]bool{}
	for _, item := range e.Items(e.app, "public") {
		ids[item.ID] = true
	}
	return find(e.t, e, "public", "/d").ID, ids
}

func checkMoved(t *testing.T, e *service, ids map[string]bool) {
	t.Helper()
	items := e.Items(e.app, "public")
	var paths []string
	for _, item := range items {
		paths = append(paths, item.Path())
		if item.Path() != "/n" && ids[item.ID] || item.Status != "completed" {
			t.Errorf("after the move: %+v", item)
		}
	}
	equal(t, "paths", paths, "[/n /n/m /n/m/0 /n/m/1 /n/m/2 /n/m/empty /n/m/sub /n/m/sub/0 /n/m/sub/1 /n/m/sub/2]")
	content, _ := e.Content(e.app, "public", "/n/m/sub/1")
	equal(t, "content", string(content), "b")
}

func TestMoveDirectoryAsJob(t *testing.T) {
	e := start(t)
	e.set("move-delay", "15ms")
	d, ids := seedMove(e)
	moved := e.move(201, "public", d, "name=m&parentDirectory=/n")
	equal(t, "status", moved["status"], "pending")
	equal(t, "old status", e.get("public", d)["status"], "moving")
	halfway := false
	eventually(t, "the move ends", func() bool {
		old, moved := len(e.list("public", "directory=/d")), len(e.list("public", "directory=/n/m"))
		halfway = halfway || old > 0 && moved > 1
		_, there := e.Find(e.app, "public", "/d")
		return !there
	})
	equal(t, "seen half done", halfway, true)
	checkMoved(t, e, ids)
}

func TestMoveDirectoryAtOnce(t *testing.T) {
	e := start(t)
	e.set("directory-move", "instant")
	e.set("move-delay", "1h")
	d, ids := seedMove(e)
	equal(t, "status", e.move(201, "public", d, "name=m&parentDirectory=/n")["status"], "completed")
	checkMoved(t, e, ids)
}

func TestMoveOverwrites(t *testing.T) {
	e := start(t)
	e.set("move-onto-existing", "overwrite")
	e.set("directory-move", "instant")
	a := e.save("public", "/", "a", "from a")["id"].(string)
	b := e.save("public", "/", "b", "from b")["id"].(string)
	e.move(201, "public", a, "name=b")
	e.api(404, "GET", e.item("public", b), nil)
	content, _ := e.Content(e.app, "public", "/b")
	equal(t, "content", string(content), "from a")

	e.PutFile(e.app, "public", "/x/same", []byte("from x"))
	e.PutFile(e.app, "public", "/x/only x", []byte("1"))
	e.PutFile(e.app, "public", "/y/same", []byte("from y"))
	e.PutFile(e.app, "public", "/y/only y", []byte("2"))
	e.move(400, "public", find(t, e, "public", "/b").ID, "name=x") // a file onto a directory
	e.move(201, "public", find(t, e, "public", "/x").ID, "name=y")
	equal(t, "merged", names(e.list("public", "sortField=name")), "[/b /y/only x /y/only y /y/same /y]")
	content, _ = e.Content(e.app, "public", "/y/same")
	equal(t, "content", string(content), "from x")
}

// An upload the service has not taken over yet is not lost by a move.
func TestMoveWhilePending(t *testing.T) {
	e := start(t)
	e.set("completion-lag", "50ms")
	never := e.create("public", "/", "never")["id"].(string)
	late := e.create("public", "/", "late")
	e.upload(late, []byte("content"))
	e.move(201, "public", never, "name=never2")
	e.move(201, "public", late["id"].(string), "name=late2")
	time.Sleep(60 * time.Millisecond)
	equal(t, "never uploaded", find(t, e, "public", "/never2").Status, "pending")
	equal(t, "uploaded", find(t, e, "public", "/late2").Status, "completed")
	content, _ := e.Content(e.app, "public", "/late2")
	equal(t, "content", string(content), "content")
	equal(t, "entries", len(e.list("public", "")), 2)
}

// Deleting the new directory of a move deletes what has not arrived there too.
func TestMoveTargetDeleted(t *testing.T) {
	e := start(t)
	d, _ := seedMove(e)
	e.set("move-delay", "20ms")
	moved := e.move(201, "public", d, "name=m")
	e.api(200, "DELETE", e.item("public", moved["id"].(string)), nil)
	eventually(t, "nothing is left", func() bool { return len(e.list("public", "")) == 0 })
}

// What comes into the old directory during the job moves along, and deleting a
// directory above ends the job.
func TestMoveMeetsChanges(t *testing.T) {
	e := start(t)
	d, _ := seedMove(e)
	e.set("move-delay", "10ms")
	e.move(201, "public", d, "name=m&parentDirectory=/n")
	e.save("public", "/d", "latecomer", "x")
	eventually(t, "the old directory is gone", func() bool { _, there := e.Find(e.app, "public", "/d"); return !there })
	equal(t, "moved along", find(t, e, "public", "/n/m/latecomer").Status, "completed")

	e.move(201, "public", find(t, e, "public", "/n/m").ID, "parentDirectory=/away")
	e.api(200, "DELETE", e.item("public", find(t, e, "public", "/n").ID), nil)
	eventually(t, "the new directory is completed", func() bool {
		return find(t, e, "public", "/away/m").Status == "completed"
	})
	for _, item := range e.Items(e.app, "public") {
		equal(t, "status of "+item.Path(), item.Status, "completed")
	}
}
