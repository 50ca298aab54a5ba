package emulator_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"mime/multipart"
	"net/http"
	"net/url"
	"slices"
	"testing"
	"time"

	"go.uber.org/goleak"

	"losantfs/remote/emulator"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// service is an emulator under test with a client of its own.
type service struct {
	*emulator.Server
	t      *testing.T
	app    string
	token  string
	client *http.Client
}

// object is a JSON object of an answer.
type object = map[string]any

func start(t *testing.T) *service {
	t.Helper()
	return startIn(t, t.TempDir())
}

func startIn(t *testing.T, dir string) *service {
	t.Helper()
	s, err := emulator.Start(emulator.Config{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	transport := &http.Transport{}
	e := &service{
		Server: s, t: t, app: s.Application(), token: s.Token(),
		client: &http.Client{
			Transport:     transport,
			Timeout:       10 * time.Second,
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
	}
	t.Cleanup(func() {
		transport.CloseIdleConnections()
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return e
}

func (e *service) set(name, value string) {
	e.t.Helper()
	if err := e.Set(name, value); err != nil {
		e.t.Fatal(err)
	}
}

// answer is a whole answer.
type answer struct {
	status int
	header http.Header
	body   []byte
}

func (a answer) json(t *testing.T) object {
	t.Helper()
	var o object
	if err := json.Unmarshal(a.body, &o); err != nil {
		t.Fatalf("status %d, not JSON: %q", a.status, a.body)
	}
	return o
}

// try sends a request and returns what came back, or how it failed.
func (e *service) try(method, url string, header http.Header, body io.Reader) (answer, error) {
	req, err := http.NewRequest(method, url, body)
	if err != nil {
		return answer{}, err
	}
	maps.Copy(req.Header, header)
	resp, err := e.client.Do(req)
	if err != nil {
		return answer{}, err
	}
	defer resp.Body.Close()
	content, err := io.ReadAll(resp.Body)
	return answer{resp.StatusCode, resp.Header, content}, err
}

func (e *service) send(method, url string, header http.Header, body io.Reader) answer {
	e.t.Helper()
	a, err := e.try(method, url, header, body)
	if err != nil {
		e.t.Fatal(err)
	}
	return a
}

// tryAPI calls the API with the token. body is sent as JSON, nil as nothing.
func (e *service) tryAPI(method, path string, body any) (answer, error) {
	header := http.Header{"Authorization": {"Bearer " + e.token}}
	var reader io.Reader
	switch b := body.(type) {
	case nil:
	case string:
		reader = bytes.NewReader([]byte(b))
	default:
		text, err := json.Marshal(body)
		if err != nil {
			return answer{}, err
		}
		reader = bytes.NewReader(text)
		header.Set("Content-Type", "application/json")
	}
	return e.try(method, e.URL()+path, header, reader)
}

// api calls the API, wants a status and returns the answer's object.
func (e *service) api(want int, method, path string, body any) object {
	e.t.Helper()
	a, err := e.tryAPI(method, path, body)
	if err != nil {
		e.t.Fatal(err)
	}
	if a.status != want {
		e.t.Fatalf("%s %s: status %d, want %d: %s", method, path, a.status, want, a.body)
	}
	if len(a.body) == 0 {
		return nil
	}
	return a.json(e.t)
}

// collection and item are paths of the API.
func (e *service) collection(space string) string {
	if space == "private" {
		return "/applications/" + e.app + "/privateFiles"
	}
	return "/applications/" + e.app + "/files"
}

func (e *service) item(space, id string) string {
	if space == "private" {
		return e.collection(space) + "/" + id
	}
	return "/applications/" + e.app + "/file/" + id
}

// list returns the items of one listing.
func (e *service) list(space, query string) []object {
	e.t.Helper()
	return items(e.api(200, "GET", e.collection(space)+"?"+query, nil))
}

func items(collection object) []object {
	var list []object
	for _, item := range collection["items"].([]any) {
		list = append(list, item.(object))
	}
	return list
}

func names(list []object) string {
	var all []string
	for _, item := range list {
		all = append(all, item["parentDirectory"].(string)+item["name"].(string))
	}
	return fmt.Sprint(all)
}

// create makes a file by the API and returns the answer.
func (e *service) create(space, parent, name string) object {
	e.t.Helper()
	return e.api(201, "POST", e.collection(space),
		object{"name": name, "parentDirectory": parent, "type": "file", "contentType": "text/plain"})
}

// upload posts content to the ticket of an answer.
func (e *service) upload(item object, content []byte) answer {
	e.t.Helper()
	to, fields := ticketOf(item)
	return e.form(to, fields, content)
}

func ticketOf(item object) (url string, fields map[string]string) {
	upload := item["upload"].(object)
	fields = map[string]string{}
	for name, value := range upload["fields"].(object) {
		fields[name] = value.(string)
	}
	return upload["url"].(string), fields
}

// form posts fields and then the file.
func (e *service) form(to string, fields map[string]string, content []byte) answer {
	e.t.Helper()
	var body bytes.Buffer
	w := multipart.NewWriter(&body)
	for _, name := range slices.Sorted(maps.Keys(fields)) {
		_ = w.WriteField(name, fields[name])
	}
	if content != nil {
		part, _ := w.CreateFormFile("file", "any name")
		_, _ = part.Write(content)
	}
	_ = w.Close()
	return e.send("POST", to, http.Header{"Content-Type": {w.FormDataContentType()}}, &body)
}

// save creates a file and uploads its content.
func (e *service) save(space, parent, name, content string) object {
	e.t.Helper()
	item := e.create(space, parent, name)
	if a := e.upload(item, []byte(content)); a.status != 204 {
		e.t.Fatalf("upload: status %d: %s", a.status, a.body)
	}
	return item
}

func (e *service) get(space, id string) object {
	e.t.Helper()
	return e.api(200, "GET", e.item(space, id), nil)
}

// read downloads what an item's URL holds.
func (e *service) read(item object) answer {
	e.t.Helper()
	return e.send("GET", item["url"].(string), nil, nil)
}

// eventually waits for a condition that a job brings about.
func eventually(t *testing.T, what string, condition func() bool) {
	t.Helper()
	for end := time.Now().Add(5 * time.Second); time.Now().Before(end); time.Sleep(2 * time.Millisecond) {
		if condition() {
			return
		}
	}
	t.Fatal("never happened: " + what)
}

// equal is the one comparison most tests need.
func equal(t *testing.T, what string, got, want any) {
	t.Helper()
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("%s: got %v, want %v", what, got, want)
	}
}

func escape(s string) string { return url.QueryEscape(s) }
