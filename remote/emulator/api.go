package emulator

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// call is one request to the API on its way through.
type call struct {
	s      *Server
	r      *http.Request
	query  url.Values
	claims *claims
	app    *application
	space  *space
	id     objectID
}

// route says what answers a method and path.
type route struct {
	op     string
	scopes []string // any of them allows the call; nil: open to all
	title  string   // of the resource, as a 404 names it
	answer func(*call) (status int, body []byte, err error)
}

// place is what a path names.
type place struct {
	app, kind, id, verb string
	rest                string // the path without applications/{app}, for the other resources
}

// parsePath parts the segments of an API path. Public items live below "file",
// public listings at "files", and private ones both at "privateFiles".
func parsePath(escaped string) (place, bool) {
	var segments []string
	for segment := range strings.SplitSeq(strings.Trim(escaped, "/"), "/") {
		text, err := url.PathUnescape(segment)
		if err != nil {
			return place{}, false
		}
		segments = append(segments, text)
	}
	if segments[0] != "applications" || len(segments) < 3 {
		p := place{rest: strings.Join(segments, "/")}
		if segments[0] == "applications" && len(segments) == 2 {
			p = place{rest: "applications/{app}", app: segments[1]}
		}
		return p, true
	}
	p := place{app: segments[1], kind: private}
	switch name := segments[2]; {
	case name == "files" && len(segments) == 3, name == "file" && len(segments) > 3:
		p.kind = public
	case name != "privateFiles":
		return place{}, false
	}
	if len(segments) > 3 {
		p.id = segments[3]
	}
	if len(segments) > 4 {
		p.verb = segments[4]
	}
	return p, len(segments) <= 5
}

// routeOf finds the route of a request; nil: nothing is mapped there.
func routeOf(method string, p place) *route {
	if p.kind == "" {
		return otherRoutes[method+" "+p.rest]
	}
	key := method
	if p.id != "" {
		key += " item"
	}
	if p.verb != "" {
		key += " " + p.verb
	}
	return fileRoutes[p.kind][key]
}

// fileRoutes are the calls on one space, by method and what they are about.
var fileRoutes = map[string]map[string]*route{
	public:  routesOf("files", "file", "File"),
	private: routesOf("privateFiles", "privateFile", "Private File"),
}

func routesOf(collection, item, title string) map[string]*route {
	return map[string]*route{
		"GET":              {opList, scopes(collection, "get", groupsRead), title, (*call).list},
		"POST":             {opCreate, scopes(collection, "post", groupsWrite), title, (*call).create},
		"GET item":         {opGet, scopes(item, "get", groupsRead), title, (*call).get},
		"PATCH item":       {opPatch, scopes(item, "patch", groupsWrite), title, (*call).patch},
		"DELETE item":      {opDelete, scopes(item, "delete", groupsWrite), title, (*call).remove},
		"POST item move":   {opMove, scopes(item, "move", groupsWrite), title, (*call).move},
		"POST item upload": {opUpload, scopes(item, "upload", groupsWrite), title, (*call).upload},
	}
}

var otherRoutes = map[string]*route{
	"POST auth/user":         {op: opAuth, answer: (*call).login},
	"GET auth/ssoDomain":     {op: opSSO, answer: (*call).ssoDomain},
	"GET me":                 {opMe, scopes("me", "get", groupsUser), "User", (*call).me},
	"GET applications":       {opApplications, scopes("applications", "get", groupsUser), "User", (*call).listApplications},
	"GET applications/{app}": {opApplication, scopes("application", "get", groupsRead), "Application", (*call).application},
}

// serveAPI answers one request to the API host.
func (s *Server) serveAPI(a *answer, r *http.Request) {
	p, ok := parsePath(r.URL.EscapedPath())
	var rt *route
	if ok {
		rt = routeOf(r.Method, p)
	}
	if rt == nil {
		drain(r)
		writeAPIError(a, errMethod)
		return
	}
	if ahead := s.sw.duration("clock"); ahead != 0 {
		a.Header().Set("Date", time.Now().Add(ahead).UTC().Format(http.TimeFormat))
	}
	refuse := func(status int) { writeAPIError(a, injected(status)) }
	s.perform(a, r, rt.op, refuse, func() {
		if to := s.sw.string("redirect-api"); to != "" {
			drain(r)
			a.Header().Set("Location", to+r.URL.RequestURI())
			a.WriteHeader(http.StatusTemporaryRedirect)
			return
		}
		status, body, err := s.answerCall(rt, p, r)
		if err != nil {
			drain(r)
			writeAPIError(a, err)
			return
		}
		writeJSON(a, status, body)
	})
}

// answerCall checks everything that is common to all calls and runs the route.
func (s *Server) answerCall(rt *route, p place, r *http.Request) (int, []byte, error) {
	c := &call{s: s, r: r, query: r.URL.Query()}
	if rt.scopes != nil {
		var err error
		if c.claims, err = s.authenticate(r); err != nil {
			return 0, nil, err
		}
		if !c.claims.allows(rt.scopes) {
			return 0, nil, errForbidden
		}
	}
	if p.app != "" {
		if err := c.locate(p, rt.title); err != nil {
			return 0, nil, err
		}
	}
	return rt.answer(c)
}

// locate finds the application, the space and the id a path names.
func (c *call) locate(p place, title string) error {
	id, ok := parseID(p.app)
	if !ok {
		return invalid("applicationId", "must match ^[A-Fa-f\\d]{24}$")
	}
	c.s.st.mu.RLock()
	c.app = c.s.st.apps[id]
	c.s.st.mu.RUnlock()
	if c.app == nil {
		return notFound("Application")
	}
	if p.kind == "" {
		return nil
	}
	if p.kind == private {
		switch {
		case c.s.sw.is("private-files", "404"):
			return notFound("Route")
		case c.s.sw.is("private-files", "405"):
			return errMethod
		}
	}
	c.space = c.app.space(p.kind)
	if p.id == "" {
		return nil
	}
	if c.id, ok = parseID(p.id); !ok {
		return invalid("id", "must match ^[A-Fa-f\\d]{24}$")
	}
	return nil
}

// entryLocked finds the entry a call is about.
func (c *call) entryLocked() (*entry, error) {
	e := c.s.st.entries[c.id]
	if e == nil || e.space != c.space {
		if c.space.kind == private {
			return nil, notFound("Private File")
		}
		return nil, notFound("File")
	}
	return e, nil
}

// fold says whether case does not matter in names.
func (s *Server) fold() bool { return !s.sw.on("case-sensitive") }

func writeJSON(a *answer, status int, body []byte) {
	if body != nil {
		a.Header().Set("Content-Type", "application/json; charset=utf-8")
	}
	a.WriteHeader(status)
	_, _ = a.Write(body)
}

func writeAPIError(a *answer, err error) {
	e := asAPIError(err)
	body, _ := json.Marshal(e)
	writeJSON(a, e.Status, body)
}

// success is the answer of a deletion.
var success = []byte(`{"success":true}`)

// timeLayout is how the service writes times, always in UTC; the store too.
const timeLayout = "2006-01-02T15:04:05.000Z"

func formatTime(ms int64) string { return time.UnixMilli(ms).UTC().Format(timeLayout) }
