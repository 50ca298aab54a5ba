package outbox

import (
	"bytes"
	"fmt"
	"testing"
	"time"
)

// owingFiles returns an outbox that owes n small files, none of them settled.
func owingFiles(b *testing.B, n int) *Outbox {
	box := openBox(b, b.TempDir(), newShelf())
	box.o.Settle = time.Hour
	for i := range n {
		box.Release(saveNew(b, box, fmt.Sprint("f", i), "content"), true)
	}
	return box
}

// Finding out what is due, among files that have settled and that have not.
func BenchmarkPlan(b *testing.B) {
	for _, n := range []int{100, 1_000, 10_000} {
		box := owingFiles(b, n)
		for _, settled := range []time.Duration{0, 2 * time.Hour} {
			b.Run(fmt.Sprintf("owed=%d/settled=%t", n, settled > 0), func(b *testing.B) {
				for b.Loop() {
					box.due(time.Now().Add(settled))
				}
				b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(n), "ns/owed")
			})
		}
	}
}

// A small save until close returns, without the kernel: a new file, its content, and
// the lines of the journal.
func BenchmarkSave(b *testing.B) {
	for _, owed := range []int{0, 10_000} {
		b.Run(fmt.Sprint("owed=", owed), func(b *testing.B) {
			box := owingFiles(b, owed)
			data := bytes.Repeat([]byte("x"), 10<<10)
			for i := 0; b.Loop(); i++ {
				n, err := box.Create(Place{Dir: "/", Name: fmt.Sprint("s", i), Seq: box.Seq()}, Attrs{})
				if err != nil {
					b.Fatal(err)
				}
				if _, err := box.Draft(n).WriteAt(b.Context(), data, 0); err != nil {
					b.Fatal(err)
				}
				if err := box.Flushed(n); err != nil {
					b.Fatal(err)
				}
				box.Release(n, true)
			}
		})
	}
}
