package fs

import "syscall"

// noAttribute is what reading an extended attribute that is not there answers.
const noAttribute = syscall.ENOATTR

// noSuchKind reports nothing: macOS has no such kinds.
func noSuchKind(string) bool { return false }
