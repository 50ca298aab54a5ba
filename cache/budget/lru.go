// Package budget holds the LRU with a cost per value that the tree and the
// content store share: hashicorp's LRU counts values, these two are bounded by
// entries and by bytes.
package budget

import (
	"math"

	"github.com/hashicorp/golang-lru/v2/simplelru"
)

type item[V any] struct {
	value V
	cost  int64
}

// LRU keeps values until their costs exceed a limit. It is not safe for
// concurrent use.
type LRU[K comparable, V any] struct {
	limit, total int64
	values       *simplelru.LRU[K, item[V]]
	inUse        func(K, V) bool
	onEvict      func(K, V)
}

// New returns an LRU that holds values up to the given total cost. A value for
// which inUse answers true is passed over and counts as used now; onEvict is
// told of each value that was pushed out. Both may be nil.
func New[K comparable, V any](limit int64, inUse func(K, V) bool, onEvict func(K, V)) *LRU[K, V] {
	values, err := simplelru.NewLRU[K, item[V]](math.MaxInt, nil)
	if err != nil {
		panic(err) // only a size below 1 is refused
	}
	return &LRU[K, V]{limit: limit, values: values, inUse: inUse, onEvict: onEvict}
}

// Get returns a value and marks it as used.
func (l *LRU[K, V]) Get(k K) (V, bool) {
	it, ok := l.values.Get(k)
	return it.value, ok
}

// Add stores or replaces a value and then makes room. The value itself stays even
// when it alone is above the limit.
func (l *LRU[K, V]) Add(k K, v V, cost int64) {
	l.Remove(k)
	l.Reserve(cost)
	l.values.Add(k, item[V]{v, cost})
	l.total += cost
}

// Grow adds to the cost of a value that is present.
func (l *LRU[K, V]) Grow(k K, by int64) {
	if it, ok := l.values.Get(k); ok {
		it.cost += by
		l.values.Add(k, it)
		l.total += by
	}
}

// Has reports whether a value is present, without using it.
func (l *LRU[K, V]) Has(k K) bool { return l.values.Contains(k) }

// Keys returns all keys, least recently used first.
func (l *LRU[K, V]) Keys() []K { return l.values.Keys() }

// Remove drops a value; onEvict is not told.
func (l *LRU[K, V]) Remove(k K) {
	if it, ok := l.values.Peek(k); ok {
		l.values.Remove(k)
		l.total -= it.cost
	}
}

// Reserve makes room for n more and reports whether there is enough.
func (l *LRU[K, V]) Reserve(n int64) bool {
	for range l.values.Len() {
		if l.total+n <= l.limit {
			break
		}
		k, it, _ := l.values.GetOldest()
		if l.inUse != nil && l.inUse(k, it.value) {
			l.values.Get(k)
			continue
		}
		l.Remove(k)
		if l.onEvict != nil {
			l.onEvict(k, it.value)
		}
	}
	return l.total+n <= l.limit
}

// Total returns the cost of all values.
func (l *LRU[K, V]) Total() int64 { return l.total }

// Len returns the number of values.
func (l *LRU[K, V]) Len() int { return l.values.Len() }

// Clear pushes out all values that are not in use.
func (l *LRU[K, V]) Clear() {
	limit := l.limit
	l.limit = 0
	l.Reserve(0)
	l.limit = limit
}
