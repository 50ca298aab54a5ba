// Package cmd is the command line, one file per command.
//
// A mount is served by one process, which holds everything of it in a [drive].
// The other commands find that process by its control socket: a file per mount
// in the state folder, over which HTTP with JSON is spoken. Who may use it is
// decided by the permissions of that folder alone.
//
// Errors are printed once, by [Execute]. They say what to do, and never hold a
// token: tokens are read from files and the environment only, as process
// arguments can be seen by everyone.
package cmd
