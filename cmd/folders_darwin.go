package cmd

// Default folders below the home folder, as Apple has them.
const (
	defaultState  = "Library/Application Support"
	defaultCache  = "Library/Caches"
	defaultConfig = "Library/Application Support"
)

// demoParent returns the folder in which the demo makes its mount point. The
// user's own temporary folder has a name that nobody can type.
func demoParent() string { return "/tmp" }

// openCommand shows a folder in the file manager.
const openCommand = "open"
