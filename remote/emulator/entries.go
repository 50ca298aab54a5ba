package emulator

import (
	"encoding/json"
	"net/http"
	"path"
	"strconv"
	"strings"
)

// conflict is the answer to a name that exists already.
func (s *Server) conflict() error {
	if s.sw.is("conflict-status", "409") {
		return &apiError{http.StatusConflict, "Conflict", "A file with this name exists in this parentDirectory"}
	}
	return invalid("name", "must be unique within its parentDirectory")
}

// vacantLocked says why a new entry cannot be called name; nil: it can.
func (s *Server) vacantLocked(sp *space, key, name string) error {
	e := sp.find(key, name, s.fold())
	if e == nil || e.status == deleting && s.sw.is("reuse-deleting", "allow") {
		return nil
	}
	return s.conflict()
}

// get answers GET on an item.
func (c *call) get() (int, []byte, error) {
	c.s.st.mu.RLock()
	defer c.s.st.mu.RUnlock()
	e, err := c.entryLocked()
	if err != nil {
		return 0, nil, err
	}
	return http.StatusOK, c.s.appendEntry(nil, e, c.form()), nil
}

// create answers POST on a collection.
func (c *call) create() (int, []byte, error) {
	post, err := readFilePost(c.r)
	if err != nil {
		return 0, nil, err
	}
	name, err := c.s.checkName("name", post.name)
	if err != nil {
		return 0, nil, err
	}
	key, err := c.s.checkDirectory(post.parent)
	if err != nil {
		return 0, nil, err
	}
	by := c.claims.author()
	e := &entry{
		name: name, dir: post.dir, size: -1, authorID: by.id, authorType: by.kind,
		contentType: post.contentType, dimensions: post.dimensions,
	}
	if !e.dir {
		e.status, e.size = pending, post.size
		if e.contentType == "" {
			e.contentType = typeByName(name)
		}
	}
	var body []byte
	err = c.s.st.update(func() error {
		key = c.space.canonical(key, c.s.fold())
		if err := c.s.vacantLocked(c.space, key, name); err != nil {
			return err
		}
		if e.parent, err = c.s.ensureLocked(c.space, key, by); err != nil {
			return err
		}
		if err := c.s.st.add(c.space, e); err != nil {
			return err
		}
		body = c.s.appendEntry(nil, e, c.form())
		if !e.dir {
			body = appendTicket(body, c.s.ticket(e))
		}
		return nil
	})
	return http.StatusCreated, body, err
}

// patch answers PATCH: it asks for new content under the same id.
func (c *call) patch() (int, []byte, error) {
	p, err := readFilePatch(c.r)
	if err != nil {
		return 0, nil, err
	}
	var body []byte
	err = c.s.st.update(func() error {
		e, err := c.writableLocked()
		if err != nil {
			return err
		}
		if p.contentType != "" {
			e.contentType = p.contentType
		}
		if p.dimensions != nil {
			e.dimensions = p.dimensions
		}
		if p.size >= 0 && c.s.sw.is("patch-size", "applied") {
			e.size = p.size
		}
		e.status, e.rewriting = pending, true
		if err := c.s.st.touch(e); err != nil {
			return err
		}
		body = appendTicket(c.s.appendEntry(nil, e, c.form()), c.s.ticket(e))
		return nil
	})
	return http.StatusCreated, body, err
}

// writableLocked finds the entry of a call that gives it new content.
func (c *call) writableLocked() (*entry, error) {
	e, err := c.settledLocked()
	if err == nil && e.dir {
		return nil, invalid("type", "must be file")
	}
	return e, err
}

// settledLocked finds the entry of a call that changes it.
func (c *call) settledLocked() (*entry, error) {
	e, err := c.entryLocked()
	if err != nil {
		return nil, err
	}
	if e.status == moving || e.status == deleting {
		return nil, invalid("status", "must not be %s", e.status)
	}
	return e, nil
}

// remove answers DELETE.
func (c *call) remove() (int, []byte, error) {
	async := c.s.sw.is("delete", "async")
	var doomed []*entry
	err := c.s.st.update(func() error {
		e, err := c.entryLocked()
		if err != nil {
			return err
		}
		if e.status == deleting {
			return nil // it is on its way already
		}
		if e.status == moving {
			return invalid("status", "must not be moving")
		}
		doomed = c.space.tree(e)
		if !async {
			return c.s.st.removeAll(doomed)
		}
		if len(doomed) > 1000 {
			c.space.forgetOrders()
		}
		for _, e := range doomed {
			e.status = deleting
			if err := c.s.st.touch(e); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return 0, nil, err
	}
	if async && len(doomed) > 0 {
		c.s.spawn(func() { c.s.finishDelete(doomed) })
	}
	return http.StatusOK, success, nil
}

// finishDelete is the job behind an asynchronous deletion.
func (s *Server) finishDelete(doomed []*entry) {
	if !s.sleep(s.sw.duration("delete-delay")) {
		return
	}
	s.report(s.st.update(func() error { return s.st.removeAll(doomed) }))
}

// report logs what a job could not tell anybody else.
func (s *Server) report(err error) {
	if err != nil {
		s.log.Error("a job of the emulator failed", "error", err)
	}
}

// appendTicket adds an upload ticket to an entry written as JSON.
func appendTicket(item []byte, t *ticket) []byte {
	upload, _ := json.Marshal(t)
	item = append(item[:len(item)-1], `,"upload":`...)
	return append(append(item, upload...), '}')
}

// typeByName guesses a content type. The table is fixed so that every machine
// answers the same.
func typeByName(name string) string {
	if t, ok := contentTypes[strings.ToLower(path.Ext(name))]; ok {
		return t
	}
	return "application/octet-stream"
}

var contentTypes = map[string]string{
	".bin": "application/octet-stream", ".css": "text/css", ".csv": "text/csv", ".gif": "image/gif",
	".htm": "text/html", ".html": "text/html", ".ico": "image/x-icon", ".ipynb": "application/x-ipynb+json",
	".jpeg": "image/jpeg", ".jpg": "image/jpeg", ".js": "text/javascript", ".json": "application/json",
	".md": "text/markdown", ".mp4": "video/mp4", ".pdf": "application/pdf", ".png": "image/png",
	".svg": "image/svg+xml", ".txt": "text/plain", ".webp": "image/webp", ".xml": "application/xml",
	".yaml": "application/yaml", ".yml": "application/yaml", ".zip": "application/zip",
}

// quote is an ETag as HTTP writes it.
func quote(etag string) string { return strconv.Quote(etag) }
