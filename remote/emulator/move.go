package emulator

import (
	"net/http"
	"strings"
)

// move answers POST on an item's /move. The entry becomes a new one with a new
// id; the old one shows where it went until the job behind it is done.
func (c *call) move() (int, []byte, error) {
	s := c.s
	if !c.query.Has("name") && !c.query.Has("parentDirectory") {
		return 0, nil, invalid("name", "or parentDirectory is required")
	}
	var body []byte
	var old *entry
	instant := s.sw.is("directory-move", "instant")
	err := s.st.update(func() error {
		e, err := c.settledLocked()
		if err != nil {
			return err
		}
		key, name, err := c.targetLocked(e)
		if err != nil {
			return err
		}
		target, err := s.beginMoveLocked(e, key, name, c.claims.author())
		if err != nil {
			return err
		}
		old = e
		if e.dir && instant {
			if err := s.moveAllLocked(e); err != nil {
				return err
			}
		}
		body = s.appendEntry(nil, target, c.form())
		if !e.dir && s.sw.duration("move-delay") == 0 {
			return s.endMoveLocked(e)
		}
		return nil
	})
	if err != nil {
		return 0, nil, err
	}
	if s.st.stillMoving(old) {
		s.spawn(func() { s.runMove(old) })
	}
	return http.StatusCreated, body, nil
}

// targetLocked is where a move shall lead, checked.
func (c *call) targetLocked(e *entry) (key, name string, err error) {
	s := c.s
	key, name = folderKey(e.parent), e.name
	if c.query.Has("name") {
		if name, err = s.checkName("name", c.query.Get("name")); err != nil {
			return "", "", err
		}
	}
	if c.query.Has("parentDirectory") {
		if key, err = s.checkDirectory(c.query.Get("parentDirectory")); err != nil {
			return "", "", err
		}
	}
	key = c.space.canonical(key, s.fold())
	if key == folderKey(e.parent) && name == e.name {
		return "", "", invalid("name", "and parentDirectory are those it has already")
	}
	if e.dir && strings.HasPrefix(key, e.key()) {
		return "", "", invalid("parentDirectory", "must not be inside the directory that is moved")
	}
	there := c.space.find(key, name, s.fold())
	switch {
	case there == nil || there == e: // e itself: only the case of its name changes
		return key, name, nil
	case there.status == deleting && s.sw.is("reuse-deleting", "allow"):
		return key, name, nil
	case s.sw.is("move-onto-existing", "overwrite") && there.dir == e.dir && there.status < moving &&
		!strings.HasPrefix(folderKey(e.parent), there.key()):
		return key, name, s.st.remove(there) // its children stay and are merged with
	}
	return "", "", s.conflict()
}

// beginMoveLocked makes the new entry of a move and marks the old one. It
// changes nothing where that has been done before.
func (s *Server) beginMoveLocked(old *entry, key, name string, by author) (*entry, error) {
	if target := s.st.entries[old.moveInto]; old.status == moving && !old.raw && target != nil {
		return target, nil
	}
	parent, err := s.ensureLocked(old.space, key, by)
	if err != nil {
		return nil, err
	}
	target := &entry{
		name: name, parent: parent, dir: old.dir, status: pending,
		authorID: by.id, authorType: by.kind, contentType: old.contentType, dimensions: old.dimensions,
		size: old.size, rewriting: old.rewriting && old.incoming == "",
		incoming: old.incoming, // what came in and was not taken over moves along
	}
	if target.incoming == "" {
		target.incoming = old.object
	}
	if err := s.st.add(old.space, target); err != nil {
		return nil, err
	}
	old.status, old.moveInto, old.raw = moving, target.id, false
	return target, s.st.touch(old)
}

// endMoveLocked completes the new entry of a move and forgets the old one. Who
// deleted the new one meanwhile meant all of it.
func (s *Server) endMoveLocked(old *entry) error {
	target := s.st.entries[old.moveInto]
	if target != nil && target.status == pending && (target.dir || target.incoming != "") {
		if err := s.completeLocked(target); err != nil {
			return err
		}
	} // a file nobody ever uploaded has nothing to be completed with
	switch {
	case s.st.entries[old.id] != old:
		return nil
	case target == nil || target.status == deleting:
		return s.st.removeAll(old.space.tree(old))
	}
	return s.st.remove(old)
}

// runMove does the rest of a move that has begun.
func (s *Server) runMove(old *entry) {
	if !s.sleep(s.sw.duration("move-delay")) {
		return
	}
	for old.dir {
		progress := false
		children, target := s.leftToMove(old)
		for _, child := range children {
			progress = s.moveChild(child, target) || progress
			if s.ctx.Err() != nil {
				return
			}
		}
		if !progress {
			break
		}
	}
	s.report(s.st.update(func() error { return s.endMoveLocked(old) }))
}

// leftToMove returns what is still in an old directory, and the new one.
func (s *Server) leftToMove(old *entry) (children []*entry, target *entry) {
	s.st.mu.RLock()
	defer s.st.mu.RUnlock()
	target = s.st.entries[old.moveInto]
	if target == nil || target.status == deleting || s.st.entries[old.id] != old {
		return nil, nil
	}
	for _, child := range old.space.children(old.key()) {
		if child.status != deleting && child != old {
			children = append(children, child)
		}
	}
	return children, target
}

// moveChild moves one child of a directory, with all it holds; false: there was
// nothing to move any more.
func (s *Server) moveChild(child, into *entry) bool {
	begun := false
	s.report(s.st.update(func() error {
		var err error
		begun, err = s.beginChildLocked(child, into)
		return err
	}))
	if begun {
		s.runMove(child)
	}
	return begun
}

// beginChildLocked begins the move of a child. What stands at its new place
// already is overwritten, as a copy onto a key of the store overwrites it;
// directories merge.
func (s *Server) beginChildLocked(child, into *entry) (bool, error) {
	if s.st.entries[child.id] != child || child.status == deleting {
		return false, nil
	}
	if child.status != moving {
		there := child.space.find(into.key(), child.name, s.fold())
		if there != nil && there != child {
			doomed := []*entry{there}
			if there.dir && !child.dir {
				doomed = child.space.tree(there)
			}
			if err := s.st.removeAll(doomed); err != nil {
				return false, err
			}
		}
	}
	_, err := s.beginMoveLocked(child, into.key(), child.name, author{into.authorID, into.authorType})
	return err == nil, err
}

// moveAllLocked moves everything below a directory at once.
func (s *Server) moveAllLocked(old *entry) error {
	target := s.st.entries[old.moveInto]
	for _, child := range old.space.children(old.key()) {
		if child == old {
			continue
		}
		begun, err := s.beginChildLocked(child, target)
		if err != nil {
			return err
		}
		if !begun {
			continue
		}
		if child.dir {
			err = s.moveAllLocked(child)
		} else {
			err = s.endMoveLocked(child)
		}
		if err != nil {
			return err
		}
	}
	return s.endMoveLocked(old)
}

// stillMoving says whether a move has more to do.
func (st *state) stillMoving(old *entry) bool {
	st.mu.RLock()
	defer st.mu.RUnlock()
	return st.entries[old.id] == old
}

// resume goes on with what the last run did not finish.
func (s *Server) resume() {
	s.st.mu.RLock()
	defer s.st.mu.RUnlock()
	targets := map[objectID]bool{}
	for _, e := range s.st.entries {
		if e.status == moving && !e.raw {
			targets[e.moveInto] = true
		}
	}
	var doomed []*entry
	for _, e := range s.st.entries {
		switch {
		case e.raw:
		case e.status == deleting:
			doomed = append(doomed, e)
		case e.status == moving:
			if up := e.space.directoryOf(e); up == nil || up.raw || up.status != moving {
				s.spawn(func() { s.runMove(e) }) // the others belong to the job of their directory
			}
		case e.incoming != "" && !targets[e.id]:
			s.completeLater(e, e.incoming)
		}
	}
	if len(doomed) > 0 {
		s.spawn(func() { s.finishDelete(doomed) })
	}
}
