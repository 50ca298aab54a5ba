//go:build !race

package integration

// buildFlags build the program like the tests.
var buildFlags []string
