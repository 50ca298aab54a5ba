package emulator

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"maps"
	"net/http"
	"slices"
	"unicode/utf8"
)

// maxBody is the most bytes a JSON body may have.
const maxBody = 1 << 20

// fields is a JSON object whose fields are checked one by one, as the service
// names the field in its refusal.
type fields map[string]json.RawMessage

// readFields reads the JSON object in a request body. No body is an empty object.
func readFields(r *http.Request) (fields, error) {
	body, err := io.ReadAll(http.MaxBytesReader(nil, r.Body, maxBody))
	if err != nil {
		if _, ok := errors.AsType[*http.MaxBytesError](err); ok {
			return nil, errTooLarge
		}
		return nil, err
	}
	f := fields{}
	if len(bytes.TrimSpace(body)) == 0 {
		return f, nil
	}
	if err := json.Unmarshal(body, &f); err != nil || f == nil {
		return nil, invalid("body", "should be object")
	}
	return f, nil
}

// only refuses fields that are not known.
func (f fields) only(known ...string) error {
	for _, name := range slices.Sorted(maps.Keys(f)) {
		if !slices.Contains(known, name) {
			return invalid("body", "should NOT have additional properties (%s)", name)
		}
	}
	return nil
}

func (f fields) require(names ...string) error {
	for _, name := range names {
		if _, ok := f[name]; !ok {
			return invalid(name, "is required")
		}
	}
	return nil
}

// text reads a string of at most limit characters; 0: any length.
func (f fields) text(name string, limit int) (string, error) {
	raw, ok := f[name]
	if !ok {
		return "", nil
	}
	var s *string
	if err := json.Unmarshal(raw, &s); err != nil || s == nil {
		return "", invalid(name, "should be string")
	}
	if limit > 0 && utf8.RuneCountInString(*s) > limit {
		return "", invalid(name, "should NOT be longer than %d characters", limit)
	}
	return *s, nil
}

// number reads a number; missing is what it is without the field.
func (f fields) number(name string, missing float64) (float64, error) {
	raw, ok := f[name]
	if !ok {
		return missing, nil
	}
	var n *float64
	if err := json.Unmarshal(raw, &n); err != nil || n == nil {
		return 0, invalid(name, "should be number")
	}
	return *n, nil
}

// dimensions reads fileDimensions; exact refuses unknown fields in it.
func (f fields) dimensions(exact bool) (*Dimensions, error) {
	raw, ok := f["fileDimensions"]
	if !ok {
		return nil, nil
	}
	var inner fields
	if err := json.Unmarshal(raw, &inner); err != nil || inner == nil {
		return nil, invalid("fileDimensions", "should be object")
	}
	if exact {
		if err := inner.only("width", "height"); err != nil {
			return nil, err
		}
	}
	var d Dimensions
	var err error
	if d.Width, err = inner.number("width", 0); err != nil {
		return nil, err
	}
	d.Height, err = inner.number("height", 0)
	return &d, err
}

// filePatch is the body of PATCH, and the part of filePost it shares.
type filePatch struct {
	size        int64 // -1: not given
	contentType string
	dimensions  *Dimensions
}

func (f fields) filePatch(exact bool) (filePatch, error) {
	var p filePatch
	size, err := f.number("fileSize", -1)
	if err != nil {
		return p, err
	}
	p.size = int64(size)
	if p.contentType, err = f.text("contentType", 1024); err != nil {
		return p, err
	}
	p.dimensions, err = f.dimensions(exact)
	return p, err
}

// filePost is the body of a creation.
type filePost struct {
	filePatch
	name, parent string
	dir          bool
}

// readFilePost checks a creation against the schema filePost.
func readFilePost(r *http.Request) (*filePost, error) {
	f, err := readFields(r)
	if err != nil {
		return nil, err
	}
	if err := f.only("name", "parentDirectory", "type", "fileSize", "contentType", "fileDimensions"); err != nil {
		return nil, err
	}
	if err := f.require("name", "type"); err != nil {
		return nil, err
	}
	p := &filePost{}
	if p.filePatch, err = f.filePatch(true); err != nil {
		return nil, err
	}
	if p.name, err = f.text("name", 0); err != nil {
		return nil, err
	}
	if p.parent, err = f.text("parentDirectory", 0); err != nil {
		return nil, err
	}
	kind, err := f.text("type", 0)
	if err != nil {
		return nil, err
	}
	if kind != "file" && kind != "directory" {
		return nil, invalid("type", "should be equal to one of the allowed values (file, directory)")
	}
	p.dir = kind == "directory"
	return p, nil
}

// readFilePatch checks a PATCH against the schema filePatch, which lets unknown
// fields pass.
func readFilePatch(r *http.Request) (filePatch, error) {
	f, err := readFields(r)
	if err != nil {
		return filePatch{}, err
	}
	return f.filePatch(false)
}
