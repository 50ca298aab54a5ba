// Package tree holds what this machine knows of the entries of one space: an LRU
// of complete directory listings.
//
// Invariants:
//   - A listing is immutable and complete: a name it lacks does not exist. There
//     is no second, negative cache.
//   - Its entries are packed, about 60 bytes a file, and unpacked for who asks: what
//     they are unpacked to keeps nothing of the listing alive. The same bytes are
//     kept on disk, so that a mount unpacks nothing.
//   - A failed fetch changes nothing: what was known stays known, however old.
//   - A listing is fetched once whoever asks, on a context of its own: an
//     interrupted reader leaves, the others get the answer.
//   - A fetch never undoes a [Tree.Put] or [Tree.Delete] made since it began: they
//     are made again on what it brings, before anyone sees it.
//   - A listing whose fetch began before [Tree.Forget] was called for its
//     directory is handed to those who waited for it and then dropped. Of two
//     fetches the one that began later counts.
//   - What is fetched of a frozen directory replaces nothing that is known, and
//     is dropped at the thaw.
//
// Locks: Tree.mu is a leaf; it is never held across a call to the service.
package tree
