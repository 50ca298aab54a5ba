package emulator_test

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"losantfs/remote/emulator"
)

func TestRestart(t *testing.T) {
	dir := t.TempDir()
	e := startIn(t, dir)
	app := e.NewApplication("Second")
	kept := e.save("public", "/d", "kept", "one")
	e.upload(e.api(201, "PATCH", e.item("public", kept["id"].(string)), object{}), []byte("two"))
	gone := e.save("public", "/d", "gone", "gone")
	e.api(200, "DELETE", e.item("public", gone["id"].(string)), nil)
	e.save("public", "/d", "again", "gone") // the same bytes as a deleted file
	pending := e.create("private", "/p", "pending")
	e.PutRaw(app, "private", emulator.RawEntry{Name: "..", Status: "deleting", Content: []byte("raw")})
	e.set("completion-lag", "1h")
	late := e.create("public", "/", "late")
	e.upload(late, []byte("late"))
	e.set("move-delay", "1h")
	d, _ := e.Find(e.app, "public", "/d")
	e.move(201, "public", d.ID, "name=moved")
	e.set("delete", "async")
	e.set("delete-delay", "1h")
	doomed := e.save("public", "/", "doomed", "x")
	e.api(200, "DELETE", e.item("public", doomed["id"].(string)), nil)
	url, token := e.URL(), e.Token()
	if _, err := emulator.Start(emulator.Config{Dir: dir}); err == nil || !strings.Contains(err.Error(), "in use") {
		t.Errorf("two emulators with one folder: %v", err)
	}
	if err := e.Close(); err != nil {
		t.Fatal(err)
	}
	if err := e.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := e.try("GET", url+"/me", nil, nil); err == nil {
		t.Error("answered after Close")
	}

	e = startIn(t, dir)
	equal(t, "token", e.Token(), token)
	eventually(t, "the jobs go on", func() bool {
		_, old := e.Find(e.app, "public", "/d")
		_, doomed := e.Find(e.app, "public", "/doomed")
		late, _ := e.Find(e.app, "public", "/late")
		return !old && !doomed && late.Status == "completed"
	})
	var all []string
	for _, item := range e.Items(e.app, "public") {
		content, _ := e.Content(e.app, "public", item.Path())
		all = append(all, item.Path()+"="+string(content)+" "+item.Status)
	}
	equal(t, "entries", all, "[/late=late completed /moved= completed /moved/again=gone completed /moved/kept=two completed]")
	equal(t, "url", find(t, e, "public", "/late").URL, late["url"])
	equal(t, "pending", find(t, e, "private", "/p/pending").Status, "pending")
	equal(t, "upload by an older ticket", e.upload(pending, []byte("now")).status, 204)
	equal(t, "pending", find(t, e, "private", "/p/pending").Status, "completed")
	equal(t, "raw", e.Items(app, "private")[0].Status, "deleting")
}

func TestCompaction(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "state")
	e := startIn(t, dir)
	for i := range 1500 {
		e.PutFile(e.app, "public", "/busy", fmt.Append(nil, i))
	}
	e.set("tickets", "single-use")
	item := e.create("public", "/", "a")
	e.upload(item, []byte("a"))
	e.Close()
	before := size(t, filepath.Join(dir, "journal"))
	e = startIn(t, dir)
	if after := size(t, filepath.Join(dir, "journal")); after*20 > before {
		t.Errorf("the journal had %d bytes and has %d", before, after)
	}
	e.PutFile(e.app, "public", "/later", []byte("x"))
	e.Close()
	// A line that was not written to its end was never answered.
	f, err := os.OpenFile(filepath.Join(dir, "journal"), os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	fmt.Fprint(f, `{"gone":"`)
	f.Close()
	stray := filepath.Join(dir, "objects", "incoming-1")
	if err := os.WriteFile(stray, []byte("half an upload"), 0o600); err != nil {
		t.Fatal(err)
	}
	e = startIn(t, dir)
	e.PutFile(e.app, "public", "/later", []byte("y"))
	e.Close()
	e = startIn(t, dir)
	e.set("tickets", "single-use")
	equal(t, "a used ticket", e.upload(item, []byte("b")).status, 403)
	content, _ := e.Content(e.app, "public", "/busy")
	equal(t, "content", string(content), 1499)
	equal(t, "entries", len(e.Items(e.app, "public")), 3)
	equal(t, "object files", objectFiles(dir), 3)
	if info, _ := os.Stat(dir); info.Mode().Perm()&0o077 != 0 {
		t.Errorf("the state folder is open to others: %v", info.Mode())
	}
}

func objectFiles(dir string) (n int) {
	_ = filepath.WalkDir(filepath.Join(dir, "objects"), func(_ string, d os.DirEntry, _ error) error {
		if !d.IsDir() {
			n++
		}
		return nil
	})
	return n
}

// Contents nobody can read any more leave the disk.
func TestObjectsGo(t *testing.T) {
	dir := t.TempDir()
	e := startIn(t, dir)
	item := e.save("public", "/", "a", "one")
	e.upload(item, []byte("two"))
	e.save("private", "/", "the same", "two")
	e.move(201, "public", item["id"].(string), "name=b")
	equal(t, "after a new content", objectFiles(dir), 1)
	e.set("completion-lag", "1h")
	late := e.create("public", "/", "late")
	e.upload(late, []byte("late"))
	equal(t, "before the completion", objectFiles(dir), 2)
	e.upload(late, []byte("later"))
	equal(t, "after another upload", objectFiles(dir), 2)
	e.api(200, "DELETE", e.item("public", late["id"].(string)), nil)
	equal(t, "after a deletion", objectFiles(dir), 1)
	e.Remove(e.app, "public", "/b")
	equal(t, "while one entry is left", objectFiles(dir), 1)
	e.Remove(e.app, "private", "/the same")
	equal(t, "at the end", objectFiles(dir), 0)
	ticket := e.create("public", "/", "c")
	e.Remove(e.app, "public", "/c")
	e.upload(ticket, []byte("for nobody"))
	equal(t, "uploaded for nobody", objectFiles(dir), 0)
}

func size(t *testing.T, path string) int64 {
	t.Helper()
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	return info.Size()
}

// killedDir makes the test binary an emulator of its own, for TestKill.
const killedDir = "EMULATOR_TEST_DIR"

// TestKill holds the promise that a killed emulator has lost nothing it answered.
func TestKill(t *testing.T) {
	if dir := os.Getenv(killedDir); dir != "" {
		s, err := emulator.Start(emulator.Config{Dir: dir})
		if err != nil {
			t.Fatal(err)
		}
		fmt.Println(s.URL(), s.Application(), s.Token())
		time.Sleep(time.Minute)
		return
	}
	dir := t.TempDir()
	child := exec.Command(os.Args[0], "-test.run=^TestKill$")
	child.Env = append(os.Environ(), killedDir+"="+dir)
	out, err := child.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	words := strings.Fields(line)
	killed := start(t) // only its client is used
	api := &remote{service: killed, url: words[0], app: words[1], token: words[2]}
	var last string
	for i := range 30 {
		last = fmt.Sprintf("file %d", i)
		api.save(last)
	}
	if err := child.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = child.Wait()
	e := startIn(t, dir)
	equal(t, "entries", len(e.Items(e.app, "public")), 30)
	content, _ := e.Content(e.app, "public", "/"+last)
	equal(t, "content", string(content), last)
}

// remote calls an emulator of another process.
type remote struct {
	*service
	url, app, token string
}

func (r *remote) save(name string) {
	r.t.Helper()
	header := map[string][]string{"Authorization": {"Bearer " + r.token}}
	a := r.send("POST", r.url+"/applications/"+r.app+"/files", header, strings.NewReader(`{"name":"`+name+`","type":"file"}`))
	if a.status != 201 {
		r.t.Fatalf("%d %s", a.status, a.body)
	}
	equal(r.t, "upload", r.upload(a.json(r.t), []byte(name)).status, 204)
}

// Clients are told the address in front of each host, and no other.
func TestFront(t *testing.T) {
	var behind []string
	s, err := emulator.Start(emulator.Config{Dir: t.TempDir(), Front: func(addr string) (string, error) {
		behind = append(behind, addr)
		return fmt.Sprintf("127.0.0.1:%d", len(behind)), nil
	}})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	s.PutFile(s.Application(), "public", "/f", []byte("x"))
	s.PutFile(s.Application(), "private", "/f", []byte("x"))
	equal(t, "hosts", len(behind), 4)
	equal(t, "API", s.URL(), "http://127.0.0.1:1")
	for space, want := range map[string]string{"public": "http://127.0.0.1:3/", "private": "http://127.0.0.1:4/"} {
		if it, _ := s.Find(s.Application(), space, "/f"); !strings.HasPrefix(it.URL, want) {
			t.Errorf("the content of a %s file is at %s, want %s", space, it.URL, want)
		}
	}
	if _, err := emulator.Start(emulator.Config{Dir: t.TempDir(), Front: func(string) (string, error) {
		return "", errors.New("no front")
	}}); err == nil || !strings.Contains(err.Error(), "no front") {
		t.Errorf("a front that fails: %v", err)
	}
}
