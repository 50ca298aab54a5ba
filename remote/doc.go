// Package remote is the typed client of the Losant (and WEGnology) files API.
//
// It knows requests, answers and their errors; it keeps no cache and knows no
// kernel. A [Client] talks to one API host with one token; [Client.Files] binds
// it to one space of one application. Content does not come from the API host
// but from a store or a CDN, to which the token is never sent: two separate
// HTTP clients make sure of that.
//
// Every request passes a pace, which slows all of them down together when the
// service asks for patience; calls made with [Background] go after those for which a
// program waits.
//
// Every failed call returns an [*Error] whose [Kind] says what to do about it,
// and which matches the io/fs sentinels where one exists. Calls that are safe to
// repeat are repeated with jittered backoff; the others report
// [Error.Ambiguous] when the service may have carried them out. What replaces, moves
// or deletes is one try: the caller looks again before the next.
package remote
