package emulator

import (
	"encoding/json"
	"strconv"
	"time"
	"unicode/utf8"
)

// Item is a file or directory as the API describes it.
type Item struct {
	ID              string
	ApplicationID   string
	CreationDate    time.Time
	LastUpdated     time.Time
	AuthorID        string
	AuthorType      string
	Status          string // pending, moving, deleting or completed
	Name            string
	ParentDirectory string // "/" or "/a/b/"
	Type            string // file or directory
	FileSize        int64  // bytes
	S3ETag          string // MD5 in hexadecimal, without quotes
	ContentType     string
	FileDimensions  *Dimensions
	MoveIntoID      string
	URL             string
}

// Path is the item's place: "/a/b/name".
func (i Item) Path() string { return i.ParentDirectory + i.Name }

// item describes e. The caller holds the state's lock.
func (s *Server) item(e *entry) Item {
	i := Item{
		ID: e.id.String(), ApplicationID: e.space.app.id.String(),
		CreationDate: time.UnixMilli(e.created).UTC(), LastUpdated: time.UnixMilli(e.updated).UTC(),
		AuthorID: e.authorID, AuthorType: e.authorType, Status: e.status.String(),
		Name: e.name, ParentDirectory: e.parent, Type: e.typeName(), FileSize: max(e.size, 0),
		S3ETag: e.etag, ContentType: e.contentType, FileDimensions: e.dimensions,
	}
	if e.moveInto != (objectID{}) {
		i.MoveIntoID = e.moveInto.String()
	}
	if !e.dir {
		i.URL = s.urlOf(e, s.urlLife(nil))
	}
	return i
}

// form says how entries are written in one answer.
type form struct {
	links   bool          // with _links
	url     bool          // with the URL of private files
	urlLife time.Duration // of signed URLs
}

// form reads the wishes of a call. Links are given unless they are refused.
func (c *call) form() form {
	life := c.s.urlLife(c.query)
	return form{links: c.query.Get("_links") != "false", url: life > 0, urlLife: life}
}

// appendEntry adds e as JSON. A listing of 1000 entries is made of these, so no
// reflection is used. The caller holds the state's lock.
func (s *Server) appendEntry(b []byte, e *entry, f form) []byte {
	app, id := e.space.app.id.String(), e.id.String()
	b = append(b, `{"id":"`...)
	b = append(b, id...)
	b = append(b, `","applicationId":"`...)
	b = append(b, app...)
	b = append(b, `","creationDate":"`...)
	b = time.UnixMilli(e.created).UTC().AppendFormat(b, timeLayout)
	b = append(b, `","lastUpdated":"`...)
	b = time.UnixMilli(e.updated).UTC().AppendFormat(b, timeLayout)
	if e.authorID != "" {
		b = append(b, `","authorId":"`...)
		b = append(b, e.authorID...)
		b = append(b, `","authorType":"`...)
		b = append(b, e.authorType...)
	}
	b = append(b, `","status":"`...)
	b = append(b, e.status.String()...)
	b = append(b, `","name":`...)
	b = appendString(b, e.name)
	b = append(b, `,"type":"`...)
	b = append(b, e.typeName()...)
	b = append(b, `","parentDirectory":`...)
	b = appendString(b, e.parent)
	if e.size >= 0 && !e.dir {
		b = append(b, `,"fileSize":`...)
		b = strconv.AppendInt(b, e.size, 10)
	}
	if e.contentType != "" {
		b = append(b, `,"contentType":`...)
		b = appendString(b, e.contentType)
	}
	if e.etag != "" {
		b = append(b, `,"s3etag":`...)
		b = appendString(b, e.etag)
	}
	if e.dimensions != nil {
		dimensions, _ := json.Marshal(e.dimensions)
		b = append(append(b, `,"fileDimensions":`...), dimensions...)
	}
	if e.moveInto != (objectID{}) {
		b = append(b, `,"moveIntoId":"`...)
		b = append(append(b, e.moveInto.String()...), '"')
	}
	if !e.dir && (e.space.kind == public || f.url) {
		b = append(b, `,"url":`...)
		b = appendString(b, s.urlOf(e, f.urlLife))
	}
	kind, path := "file", "/file/"
	if e.space.kind == private {
		kind, path = "privateFile", "/privateFiles/"
	}
	b = append(b, `,"_type":"`...)
	b = append(append(b, kind...), '"')
	if f.links {
		b = append(b, `,"_links":{"self":{"href":"/applications/`...)
		b = append(append(append(b, app...), path...), id...)
		b = append(b, `"},"application":{"href":"/applications/`...)
		b = append(append(b, app...), `"}}`...)
	}
	return append(b, '}')
}

// appendString adds s as a JSON string.
func appendString(b []byte, s string) []byte {
	for i := range len(s) {
		if c := s[i]; c < 0x20 || c == '"' || c == '\\' || c >= utf8.RuneSelf {
			quoted, _ := json.Marshal(s)
			return append(b, quoted...)
		}
	}
	return append(append(append(b, '"'), s...), '"')
}
