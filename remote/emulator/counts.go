package emulator

import (
	"maps"
	"sync"
)

// The operations, as Counts.Calls and the switch error-ops name them.
const (
	opList         = "list"
	opGet          = "get"
	opCreate       = "create"
	opPatch        = "patch"
	opMove         = "move"
	opDelete       = "delete"
	opUpload       = "upload"
	opMe           = "me"
	opApplications = "applications"
	opApplication  = "application"
	opAuth         = "auth"
	opSSO          = "sso"
	opForm         = "form"
	opContent      = "content"
)

var allOps = []string{
	opList, opGet, opCreate, opPatch, opMove, opDelete, opUpload,
	opMe, opApplications, opApplication, opAuth, opSSO, opForm, opContent,
}

// Counts says what clients did, so that a test can hold one to its number of calls.
type Counts struct {
	// Calls counts by operation: list, get, create, patch, move, delete, upload,
	// me, applications, application, auth and sso of the API, form for form posts
	// to the store, content for requests to the two content hosts. A call counts
	// whatever its answer is.
	Calls map[string]int64 `json:"calls"`
	// Errors counts answers with a status of 400 or more on any host.
	Errors int64 `json:"errors"`
	// BytesIn and BytesOut are the bytes of request and response bodies on all hosts.
	BytesIn  int64 `json:"bytesIn"`
	BytesOut int64 `json:"bytesOut"`
	// ContentBytes is the part of BytesOut the content hosts sent.
	ContentBytes int64 `json:"contentBytes"`
	// FormBytes counts the bytes of files the store accepted.
	FormBytes int64 `json:"formBytes"`
	// Leaks counts requests that carried a token to a host other than the API's:
	// an Authorization header, or a token in any header, the query or a form field.
	Leaks int64 `json:"leaks"`
	// Connections counts TCP connections accepted on all hosts.
	Connections int64 `json:"connections"`
}

// Total is the number of API calls: everything but form posts and contents.
func (c Counts) Total() int64 {
	var n int64
	for op, calls := range c.Calls {
		if op != opForm && op != opContent {
			n += calls
		}
	}
	return n
}

// Writes is the number of API calls that change files.
func (c Counts) Writes() int64 {
	return c.Calls[opCreate] + c.Calls[opPatch] + c.Calls[opMove] + c.Calls[opDelete] + c.Calls[opUpload]
}

// counter guards the Counts being made.
type counter struct {
	mu  sync.Mutex
	now Counts
}

// add changes the counts.
func (c *counter) add(change func(*Counts)) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.now.Calls == nil {
		c.now.Calls = map[string]int64{}
	}
	change(&c.now)
}

func (c *counter) call(op string) { c.add(func(n *Counts) { n.Calls[op]++ }) }

func (c *counter) snapshot() Counts {
	c.mu.Lock()
	defer c.mu.Unlock()
	snapshot := c.now
	snapshot.Calls = map[string]int64{}
	maps.Copy(snapshot.Calls, c.now.Calls)
	return snapshot
}

func (c *counter) reset() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = Counts{}
}
