package remote

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
)

// Files is one space of one application. It is safe for concurrent use.
type Files struct {
	c     *Client
	app   string
	space Space
}

// Files binds the client to a space of an application.
func (c *Client) Files(app string, space Space) *Files {
	return &Files{c: c, app: app, space: space}
}

// Application returns the id of the application.
func (f *Files) Application() string { return f.app }

// Space returns the space.
func (f *Files) Space() Space { return f.space }

func (f *Files) collectionPath() string { return f.c.appPath(f.app, f.space.collection()) }

func (f *Files) itemPath(id, rest string) string {
	return f.c.appPath(f.app, f.space.item()+"/"+url.PathEscape(id)+rest)
}

// Get returns the entry with the given id; a private file comes with a signed
// URL of the default life.
func (f *Files) Get(ctx context.Context, id string) (Entry, error) {
	var e Entry
	err := f.c.do(ctx, call{op: opGet, method: http.MethodGet, path: f.itemPath(id, ""), repeat: true}, &e)
	return e, err
}

// NewEntry describes an entry to create.
type NewEntry struct {
	Name        string
	Parent      string // "/a/b/"; missing directories are created by the service
	Dir         bool
	Size        int64
	ContentType string
	Dimensions  *Dimensions
}

// Ticket is the permission to send content to the store once.
type Ticket struct {
	URL    string            `json:"url"`
	Fields map[string]string `json:"fields"`
}

// ticketed is an entry together with the ticket for its content.
type ticketed struct {
	Entry  Entry
	Ticket Ticket
}

func (t *ticketed) UnmarshalJSON(b []byte) error {
	if err := t.Entry.UnmarshalJSON(b); err != nil {
		return err
	}
	w := struct {
		Upload *Ticket `json:"upload"`
	}{&t.Ticket}
	return json.Unmarshal(b, &w)
}

// Create makes an entry. A file is pending until its content was sent with the
// ticket; a directory has no ticket. The service may have changed the name: the
// entry returned is the truth. A taken name fails, but the code the service
// answers with is not known: any error but a refused right or an absent answer
// may mean that the name exists, so look before giving up.
func (f *Files) Create(ctx context.Context, n NewEntry) (Entry, Ticket, error) {
	body := map[string]any{"name": n.Name, "parentDirectory": DirPath(n.Parent), "type": "file"}
	if n.Dir {
		body["type"] = "directory"
	} else {
		addContentFields(body, n.Size, n.ContentType, n.Dimensions)
	}
	var t ticketed
	err := f.c.do(ctx, call{op: opCreate, method: http.MethodPost, path: f.collectionPath(), body: body}, &t)
	return t.Entry, t.Ticket, err
}

// Patch asks for a ticket to replace the content of a file; id and URL stay. It is
// one try: look again before the next.
func (f *Files) Patch(ctx context.Context, id string, size int64, contentType string, d *Dimensions) (Entry, Ticket, error) {
	body := map[string]any{}
	addContentFields(body, size, contentType, d)
	var t ticketed
	err := f.c.do(ctx, call{op: opPatch, method: http.MethodPatch, path: f.itemPath(id, ""), body: body, single: true}, &t)
	return t.Entry, t.Ticket, err
}

func addContentFields(body map[string]any, size int64, contentType string, d *Dimensions) {
	body["fileSize"] = size
	if contentType != "" {
		body["contentType"] = contentType
	}
	if d != nil {
		body["fileDimensions"] = d
	}
}

// Move gives an entry a new directory and name. The entry returned has a new id
// and is pending until the service has moved the content; the children of a
// directory follow one by one, each with a new id. It is one try: look again before
// the next.
func (f *Files) Move(ctx context.Context, id, parent, name string) (Entry, error) {
	var e Entry
	q := url.Values{"parentDirectory": {DirPath(parent)}, "name": {name}}
	err := f.c.do(ctx, call{op: opMove, method: http.MethodPost, path: f.itemPath(id, "/move"), query: q, single: true}, &e)
	return e, err
}

// Delete removes a file, or a directory with everything in it, for good. It is one
// try: look again before the next.
func (f *Files) Delete(ctx context.Context, id string) error {
	return f.c.do(ctx, call{op: opDelete, method: http.MethodDelete, path: f.itemPath(id, ""), single: true}, nil)
}
