//go:build race

package integration

// buildFlags build the program like the tests: with the race detector.
var buildFlags = []string{"-race"}
