package outbox

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"time"

	"losantfs/remote"
)

// conflictName returns the i-th name beside name that says what it is.
func conflictName(name string, at time.Time, i int) string {
	host, _ := os.Hostname()
	mark := fmt.Sprintf(" (conflict %s %s)", at.Format(time.DateOnly), host)
	if i > 1 {
		mark = fmt.Sprintf(" (conflict %s %s %d)", at.Format(time.DateOnly), host, i)
	}
	ext := filepath.Ext(name)
	stem := strings.TrimSuffix(name, ext)
	if stem == "" || len(ext) > maxExt {
		stem, ext = name, ""
	}
	for len(stem)+len(mark)+len(ext) > remote.MaxName && stem != "" {
		stem = dropRune(stem)
	}
	return stem + mark + ext
}

// maxExt is the longest ending of a name that is taken for an extension, in bytes:
// there must be room for what comes before it.
const maxExt = 32

// asideName returns a name under which an entry waits for its own to be free.
func asideName(name string) string {
	mark := fmt.Sprintf(".%08x.moving", rand.Uint32())
	for len(name)+len(mark)+1 > remote.MaxName {
		name = dropRune(name)
	}
	return "." + name + mark
}

func dropRune(s string) string {
	r := []rune(s)
	return string(r[:len(r)-1])
}
