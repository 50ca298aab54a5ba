package cmd

import "os"

// Default folders below the home folder, as the XDG specification has them.
const (
	defaultState  = ".local/state"
	defaultCache  = ".cache"
	defaultConfig = ".config"
)

// demoParent returns the folder in which the demo makes its mount point.
func demoParent() string { return os.TempDir() }

// openCommand shows a folder in the file manager.
const openCommand = "xdg-open"
