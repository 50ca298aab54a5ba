package emulator

import (
	"net/http"
	"net/url"
	"os"
	"strconv"
	"strings"
	"sync"
	"time"
)

// redirectedPrefix begins the second path of a redirected content.
const redirectedPrefix = "/_redirected"

// cached is what the CDN fetched for one path and query.
type cached struct {
	object      string // with a reference of its own
	contentType string
	modified    int64
	fetched     time.Time
}

// cdn is the cache in front of the public contents. Its lock is taken below the
// state's lock, which guards the references of its objects.
type cdn struct {
	mu      sync.Mutex
	objects map[string]cached
}

// servePublic answers one request to the CDN.
func (s *Server) servePublic(a *answer, r *http.Request) {
	s.serveContent(a, r, func(path string) error {
		return s.sendPublic(a, r, path)
	})
}

// servePrivate answers one request to the host of signed URLs.
func (s *Server) servePrivate(a *answer, r *http.Request) {
	s.serveContent(a, r, func(path string) error {
		if err := s.checkSignature(r, path); err != nil {
			return err
		}
		c, file, err := s.fetch(private, path)
		if err != nil {
			return err
		}
		defer file.Close()
		a.Header().Set("ETag", quote(etagOf(c.object)))
		s.send(a, r, c, file)
		return nil
	})
}

// serveContent is what both content hosts have in common.
func (s *Server) serveContent(a *answer, r *http.Request, send func(path string) error) {
	s.perform(a, r, opContent, func(status int) { writeStoreError(a, injectedStore(status)) }, func() {
		if r.Method != http.MethodGet && r.Method != http.MethodHead {
			drain(r)
			writeStoreError(a, storeErrorf(http.StatusMethodNotAllowed, "MethodNotAllowed",
				"The specified method is not allowed against this resource."))
			return
		}
		path, redirected := strings.CutPrefix(r.URL.EscapedPath(), redirectedPrefix)
		if s.sw.on("redirect-content") && !redirected {
			to := redirectedPrefix + path
			if r.URL.RawQuery != "" {
				to += "?" + r.URL.RawQuery
			}
			a.Header().Set("Location", to)
			a.WriteHeader(http.StatusFound)
			return
		}
		if err := send(path); err != nil {
			writeStoreError(a, err)
		}
	})
}

// fetch finds and opens the content a path means now.
func (s *Server) fetch(kind, path string) (cached, *os.File, error) {
	s.st.mu.RLock()
	defer s.st.mu.RUnlock()
	e := s.entryAtLocked(kind, path)
	if e == nil || e.object == "" || e.rewriting && s.sw.is("reupload-read", "missing") {
		return cached{}, nil, storeErrorf(http.StatusNotFound, "NoSuchKey", "The specified key does not exist.")
	}
	file, err := s.st.objects.open(e.object)
	return cached{object: e.object, contentType: e.contentType, modified: e.updated, fetched: time.Now()}, file, err
}

// entryAtLocked finds the file an encoded path means: /application/a/b/name.
func (s *Server) entryAtLocked(kind, path string) *entry {
	names := strings.Split(strings.TrimPrefix(path, "/"), "/")
	for i := range names {
		var err error
		if names[i], err = url.PathUnescape(names[i]); err != nil {
			return nil
		}
	}
	id, ok := parseID(names[0])
	app := s.st.apps[id]
	if !ok || app == nil || len(names) < 2 {
		return nil
	}
	last := len(names) - 1
	e := app.space(kind).find(folderKey(strings.Join(names[1:last], "/")), names[last], s.fold())
	if e == nil || e.dir {
		return nil
	}
	return e
}

// sendPublic serves through the CDN's cache, where it is on.
func (s *Server) sendPublic(a *answer, r *http.Request, path string) error {
	key := path + "?" + r.URL.RawQuery
	ttl := s.sw.duration("cdn-ttl")
	c, file, hit := s.fromCache(key, ttl)
	if !hit {
		var err error
		if c, file, err = s.fetch(public, path); err != nil {
			return err
		}
		if ttl > 0 {
			s.cache(key, c)
		}
	}
	defer file.Close()
	h := a.Header()
	if hit {
		h.Set("X-Cache", "Hit from emulator")
		h.Set("Age", strconv.Itoa(int(time.Since(c.fetched)/time.Second)))
	} else {
		h.Set("X-Cache", "Miss from emulator")
	}
	switch s.sw.string("cdn-etag") {
	case "md5":
		h.Set("ETag", quote(etagOf(c.object)))
	case "weak":
		h.Set("ETag", "W/"+quote(etagOf(c.object)))
	}
	if s.sw.is("cdn-range", "ignore") {
		r.Header.Del("Range")
	}
	s.send(a, r, c, file)
	return nil
}

// fromCache opens what the CDN still holds.
func (s *Server) fromCache(key string, ttl time.Duration) (cached, *os.File, bool) {
	s.st.mu.RLock()
	defer s.st.mu.RUnlock()
	s.cdn.mu.Lock()
	c, ok := s.cdn.objects[key]
	s.cdn.mu.Unlock()
	if !ok || time.Since(c.fetched) >= ttl {
		return cached{}, nil, false
	}
	file, err := s.st.objects.open(c.object)
	return c, file, err == nil
}

// cache keeps what the CDN just fetched.
func (s *Server) cache(key string, c cached) {
	s.report(s.st.update(func() error {
		if s.st.objects.refs[c.object] == 0 {
			return nil // replaced and gone since it was fetched
		}
		s.st.objects.retain(c.object)
		s.cdn.mu.Lock()
		defer s.cdn.mu.Unlock()
		s.st.objects.release(s.cdn.objects[key].object)
		s.cdn.objects[key] = c
		return nil
	}))
}

// send writes a content: whole, a range, or 304 or 416 as the request's headers ask.
func (s *Server) send(a *answer, r *http.Request, c cached, file *os.File) {
	contentType := c.contentType
	if contentType == "" {
		contentType = "binary/octet-stream" // S3's word for "nobody said"
	}
	a.Header().Set("Content-Type", contentType)
	http.ServeContent(a, r, "", time.UnixMilli(c.modified), file)
}
