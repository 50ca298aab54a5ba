// Package outbox keeps what this machine owes the service, durably, and brings it
// there.
//
// It holds no log of operations but what should be true, in two parts:
//
//   - Nodes, a tree over what the service has, of the names that differ from it:
//     new, with other content, or from elsewhere. A node has the entry that it is,
//     or is to become (Entry), and the version whose bytes show where its draft
//     has none (From). The two are the same for a file that is edited in place,
//     and differ for one that took the name of another.
//   - The entries that are gone: to be deleted on the service, and not shown.
//
// An entry belongs to one node at most, and to none when it is gone. What the
// user sees is the service's listing without the entries that belong to nodes or
// are gone, and the nodes over it.
//
// A path keeps its entry, and with it its URL: what takes a name takes the entry
// that the service has there (inherit), whether that was removed, replaced or
// moved away. So all ways of saving a file end as a change of one entry.
//
// What was begun with the service and has no answer yet is noted by the place it
// is about, not by the node, which may be elsewhere by then: begun for uploads and
// new entries, moves for moves. Every note is settled by looking at the service,
// so a crash or a lost answer at any point is repaired by planning again.
//
// The folder of an outbox holds the journal, the drafts by the number of their node,
// a lock, and what was set aside because it was damaged or nobody knows its place:
// journal.damaged-TIME and set-aside.
//
// Invariants, with mu held:
//   - owner[e.ID] is the one node in the tree whose Entry has that id;
//     gone[e.ID] and owner[e.ID] are never both set.
//   - A step works only on places it has claimed, with all below them.
//   - A node whose ancestor is not on the service yet waits, and so does one whose
//     ancestor is being moved.
//   - The content of an entry is not replaced or deleted before all that shows it
//     has it here: nodes whose From it is, and what is open.
//   - A file of the drafts is removed only after the journal says so. One that the
//     journal has never named, and that holds something, is set aside.
//   - The rest of the cache is told of a change of the service before the node
//     that stood for it goes.
//
// Locks: Outbox.mu, and below it only the locks of drafts and of awaiting. No call
// to the service, and nothing that takes long on the disk, happens under it.
package outbox
