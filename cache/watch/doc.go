// Package watch finds out what changes in a space of the service: one request for
// the entries that were updated last tells of everything new, changed and moved
// since the request before, and the total count that comes with it tells of
// deletions. What these cannot explain is found by reading the directories that are
// known, or the whole space, whichever takes fewer calls. That is also done now and
// then without a reason, should the service change something without a new time.
//
// What this machine does itself is counted, so that it needs no explanation.
//
// Locks: Watcher.mu is a leaf. Only the loop polls, so what it compares with needs
// no lock.
package watch
