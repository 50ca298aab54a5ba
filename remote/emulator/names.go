package emulator

import (
	"strings"
	"unicode/utf8"
)

// maxName and maxDirectory are the schema's limits, in characters.
const (
	maxName      = 1024
	maxDirectory = 1024
)

// forbidden says whether a rune has no place in a name.
func forbidden(r rune) bool { return r == '/' || r < 0x20 || r == 0x7f }

// checkName returns the name the service gives an entry that was asked to be
// called name: the same one, a tidied one, or an error, by the switch names.
func (s *Server) checkName(field, name string) (string, error) {
	if utf8.RuneCountInString(name) > maxName {
		return "", invalid(field, "should NOT be longer than %d characters", maxName)
	}
	bad := name == "" || name == "." || name == ".." || strings.ContainsFunc(name, forbidden)
	if !bad {
		return name, nil
	}
	if !s.sw.is("names", "sanitise") {
		return "", invalid(field, "contains characters that are not allowed")
	}
	if strings.Trim(name, ".") == "" {
		return strings.Repeat("_", max(len(name), 1)), nil
	}
	return strings.Map(func(r rune) rune {
		if forbidden(r) {
			return '_'
		}
		return r
	}, name), nil
}

// checkDirectory returns the key of the folder a parentDirectory means. The
// slashes at its ends do not matter.
func (s *Server) checkDirectory(directory string) (string, error) {
	if utf8.RuneCountInString(directory) > maxDirectory {
		return "", invalid("parentDirectory", "should NOT be longer than %d characters", maxDirectory)
	}
	key := folderKey(directory)
	if key == "/" {
		return key, nil
	}
	names := strings.Split(strings.Trim(key, "/"), "/")
	for i, name := range names {
		var err error
		if names[i], err = s.checkName("parentDirectory", name); err != nil {
			return "", err
		}
	}
	return "/" + strings.Join(names, "/") + "/", nil
}

// ensureLocked makes the directory entries of a folder that are missing and
// returns the folder as it is spelt.
func (s *Server) ensureLocked(sp *space, key string, by author) (string, error) {
	fold := s.fold()
	key = sp.canonical(key, fold)
	if key == "/" {
		return key, nil
	}
	parent, name := splitKey(key)
	e := sp.find(parent, name, fold)
	if e != nil && e.status == deleting {
		if s.sw.is("reuse-deleting", "conflict") {
			return "", s.conflict()
		}
		e = nil
	}
	if e != nil {
		if !e.dir {
			return "", invalid("parentDirectory", "is a file")
		}
		return key, nil
	}
	parent, err := s.ensureLocked(sp, parent, by)
	if err != nil {
		return "", err
	}
	e = &entry{name: name, parent: parent, dir: true, size: -1, authorID: by.id, authorType: by.kind}
	return parent + name + "/", s.st.add(sp, e)
}

// author is who a new entry is from.
type author struct{ id, kind string }

func (c *claims) author() author { return author{c.Subject, c.Kind} }
