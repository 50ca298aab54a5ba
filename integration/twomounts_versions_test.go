package integration

import (
	"bytes"
	"crypto/md5"
	"encoding/hex"
	"fmt"
	"strings"
	"sync"
	"time"
)

// version is a content that somebody wrote, known by its MD5. Each is written once.
type version struct {
	file, by, parent string // parent is the version that its writer had seen before
	saved            bool   // close returned no error
	removed          bool   // by somebody who had seen it
	spoiled          bool   // a write over it failed half way
}

// versions are all contents that ever were in a tree that several mounts change, so
// that a mixture of two is none of them, and whatever is in nobody's past has to be
// found.
type versions struct {
	mu     sync.Mutex
	serial int
	all    map[string]*version
	events []event
}

type event struct {
	at         time.Time
	file, text string
}

func sumOf(data []byte) string {
	sum := md5.Sum(data)
	return hex.EncodeToString(sum[:])
}

// next makes content of a size for a file, after a version of which it keeps the
// bytes given. It must be known before it is written: who reads it is fast.
func (v *versions) next(file, by, parent string, keep []byte, size int) []byte {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.serial++
	head := fmt.Sprintf("%s by %s, number %d after %.8s\n", file, by, v.serial, parent)
	data := append(append(keep[:len(keep):len(keep)], head...), content(head, size)...)
	v.all[sumOf(data)] = &version{file: file, by: by, parent: parent}
	return data
}

// note changes what is known of a version.
func (v *versions) note(sum string, change func(*version)) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if known := v.all[sum]; known != nil {
		change(known)
	}
}

// of reports whether a file may have a content.
func (v *versions) of(file string, data []byte) bool {
	v.mu.Lock()
	defer v.mu.Unlock()
	known := v.all[sumOf(data)]
	return known != nil && known.file == file
}

// log notes what was done to a file.
func (v *versions) log(file, format string, args ...any) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.events = append(v.events, event{time.Now(), file, fmt.Sprintf(format, args...)})
}

// history is what was done to a file.
func (v *versions) history(file string) string {
	v.mu.Lock()
	defer v.mu.Unlock()
	var b strings.Builder
	for _, e := range v.events {
		if e.file == file {
			fmt.Fprintf(&b, "time=%s %s\n", e.at.UTC().Format("2006-01-02T15:04:05.000Z"), e.text)
		}
	}
	return b.String()
}

// lost returns what was saved and is neither found, nor was it removed or replaced
// by somebody who had seen it and whose own is not lost.
func (v *versions) lost(found map[string]bool) map[string]*version {
	v.mu.Lock()
	defer v.mu.Unlock()
	after := map[string][]string{}
	for sum, known := range v.all {
		after[known.parent] = append(after[known.parent], sum)
	}
	safe := map[string]bool{}
	var isSafe func(sum string) bool
	isSafe = func(sum string) bool {
		if ok, done := safe[sum]; done {
			return ok
		}
		known := v.all[sum]
		ok := found[sum] || known.removed || known.spoiled
		for _, next := range after[sum] {
			ok = isSafe(next) || ok
		}
		safe[sum] = ok
		return ok
	}
	lost := map[string]*version{}
	for sum, known := range v.all {
		if known.saved && !isSafe(sum) {
			lost[sum] = known
		}
	}
	return lost
}

// wrongFrom returns where a content begins to differ from what its first line says.
func wrongFrom(data []byte) int {
	head := data[:bytes.IndexByte(data, '\n')+1]
	for i, want := range append(head[:len(head):len(head)], content(string(head), len(data)-len(head))...) {
		if data[i] != want {
			return i
		}
	}
	return len(data)
}
