// Package tree holds what this machine knows of the entries of one space: an LRU
// of complete directory listings.
//
// Invariants:
//   - A listing is immutable and complete: a name it lacks does not exist. There
//     is no second, negative cache.
//   - A failed fetch changes nothing: what was known stays known, however old.
//   - A listing whose fetch began before [Tree.Forget] was called for its
//     directory is handed to those who waited for it and then dropped.
//   - A listing is fetched once whoever asks, on a context of its own: an
//     interrupted reader leaves, the others get the answer.
//
// Locks: Tree.mu is a leaf; it is never held across a call to the service.
package tree
