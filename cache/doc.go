// Package cache is what this machine knows and holds of one space of an
// application: the tree of its entries and the content of its files. It knows
// the service only through package remote, and nothing of the kernel.
package cache
