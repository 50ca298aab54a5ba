package fs

import "syscall"

// noAttribute is what reading an extended attribute that is not there answers.
const noAttribute = syscall.ENODATA
