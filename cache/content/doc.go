// Package content keeps the bytes of files on disk, by entry and version. What
// is kept is never invalidated: another version is another file here. It only
// ages out, least recently used first.
//
// A version is two files in the store's folder, named by a hash, so that no name
// from the service becomes a path: the data, sparse, and an index with a CRC of
// each block that is present. A block is written before its CRC, and its CRC is
// checked when it is first used after a restart, so neither a kill nor a power
// failure nor another process that shares the folder can make wrong bytes look
// right. A block is fetched once whoever reads it. Where the MD5 of the whole is
// known, it is checked before the last block is handed out.
//
// What this machine uploaded is taken over as a whole ([Store.Keep]), as a file that
// may have other names, which its index says. Such data is never written to: when
// one of its blocks is wrong all of it is dropped. What a File holds can be replaced
// while it is open; its readers then go on with the File that takes its place. A [Pin]
// keeps a File open, and only what is never written to again is pinned: a block that was
// checked, in a file that has no other name. [Store.Discard] waits for pins, without a lock.
//
// Locks, downwards only: Reader.mu; File.sum.mu; Store.mu; File.mu; flight.mu, memory.mu. None
// is held across the network, Store.mu not while files are read or get other names:
// whoever wants to open such a one waits.
package content
