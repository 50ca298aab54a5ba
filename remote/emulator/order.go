package emulator

import (
	"bytes"
	"cmp"
	"slices"
	"strings"
)

// field is a sort field of a listing.
type field int

const (
	byUpdated field = iota
	byType
	byName
	byCreated
	fieldCount
)

// sortFields are the accepted values of the query parameter sortField.
var sortFields = map[string]field{
	"lastUpdated":  byUpdated,
	"type":         byType,
	"name":         byName,
	"creationDate": byCreated,
}

// compare orders two entries by f, and by id where f says they are equal, so
// that the pages of one listing never overlap.
func compare(f field, a, b *entry) int {
	c := 0
	switch f {
	case byUpdated:
		c = cmp.Compare(a.updated, b.updated)
	case byCreated:
		c = cmp.Compare(a.created, b.created)
	case byName:
		c = strings.Compare(a.name, b.name)
	case byType:
		c = strings.Compare(a.typeName(), b.typeName())
	}
	if c == 0 {
		c = bytes.Compare(a.id[:], b.id[:])
	}
	return c
}

// orders holds one set of entries in each ascending order somebody has asked
// for. An order is made by its first listing and kept up to date from then on,
// so that a page costs its own length however many entries there are.
type orders [fieldCount][]*entry

// build sorts all into the order f.
func (o *orders) build(f field, all []*entry) {
	slices.SortFunc(all, func(a, b *entry) int { return compare(f, a, b) })
	if all == nil {
		all = []*entry{}
	}
	o[f] = all
}

// insert adds e to every order that exists.
func (o *orders) insert(e *entry) {
	for f := range fieldCount {
		o.insertInto(f, e)
	}
}

func (o *orders) insertInto(f field, e *entry) {
	list := o[f]
	if list == nil {
		return
	}
	if n := len(list); n == 0 || compare(f, list[n-1], e) < 0 {
		o[f] = append(list, e)
		return
	}
	i, _ := slices.BinarySearchFunc(list, e, func(a, b *entry) int { return compare(f, a, b) })
	o[f] = slices.Insert(list, i, e)
}

// remove takes e out of every order that exists. Its sort keys must still be
// those it was inserted with.
func (o *orders) remove(e *entry) {
	for f := range fieldCount {
		o.removeFrom(f, e)
	}
}

func (o *orders) removeFrom(f field, e *entry) {
	list := o[f]
	if list == nil {
		return
	}
	i, found := slices.BinarySearchFunc(list, e, func(a, b *entry) int { return compare(f, a, b) })
	if found {
		o[f] = slices.Delete(list, i, i+1)
	}
}
