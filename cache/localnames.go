package cache

import (
	"path/filepath"
	"slices"
)

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
