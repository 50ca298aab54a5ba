package emulator

import (
	"fmt"
	"slices"
	"strings"
)

// RawEntry is an entry as a hostile or broken service could hold it. Nothing in
// it is checked.
type RawEntry struct {
	Name            string
	ParentDirectory string // answered as it is
	Type            string // file or directory; "": file
	Status          string // "": completed
	MoveIntoID      string // 24 hexadecimal digits
	ContentType     string
	Content         []byte // nil: a file without content
	FileSize        *int64 // bytes; nil: the size of Content
	S3ETag          string // "": the MD5 of Content
}

// Application is the id of the application every state folder begins with.
func (s *Server) Application() string { return s.st.meta.Default }

// NewApplication adds an application and returns its id.
func (s *Server) NewApplication(name string) string {
	var id string
	s.must(s.st.update(func() error {
		id = s.st.newApplication(name).id.String()
		return nil
	}))
	return id
}

// must stops a program that seeds what cannot be: a mistake of its author, or a
// disk that is full.
func (s *Server) must(err error) {
	if err != nil {
		panic(fmt.Errorf("emulator: %w", err))
	}
}

// spaceLocked finds a space by the id of its application and its name.
func (s *Server) spaceLocked(app, space string) (*space, error) {
	id, ok := parseID(app)
	a := s.st.apps[id]
	if !ok || a == nil {
		return nil, fmt.Errorf("there is no application %q", app)
	}
	if sp := a.space(space); sp != nil {
		return sp, nil
	}
	return nil, fmt.Errorf("there is no space %q, only public and private", space)
}

// splitPath parts a path into the folder and the name.
func splitPath(path string) (key, name string) {
	path = strings.Trim(path, "/")
	i := strings.LastIndexByte(path, '/')
	return folderKey(path[:i+1]), path[i+1:]
}

// seeder is the author of what is put in without a call.
func (s *Server) seeder() author { return author{s.st.meta.User, "user"} }

// PutFile puts a file in as if it had been there all along, or gives one that is
// there new content under its id. Missing directories are made.
func (s *Server) PutFile(app, space, path string, content []byte) (id string) {
	s.must(s.st.update(func() error {
		e, err := s.putFileLocked(app, space, path, content)
		if err == nil {
			id = e.id.String()
		}
		return err
	}))
	return id
}

func (s *Server) putFileLocked(app, space, path string, content []byte) (*entry, error) {
	sp, err := s.spaceLocked(app, space)
	if err != nil {
		return nil, err
	}
	object, err := s.st.objects.put(content)
	if err != nil {
		return nil, err
	}
	key, name := splitPath(path)
	if e := sp.find(key, name, s.fold()); e != nil {
		if e.dir {
			return nil, fmt.Errorf("%s is a directory", path)
		}
		s.st.setObject(e, object)
		e.status, e.rewriting = completed, false
		return e, s.st.touch(e)
	}
	by := s.seeder()
	if key, err = s.ensureLocked(sp, key, by); err != nil {
		return nil, err
	}
	e := &entry{
		name: name, parent: key, authorID: by.id, authorType: by.kind, contentType: typeByName(name),
		object: object, size: sizeOf(object), etag: etagOf(object),
	}
	err = s.st.add(sp, e)
	s.st.objects.release(object) // the entry has its own reference now
	return e, err
}

// PutDir puts a directory in, with those above it, where they are missing.
func (s *Server) PutDir(app, space, path string) (id string) {
	s.must(s.st.update(func() error {
		sp, err := s.spaceLocked(app, space)
		if err != nil {
			return err
		}
		key, err := s.ensureLocked(sp, folderKey(path), s.seeder())
		if err != nil {
			return err
		}
		parent, name := splitKey(key)
		if e := sp.find(parent, name, false); e != nil { // the root has no entry
			id = e.id.String()
		}
		return nil
	}))
	return id
}

// PutRaw puts an entry in verbatim, whatever its name, directory and status.
func (s *Server) PutRaw(app, space string, r RawEntry) (id string) {
	s.must(s.st.update(func() error {
		sp, err := s.spaceLocked(app, space)
		if err != nil {
			return err
		}
		by := s.seeder()
		e := &entry{
			name: r.Name, parent: r.ParentDirectory, dir: r.Type == "directory", raw: true, size: -1,
			authorID: by.id, authorType: by.kind, contentType: r.ContentType,
		}
		var ok bool
		if e.status, ok = parseStatus(r.Status); !ok {
			return fmt.Errorf("there is no status %q", r.Status)
		}
		if e.moveInto, ok = parseID(r.MoveIntoID); !ok && r.MoveIntoID != "" {
			return fmt.Errorf("%q is no id", r.MoveIntoID)
		}
		if r.Content != nil {
			if e.object, err = s.st.objects.put(r.Content); err != nil {
				return err
			}
			e.size, e.etag = sizeOf(e.object), etagOf(e.object)
			defer s.st.objects.release(e.object)
		}
		if r.FileSize != nil {
			e.size = *r.FileSize
		}
		if r.S3ETag != "" {
			e.etag = r.S3ETag
		}
		err = s.st.add(sp, e)
		id = e.id.String()
		return err
	}))
	return id
}

// Remove takes an entry away at once, a directory with all it holds.
func (s *Server) Remove(app, space, path string) bool {
	found := false
	s.must(s.st.update(func() error {
		e, err := s.atLocked(app, space, path)
		if err != nil || e == nil {
			return err
		}
		found = true
		return s.st.removeAll(e.space.tree(e))
	}))
	return found
}

func (s *Server) atLocked(app, space, path string) (*entry, error) {
	sp, err := s.spaceLocked(app, space)
	if err != nil {
		return nil, err
	}
	key, name := splitPath(path)
	return sp.find(key, name, s.fold()), nil
}

// Find describes the entry at a path as the API would now.
func (s *Server) Find(app, space, path string) (Item, bool) {
	s.st.mu.RLock()
	defer s.st.mu.RUnlock()
	e, err := s.atLocked(app, space, path)
	s.must(err)
	if e == nil {
		return Item{}, false
	}
	return s.item(e), true
}

// Items describes all entries of a space, sorted by path.
func (s *Server) Items(app, space string) []Item {
	s.st.mu.RLock()
	defer s.st.mu.RUnlock()
	sp, err := s.spaceLocked(app, space)
	s.must(err)
	items := make([]Item, 0, sp.count)
	for _, e := range sp.all() {
		items = append(items, s.item(e))
	}
	slices.SortFunc(items, func(a, b Item) int {
		return strings.Compare(a.Path()+"\x00"+a.ID, b.Path()+"\x00"+b.ID)
	})
	return items
}

// Content returns the bytes a reader of the file at a path gets now.
func (s *Server) Content(app, space, path string) ([]byte, bool) {
	s.st.mu.RLock()
	defer s.st.mu.RUnlock()
	e, err := s.atLocked(app, space, path)
	s.must(err)
	if e == nil || e.object == "" {
		return nil, false
	}
	content, err := s.st.objects.read(e.object)
	s.must(err)
	return content, true
}
