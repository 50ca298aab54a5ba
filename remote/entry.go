package remote

import (
	"regexp"
	"strings"
	"time"
	"unicode/utf8"
)

// Space names one of the two file collections of an application.
type Space string

const (
	Public  Space = "public"
	Private Space = "private"
)

// collection and item are the path elements of a space; the item path of the
// public one is singular.
func (s Space) collection() string {
	if s == Private {
		return "privateFiles"
	}
	return "files"
}

func (s Space) item() string {
	if s == Private {
		return "privateFiles"
	}
	return "file"
}

// Status is where an entry is in its life.
type Status string

const (
	Pending   Status = "pending" // waits for (new) content
	Moving    Status = "moving"  // replaced by the entry MovedTo
	Deleting  Status = "deleting"
	Completed Status = "completed"
)

// Dimensions of an image, in pixels. Those of a vector image may be fractions.
type Dimensions struct {
	Width  float64 `json:"width"`
	Height float64 `json:"height"`
}

// Entry is one file or directory as the service describes it.
type Entry struct {
	ID          string
	Name        string // as the service sent it: see [ValidName]
	Parent      string // the directory it is in, "/" or "/a/b/"
	Dir         bool
	Status      Status
	Size        int64  // bytes
	ETag        string // unquoted; the MD5 in hex of single-part uploads
	ContentType string
	Dimensions  *Dimensions
	Created     time.Time
	Updated     time.Time
	MovedTo     string // id of the successor of a moving entry
	URL         string // of the content; empty when the service gave none
}

// Version names the content of e: two entries with the same id and version hold
// the same bytes.
func (e *Entry) Version() string {
	if e.ETag != "" {
		return e.ETag
	}
	return "u" + e.Updated.UTC().Format(time.RFC3339Nano)
}

// HasContent reports whether the service holds bytes for e: a file that was
// created but never uploaded has none.
func (e *Entry) HasContent() bool { return e.ETag != "" || e.Status == Completed }

var md5Hex = regexp.MustCompile(`^[0-9a-f]{32}$`)

// MD5 returns the MD5 of the content in hex when the etag is one, else "".
func (e *Entry) MD5() string {
	if md5Hex.MatchString(e.ETag) {
		return e.ETag
	}
	return ""
}

var idPattern = regexp.MustCompile(`^[A-Fa-f0-9]{24}$`)

// ValidID reports whether id has the form of the service's ids.
func ValidID(id string) bool { return idPattern.MatchString(id) }

// MaxName is the longest file name of Linux and macOS, in bytes.
const MaxName = 255

// ValidName reports whether name can be the name of a file. The service allows
// more (up to 1,024 characters), and a hostile one could send anything.
func ValidName(name string) bool {
	if name == "" || name == "." || name == ".." || len(name) > MaxName || !utf8.ValidString(name) {
		return false
	}
	return !strings.ContainsFunc(name, func(r rune) bool { return r == '/' || r < ' ' || r == 0x7f })
}

// DirPath normalises the path of a directory to "/" or "/a/b/".
func DirPath(p string) string {
	p = strings.Trim(p, "/")
	if p == "" {
		return "/"
	}
	return "/" + p + "/"
}
