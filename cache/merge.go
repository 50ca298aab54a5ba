package cache

import (
	"path/filepath"
	"slices"
	"strings"
	"time"

	"losantfs/cache/outbox"
	"losantfs/cache/tree"
)

// merge lays what is owed over what the service has: the one place where the two
// become what is seen.
func (s *Space) merge(dir string, l *tree.Listing, ttl time.Duration) ([]Info, error) {
	var views map[string]outbox.View
	var described []outbox.Described
	if s.outbox != nil {
		var err error
		if views, described, err = s.outbox.Overlay(dir, l.Entries); err != nil {
			return nil, err
		}
	}
	all := make([]Info, 0, len(l.Entries)+len(views))
	for i := range l.Entries {
		e := &l.Entries[i]
		if v, ok := views[e.Name]; ok {
			if v.Replaced(e) {
				all = append(all, s.infoOfNew(e, ttl))
				delete(views, e.Name)
			}
			continue
		}
		d := outbox.Described{}
		if s.outbox == nil {
			d = s.describe(e)
		} else {
			d = described[i]
		}
		if !d.Hidden {
			all = append(all, s.infoOf(e, d, ttl))
		}
	}
	if len(views) == 0 {
		return all, nil
	}
	for name, v := range views {
		all = append(all, infoOfView(name, &v))
	}
	slices.SortFunc(all, func(a, b Info) int { return strings.Compare(a.Name, b.Name) })
	return all, nil
}

// DefaultLocal are the names of files that programs make for themselves: swap,
// lock, trash and thumbnail files, and what the Finder and FUSE leave.
var DefaultLocal = []string{
	".*.sw?", ".*.sw??", ".~lock.*#", "~$*", ".goutputstream-*", ".DS_Store", "._*", ".Trash-*", ".Trash", ".Trashes", ".nfs*", ".fuse_hidden*",
	".#*", ".Spotlight-V100", ".fseventsd", ".TemporaryItems", ".directory", "Thumbs.db", "desktop.ini", ".thumbnails", ".apdisk",
}

// localNames returns whether a name is one of the patterns.
func localNames(patterns []string) func(string) bool {
	return func(name string) bool {
		return slices.ContainsFunc(patterns, func(p string) bool {
			ok, _ := filepath.Match(p, name)
			return ok
		})
	}
}
