package emulator

import (
	"crypto/rand"
	"encoding/binary"
	"encoding/hex"
	"strings"
	"time"
)

// objectID is an identifier as the service makes them: four bytes of time,
// five random ones and a counter; 24 hexadecimal digits when written.
type objectID [12]byte

func (id objectID) String() string { return hex.EncodeToString(id[:]) }

// parseID reads 24 hexadecimal digits of either case.
func parseID(s string) (objectID, bool) {
	var id objectID
	if len(s) != 2*len(id) {
		return id, false
	}
	_, err := hex.Decode(id[:], []byte(s))
	return id, err == nil
}

// idSource makes ids that increase within one run. The caller serialises.
type idSource struct {
	random  [5]byte
	counter uint32
}

func newIDSource() idSource {
	var g idSource
	_, _ = rand.Read(g.random[:])
	return g
}

func (g *idSource) next(now time.Time) objectID {
	var id objectID
	binary.BigEndian.PutUint32(id[:4], uint32(now.Unix()))
	copy(id[4:9], g.random[:])
	g.counter++
	id[9], id[10], id[11] = byte(g.counter>>16), byte(g.counter>>8), byte(g.counter)
	return id
}

// status is the state of an entry as the service words it.
type status uint8

const (
	completed status = iota
	pending
	moving
	deleting
)

var statusNames = [...]string{"completed", "pending", "moving", "deleting"}

func (s status) String() string { return statusNames[s] }

// parseStatus reads a status; "" is completed.
func parseStatus(s string) (status, bool) {
	if s == "" {
		return completed, true
	}
	for i, name := range statusNames {
		if s == name {
			return status(i), true
		}
	}
	return 0, false
}

// Dimensions are the measures of an image in pixels.
type Dimensions struct {
	Width  float64 `json:"width,omitempty"`
	Height float64 `json:"height,omitempty"`
}

// entry is one file or directory. Everything but updated is fixed once other
// goroutines can see it, or changed under the state's lock.
type entry struct {
	id     objectID
	space  *space
	name   string
	parent string // as it is answered: "/" or "/a/b/"; anything at all where raw
	dir    bool
	raw    bool // put in by PutRaw: its status is no job to resume
	status status

	created, updated int64 // milliseconds since 1970
	authorID         string
	authorType       string
	contentType      string
	dimensions       *Dimensions
	size             int64 // bytes; -1: not said
	etag             string
	moveInto         objectID // the new entry while moving

	object    string // the bytes a reader gets; "": none yet
	incoming  string // bytes the store has and the service has not taken over yet
	rewriting bool   // between a PATCH and the completion of its upload

	next *entry // another entry of the same directory and name
}

func (e *entry) typeName() string {
	if e.dir {
		return "directory"
	}
	return "file"
}

// key is the folder that holds the children of e.
func (e *entry) key() string { return folderKey(e.parent) + e.name + "/" }

// folderKey brings a directory into the form "/" or "/a/b/". It tidies the
// ends only, so a hostile directory stays as hostile as it is.
func folderKey(dir string) string {
	dir = strings.Trim(dir, "/")
	if dir == "" {
		return "/"
	}
	return "/" + dir + "/"
}

// splitKey parts a folder key into the folder's own parent and name.
func splitKey(key string) (parent, name string) {
	trimmed := strings.TrimSuffix(key, "/")
	i := strings.LastIndexByte(trimmed, '/')
	return trimmed[:i+1], trimmed[i+1:]
}
