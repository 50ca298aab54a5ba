// Package fs shows the spaces of an application as a file system: it turns what
// the kernel asks into questions to package cache, and errors into errnos. It
// knows nothing of HTTP, and ids only as identities.
//
// A node is one inode of the kernel. Its inode number comes from the entry's id,
// so it is the same after a remount; its generation comes from the version of
// the content. A file that was replaced elsewhere is therefore another inode:
// who has the old one open keeps reading the old version, pages in the kernel's
// cache included, and who opens the path gets the new one.
//
// What is changed here stays the same inode, also when it is sent and the service
// gives it another version or, by a move, another id. Every such change comes
// through the kernel, which keeps its own pages, names and attributes right.
//
// What the kernel knows it may believe for long while somebody watches for changes
// elsewhere: it is told which names and attributes to forget, and to drop the list of
// names in a directory (watchElsewhere), and never to drop pages of a file, as other
// content is another inode.
//
// Whatever may wait for the service waits under [patient].
//
// Paths are not stored: they are derived from go-fuse's tree of inodes.
//
// Nodes take no lock: what changes in them is one atomic pointer. What the kernel keeps
// of the names in a directory has one, a leaf (kept.go).
package fs
