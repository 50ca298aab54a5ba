package fs

import (
	"math/rand/v2"
	"testing"
	"time"

	"losantfs/cache"
)

// kernelDir is what the kernel does with the names of a directory.
type kernelDir struct {
	names int // the version that it holds, 0 for none
}

type kernelHandle struct {
	read  int // the version that it reads
	keeps bool
	drop  drop
}

// However opening, reading and closing go on beside changes, the kernel never answers
// from names of another version than was current when the directory was opened.
func TestKeptNames(t *testing.T) {
	kept0 := 0
	for seed := range uint64(3000) {
		rnd := rand.New(rand.NewPCG(seed, 0))
		var k kept
		var kernel kernelDir
		version := 1
		versions := []cache.Version{{}}
		for range 100 {
			versions = append(versions, cache.Version{Listing: uint64(len(versions))})
		}
		var loaded []int           // versions that are about to be opened
		var open []*kernelHandle   // not answered yet
		var reads []*kernelHandle  // that may read
		var closed []*kernelHandle // about to be told
		take := func(all *[]*kernelHandle) *kernelHandle {
			i := rnd.IntN(len(*all))
			h := (*all)[i]
			*all = append((*all)[:i:i], (*all)[i+1:]...)
			return h
		}
		for range 60 {
			switch n := rnd.IntN(7); {
			case n == 0 && version < 90:
				version++
			case n == 1:
				loaded = append(loaded, version)
			case n == 2 && len(loaded) > 0:
				h := &kernelHandle{read: loaded[0]}
				loaded = loaded[1:]
				h.keeps, h.drop = k.open(versions[h.read], time.Hour)
				open = append(open, h)
			case n == 3 && len(open) > 0: // the answer arrives
				h := take(&open)
				if !h.keeps {
					kernel.names = 0
				}
				reads = append(reads, h)
			case n < 6 && len(reads) > 0: // it is read from the beginning
				h := reads[rnd.IntN(len(reads))]
				if !h.keeps {
					break
				}
				if kernel.names == 0 {
					kernel.names = max(h.read, 1)
				} else if kept0++; kernel.names < h.read {
					t.Fatalf("seed %d: who opened version %d is shown %d", seed, h.read, kernel.names)
				}
			case n == 6 && len(reads) > 0 && rnd.IntN(2) == 0:
				closed = append(closed, take(&reads))
			case len(closed) > 0:
				h := take(&closed)
				k.close(h.keeps, h.drop)
			}
		}
	}
	if kept0 == 0 {
		t.Error("nothing was ever kept")
	}
}
