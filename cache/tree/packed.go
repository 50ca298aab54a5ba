package tree

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"math"
	"slices"
	"strings"
	"time"

	"losantfs/remote"
)

// packed holds entries in the form in which they are also kept on disk: about 70 bytes
// for a file, where [remote.Entry] with its strings takes 400. Each is a record that
// says nothing of where it is, so that records can be put in and taken out.
//
// A record is, with numbers as varints and texts after their length: name, flags, id,
// etag, parent, status, content type, size, created, updated and, where the flags say
// so, dimensions, successor and URL.
type packed struct {
	data  []byte   // the records one after another
	ends  []int    // where each ends
	words []string // what several records share; not changed but by appending
}

// mostWords bounds the words of a listing: a service that sends a new one with each
// entry must not make it slow.
const mostWords = 64

const (
	isDir       = 1 << iota
	hexID       // the id is 12 bytes that were sent in hex
	hexETag     // the etag is 16 bytes that were sent in hex
	hasSize     // dimensions
	hasMovedTo  // successor
	hasURL      // as a whole
	urlHasPlace // the URL is a word and the path of the entry
)

func (p *packed) len() int { return len(p.ends) }

func (p *packed) start(i int) int {
	if i == 0 {
		return 0
	}
	return p.ends[i-1]
}

func (p *packed) clone(room int) packed {
	return packed{append(make([]byte, 0, len(p.data)+128*room), p.data...),
		append(make([]int, 0, len(p.ends)+room), p.ends...), slices.Clip(p.words)}
}

// grow makes room for files with names of usual length.
func (p *packed) grow(n int) {
	p.data, p.ends = slices.Grow(p.data, 80*n), slices.Grow(p.ends, n)
}

// clip gives back what is not used.
func (p *packed) clip() {
	if cap(p.data) > len(p.data)+len(p.data)/8 {
		p.data = bytes.Clone(p.data)
	}
	p.data, p.ends, p.words = slices.Clip(p.data), slices.Clip(p.ends), slices.Clip(p.words)
}

// add appends an entry.
func (p *packed) add(e *remote.Entry) {
	p.data = p.appendRecord(p.data, e)
	p.ends = append(p.ends, len(p.data))
}

// put puts entries in the place of those from i to j.
func (p *packed) put(i, j int, entries ...*remote.Entry) {
	from, to := p.start(i), p.start(j)
	var made []byte
	var ends []int
	for _, e := range entries {
		made = p.appendRecord(made, e)
		ends = append(ends, from+len(made))
	}
	p.data = slices.Replace(p.data, from, to, made...)
	p.ends = slices.Replace(p.ends, i, j, ends...)
	for k := i + len(ends); k < len(p.ends); k++ {
		p.ends[k] += from + len(made) - to
	}
}

// appendRecord appends the record of an entry to b.
func (p *packed) appendRecord(b []byte, e *remote.Entry) []byte {
	flags := byte(0)
	set := func(bit byte, is bool) bool {
		if is {
			flags |= bit
		}
		return is
	}
	set(isDir, e.Dir)
	set(hexID, isHex(e.ID, 12))
	set(hexETag, isHex(e.ETag, 16))
	set(hasSize, e.Dimensions != nil)
	set(hasMovedTo, e.MovedTo != "")
	before, derived := strings.CutSuffix(e.URL, e.Parent+e.Name)
	if !set(urlHasPlace, e.URL != "" && derived) {
		set(hasURL, e.URL != "")
	}
	b = append(appendText(b, e.Name), flags)
	b = appendHex(b, e.ID, flags&hexID != 0)
	b = appendHex(b, e.ETag, flags&hexETag != 0)
	b = p.appendWord(b, e.Parent)
	b = p.appendWord(b, string(e.Status))
	b = p.appendWord(b, e.ContentType)
	b = binary.AppendVarint(b, e.Size)
	b = appendTime(b, e.Created)
	b = appendTime(b, e.Updated)
	if d := e.Dimensions; d != nil {
		b = binary.LittleEndian.AppendUint64(b, math.Float64bits(d.Width))
		b = binary.LittleEndian.AppendUint64(b, math.Float64bits(d.Height))
	}
	if e.MovedTo != "" {
		b = appendText(b, e.MovedTo)
	}
	switch {
	case flags&urlHasPlace != 0:
		b = p.appendWord(b, before)
	case flags&hasURL != 0:
		b = appendText(b, e.URL)
	}
	return b
}

func isHex(s string, size int) bool {
	if len(s) != 2*size {
		return false
	}
	for i := range len(s) {
		if c := s[i]; (c < '0' || c > '9') && (c < 'a' || c > 'f') {
			return false
		}
	}
	return true
}

func appendHex(b []byte, s string, packed bool) []byte {
	if !packed {
		return appendText(b, s)
	}
	b, _ = hex.AppendDecode(b, []byte(s)) // it was looked at
	return b
}

func appendText(b []byte, s string) []byte {
	return append(binary.AppendUvarint(b, uint64(len(s))), s...)
}

// appendWord writes the number of a word from 1, or 0 and a text.
func (p *packed) appendWord(b []byte, s string) []byte {
	at := slices.Index(p.words, s)
	if at < 0 && len(p.words) == mostWords {
		return appendText(append(b, 0), s)
	}
	if at < 0 {
		at = len(p.words)
		p.words = append(p.words, strings.Clone(s))
	}
	return append(b, byte(at+1))
}

// appendTime writes seconds since 1970, and twice the milliseconds or, where these do
// not do, twice the nanoseconds and 1.
func appendTime(b []byte, t time.Time) []byte {
	b = binary.AppendVarint(b, t.Unix())
	if ns := uint64(t.Nanosecond()); ns%1e6 != 0 {
		return binary.AppendUvarint(b, ns<<1|1)
	} else {
		return binary.AppendUvarint(b, ns/1e6<<1)
	}
}

// record is one entry as it is packed. What it points to must not be kept.
type record struct {
	name, id, etag   []byte
	flags            byte
	parent           string
	status           remote.Status
	contentType      string
	size             int64
	created, updated time.Time
	dimensions       remote.Dimensions
	movedTo          []byte
	urlBefore        string
	url              []byte
}

var errPacked = errors.New("these are no entries")

// reader takes packed values from the front of b; once one is not whole, bad is set.
type reader struct {
	b     []byte
	words []string
	bad   bool
}

func (r *reader) bytes(n uint64) []byte {
	if n > uint64(len(r.b)) {
		r.bad, r.b = true, nil
		return nil
	}
	b := r.b[:n:n]
	r.b = r.b[n:]
	return b
}

func (r *reader) uvarint() uint64 {
	n, size := binary.Uvarint(r.b)
	if size <= 0 {
		r.bad, r.b = true, nil
		return 0
	}
	r.b = r.b[size:]
	return n
}

func (r *reader) varint() int64 {
	n := r.uvarint()
	return int64(n>>1) ^ -int64(n&1)
}

func (r *reader) text() []byte { return r.bytes(r.uvarint()) }

func (r *reader) hex(packed bool, size uint64) []byte {
	if packed {
		return r.bytes(size)
	}
	return r.text()
}

func (r *reader) word() string {
	b := r.bytes(1)
	switch {
	case r.bad:
		return ""
	case b[0] == 0:
		return string(r.text())
	case int(b[0]) > len(r.words):
		r.bad = true
		return ""
	}
	return r.words[b[0]-1]
}

func (r *reader) time() time.Time {
	s, ns := r.varint(), r.uvarint()
	if ns&1 == 0 {
		ns *= 1e6
	}
	if ns>>1 >= 1e9 {
		r.bad = true
		return time.Time{}
	}
	return time.Unix(s, int64(ns>>1)).UTC()
}

func (r *reader) float() float64 {
	if b := r.bytes(8); !r.bad {
		return math.Float64frombits(binary.LittleEndian.Uint64(b))
	}
	return 0
}

// record reads one record.
func (r *reader) record() (e record) {
	e.name = r.text()
	if b := r.bytes(1); !r.bad {
		e.flags = b[0]
	}
	e.id, e.etag = r.hex(e.is(hexID), 12), r.hex(e.is(hexETag), 16)
	e.parent, e.status, e.contentType = r.word(), remote.Status(r.word()), r.word()
	e.size, e.created, e.updated = r.varint(), r.time(), r.time()
	if e.is(hasSize) {
		e.dimensions = remote.Dimensions{Width: r.float(), Height: r.float()}
	}
	if e.is(hasMovedTo) {
		e.movedTo = r.text()
	}
	switch {
	case e.is(urlHasPlace):
		e.urlBefore = r.word()
	case e.is(hasURL):
		e.url = r.text()
	}
	return e
}

func (e *record) is(flag byte) bool { return e.flags&flag != 0 }

// at returns the record at i.
func (p *packed) at(i int) record {
	r := reader{b: p.data[p.start(i):p.ends[i]], words: p.words}
	return r.record()
}

// name returns the name at i, which must not be kept.
func (p *packed) name(i int) []byte {
	r := reader{b: p.data[p.start(i):p.ends[i]]}
	return r.text()
}

// hasID reports whether the entry at i has an id.
func (p *packed) hasID(i int, id string) bool { return p.findID(i, i+1, id) == i }

// findID returns where the first entry from i to j with an id is, -1 for none.
func (p *packed) findID(i, j int, id string) int {
	flag, want := byte(0), appendText(nil, id)
	if isHex(id, 12) {
		flag, want = hexID, appendHex(nil, id, true)
	}
	for ; i < j; i++ {
		b := p.data[p.start(i):p.ends[i]]
		n, size := binary.Uvarint(b)
		b = b[uint64(size)+n:]
		if b[0]&hexID == flag && bytes.HasPrefix(b[1:], want) {
			return i
		}
	}
	return -1
}

func (e *record) sameID(o *record) bool { return e.is(hexID) == o.is(hexID) && bytes.Equal(e.id, o.id) }

// alike reports whether two entries of a name look the same.
func (e *record) alike(o *record) bool {
	return e.sameID(o) && e.is(isDir) == o.is(isDir) && e.status == o.status && e.size == o.size &&
		e.is(hexETag) == o.is(hexETag) && bytes.Equal(e.etag, o.etag) && e.updated.Equal(o.updated)
}

// entry returns what is packed. Its name is apart from the rest, as many are kept.
func (p *packed) entry(i int) remote.Entry {
	r := p.at(i)
	e := remote.Entry{Name: string(r.name), Dir: r.is(isDir), Parent: r.parent, Status: r.status, ContentType: r.contentType,
		Size: r.size, Created: r.created, Updated: r.updated}
	text := make([]byte, 0, 256)
	text = appendID(text, r.id, r.is(hexID))
	id := len(text)
	text = appendID(text, r.etag, r.is(hexETag))
	etag := len(text)
	text = append(text, r.movedTo...)
	movedTo := len(text)
	if text = append(text, r.url...); r.is(urlHasPlace) {
		text = append(append(append(text, r.urlBefore...), r.parent...), r.name...)
	}
	all := string(text)
	e.ID, e.ETag, e.MovedTo, e.URL = all[:id], all[id:etag], all[etag:movedTo], all[movedTo:]
	if r.is(hasSize) {
		of := r.dimensions
		e.Dimensions = &of
	}
	return e
}

func appendID(b, id []byte, packed bool) []byte {
	if packed {
		return hex.AppendEncode(b, id)
	}
	return append(b, id...)
}

// entries returns all of them.
func (p *packed) entries() []remote.Entry {
	all := make([]remote.Entry, p.len())
	for i := range all {
		all[i] = p.entry(i)
	}
	return all
}

// search returns where a name is, or would be, in entries by name.
func (p *packed) search(name string) (int, bool) {
	want := []byte(name)
	i, j := 0, p.len()
	for i < j {
		if h := (i + j) / 2; bytes.Compare(p.name(h), want) < 0 {
			i = h + 1
		} else {
			j = h
		}
	}
	return i, i < p.len() && bytes.Equal(p.name(i), want)
}
