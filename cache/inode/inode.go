// Package inode makes the identities by which the kernel knows what is seen: an
// inode number and a generation. They are computed from what outlives a mount.
package inode

import (
	"hash/fnv"
	"math"

	"losantfs/remote"
)

// ID is the identity of one node.
type ID struct{ Ino, Gen uint64 }

// lowest leaves room for the roots.
const lowest = 16

// Of returns the identity of an entry: the number from its id, the generation of
// a file from its version. A file that was replaced elsewhere is another node.
func Of(space remote.Space, e *remote.Entry) ID {
	id := ID{Ino: hash(string(space), e.ID)}
	if !e.Dir {
		id.Gen = hash(e.Version())
	}
	return id
}

// Local returns the identity of what the service does not know yet.
func Local(space remote.Space, node string) ID {
	return ID{Ino: hash(string(space), "local", node)}
}

func hash(parts ...string) uint64 {
	h := fnv.New64a()
	for _, p := range parts {
		h.Write([]byte(p))
		h.Write([]byte{0})
	}
	return min(max(h.Sum64(), lowest), math.MaxUint64-1)
}
