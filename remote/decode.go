package remote

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"math"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"
)

// decoder reads what the service says of entries, as it arrives. Listings are large:
// encoding/json takes five times as long, as it reads each value several times when
// odd ones must not fail the whole.
type decoder struct {
	*jsontext.Decoder
	words map[string]string // what many entries share, each kept once
}

func newDecoder(r io.Reader) *decoder {
	// As lenient as encoding/json is.
	d := jsontext.NewDecoder(r, jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true))
	return &decoder{d, map[string]string{}}
}

var errNoObject = errors.New("there is no object where there should be one")

// object calls field with the name of each field of an object, which is valid until field
// reads the value. null is an object without fields.
func (d *decoder) object(field func(name []byte) error) error {
	t, err := d.ReadToken()
	if err != nil || t.Kind() == 'n' {
		return err
	}
	if t.Kind() != '{' {
		return errNoObject
	}
	for d.PeekKind() != '}' {
		raw, err := d.ReadValue()
		if err != nil {
			return err
		}
		name, _ := plain(raw)
		if err := field(name); err != nil {
			return err
		}
	}
	_, err = d.ReadToken()
	return err
}

// end fails where something follows.
func (d *decoder) end() error {
	if _, err := d.ReadToken(); err != io.EOF {
		return errors.Join(errNoObject, err)
	}
	return nil
}

// into reads any value as encoding/json does.
func (d *decoder) into(v any) error {
	raw, err := d.ReadValue()
	if err != nil {
		return err
	}
	return json.Unmarshal(raw, v)
}

// text reads a string, which is valid until the next is read. What is something else is
// skipped, and odd unless it is null.
func (d *decoder) text() (s []byte, odd bool, err error) {
	raw, err := d.ReadValue()
	if err != nil {
		return nil, false, err
	}
	s, ok := plain(raw)
	return s, !ok && raw.Kind() != 'n', nil
}

// plain returns what a string of JSON says.
func plain(raw jsontext.Value) (s []byte, ok bool) {
	if raw.Kind() != '"' {
		return nil, false
	}
	s = raw[1 : len(raw)-1]
	if bytes.IndexByte(s, '\\') < 0 && utf8.Valid(s) {
		return s, true
	}
	var unquoted string
	err := json.Unmarshal(raw, &unquoted)
	return []byte(unquoted), err == nil
}

// word returns s as a string that is shared with all that are the same.
func (d *decoder) word(s []byte) string {
	if w, ok := d.words[string(s)]; ok { // without a copy
		return w
	}
	w := string(s)
	d.words[w] = w
	return w
}

// entry reads an entry. All of it is read leniently: one odd field must not hide a whole
// listing.
func (d *decoder) entry(e *Entry) error {
	*e = Entry{Parent: "/"}
	var size float64
	odd := false
	text := func(into *string, matters bool) error {
		s, isOdd, err := d.text()
		*into, odd = string(s), odd || matters && isOdd
		return err
	}
	word := func(into *string, matters bool) error {
		s, isOdd, err := d.text()
		*into, odd = d.word(s), odd || matters && isOdd
		return err
	}
	date := func(into *time.Time) error {
		s, _, err := d.text()
		*into = parseTime(s)
		return err
	}
	err := d.object(func(field []byte) error {
		switch string(field) {
		case "id":
			return text(&e.ID, true)
		case "name":
			return text(&e.Name, false)
		case "parentDirectory":
			return word(&e.Parent, true)
		case "type":
			s, isOdd, err := d.text()
			e.Dir, odd = string(s) == "directory", odd || isOdd
			return err
		case "status":
			return word((*string)(&e.Status), false)
		case "s3etag":
			return text(&e.ETag, false)
		case "contentType":
			return word(&e.ContentType, false)
		case "creationDate":
			return date(&e.Created)
		case "lastUpdated":
			return date(&e.Updated)
		case "moveIntoId":
			return text(&e.MovedTo, false)
		case "url":
			return text(&e.URL, false)
		case "fileSize":
			raw, err := d.ReadValue()
			if size = 0; raw.Kind() == '0' {
				if size, _ = strconv.ParseFloat(string(raw), 64); math.IsInf(size, 0) {
					size = 0
				}
			}
			return err
		case "fileDimensions":
			raw, err := d.ReadValue()
			var of Dimensions
			if e.Dimensions = nil; err == nil && json.Unmarshal(raw, &of) == nil && of != (Dimensions{}) {
				e.Dimensions = &of
			}
			return err
		}
		return d.SkipValue()
	})
	e.ETag = strings.Trim(e.ETag, `"`)
	if dir := DirPath(e.Parent); dir != e.Parent {
		e.Parent = d.word([]byte(dir))
	}
	if odd {
		e.Name = "" // it is there, but cannot be shown
	}
	if size > 0 && size < math.MaxInt64 && !e.Dir {
		e.Size = int64(size)
	}
	return err
}

// UnmarshalJSON reads an entry as the service sends it.
func (e *Entry) UnmarshalJSON(b []byte) error {
	d := newDecoder(bytes.NewReader(b))
	return errors.Join(d.entry(e), d.end())
}

func parseTime(s []byte) (t time.Time) {
	if t.UnmarshalText(s) != nil {
		t, _ = time.Parse(time.RFC3339, string(s))
	}
	return t
}

// read reads a page as the service sends it.
func (p *Page) read(r io.Reader) error {
	*p = Page{}
	d := newDecoder(r)
	err := d.object(func(field []byte) error {
		switch string(field) {
		case "items":
			return d.items(&p.Items)
		case "totalCount":
			return d.into(&p.TotalCount)
		case "perPage":
			return d.into(&p.PerPage)
		case "parentExists":
			return d.into(&p.ParentExists)
		}
		return d.SkipValue()
	})
	if err != nil {
		return err
	}
	return d.end()
}

func (d *decoder) items(all *[]Entry) error {
	*all = nil
	t, err := d.ReadToken()
	if err != nil || t.Kind() == 'n' {
		return err
	}
	if t.Kind() != '[' {
		return errNoObject
	}
	*all = []Entry{}
	for d.PeekKind() != ']' {
		var e Entry
		if err := d.entry(&e); err != nil {
			return err
		}
		*all = append(*all, e)
	}
	_, err = d.ReadToken()
	return err
}
