// Package draft keeps the content of a file that is being changed: local bytes
// over a base, the version it started from, of which only what is needed is
// fetched.
//
// A draft is two files: the data, sparse, as long as the content; and the blocks,
// a header and one byte for each block of the base that is local. One that began with
// nothing has no blocks, which the mode of its data says. The header says
// how many bytes of the base may still show. That number only falls, it is never
// larger than the content, and what lies beyond it is always in the data. Below
// it, a block that is not marked is the base's, whatever the data holds there.
//
// After a kill at any point the draft is right, because of the order in which the
// files change:
//   - A block is written before its mark. Until the mark it is the base's, and
//     what was written of it does not show. The part of a block beyond the base's
//     end is not covered by its mark and is written after it, so what a kill
//     leaves of a write is its beginning.
//   - A change of a part of a block comes after the mark: the block was fetched,
//     written and marked whole.
//   - A cut below what may show of the base is, first, a header that says both
//     the new number and that the data is to be cut there; then the cut; then a
//     header without the order. Each is one write. Before the first, nothing has
//     happened. After it, the cut is decided, and whoever opens the draft carries
//     it out: no byte that was cut off shows again, and none of the data stands
//     in for a byte of the base. Nothing grows before the order is withdrawn, so
//     it never cuts bytes that came later.
//   - Every other change of length is one call on the data, which no byte of the
//     base depends on.
//
// After a power failure this holds for what was there at the last Sync, as long as
// nothing has changed since: the disk may keep a mark made later without its
// block.
//
// Locks, downwards only: digest.mu, of who hashes the content; Draft.content, which
// readers of the files share and whoever changes them has alone; Draft.mu, for memory
// only. None is held across the network, nor when the function given to OnChange is
// called.
package draft
