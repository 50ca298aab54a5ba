package fs

import (
	"strings"
	"syscall"
)

// noAttribute is what reading an extended attribute that is not there answers.
const noAttribute = syscall.ENODATA

// noSuchKind reports whether an extended attribute is of a kind that no entry can have:
// an access control list, a security label or a capability. Reading one is answered with
// EOPNOTSUPP, as on ext4 without them: ls(1) stops asking a file system that answers
// so, but asks one that has none (ENODATA) twice for each file.
func noSuchKind(name string) bool {
	return strings.HasPrefix(name, "security.") || strings.HasPrefix(name, "system.") || strings.HasPrefix(name, "trusted.")
}
