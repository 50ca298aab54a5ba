package draft

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"testing"

	"pgregory.net/rapid"
)

// model is what a draft should be, byte by byte.
type model struct {
	content []byte
	distant []byte // 1: the base's byte, not fetched
	fetched int64
}

// need says how many bytes an access from off to end has to fetch. A write leaves
// alone a block of which it replaces every distant byte.
func (m *model) need(off, end int, write bool) (n int, arrive func()) {
	var blocks [][]byte
	for start := off / BlockSize * BlockSize; start < min(end, len(m.distant)); start += BlockSize {
		block := m.distant[start:min(start+BlockSize, len(m.distant))]
		from := min(max(off-start, 0), len(block))
		all, in := count(block), count(block[from:max(from, min(end-start, len(block)))])
		if in > 0 && (!write || in < all) {
			blocks = append(blocks, block)
			n += all
		}
	}
	return n, func() {
		for _, block := range blocks {
			clear(block)
		}
		m.fetched += int64(n)
	}
}

func count(distant []byte) int { return bytes.Count(distant, []byte{1}) }

func (m *model) write(p []byte, off int) {
	m.content = with(m.content, p, off)
	if off < len(m.distant) {
		clear(m.distant[off:min(off+len(p), len(m.distant))])
	}
}

func (m *model) truncate(size int) {
	m.distant = m.distant[:min(size, len(m.distant))]
	if size > len(m.content) {
		m.content = with(m.content, nil, size)
	}
	m.content = m.content[:size]
}

// Whatever is done in whatever order, with kills and a base that fails, the content
// is right and not a byte more of the base is fetched than needed.
func TestDraftIsWhatWasWritten(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		dir, err := os.MkdirTemp("", "draft")
		if err != nil {
			t.Fatal(err)
		}
		defer os.RemoveAll(dir)
		b := newBase(place(t, "base"))
		size := int64(len(b.data))
		m := &model{content: bytes.Clone(b.data), distant: bytes.Repeat([]byte{1}, int(size))}
		path := filepath.Join(dir, "1")
		d, err := Create(path, b, size)
		if err != nil {
			t.Fatal(err)
		}
		open := []*Draft{d}
		defer func() {
			for _, d := range open {
				d.Close()
			}
		}()
		ctx := context.Background()
		down := errors.New("the line is down")
		expect := func(what string, need int, err error) bool {
			t.Helper()
			if b.dead != nil && need > 0 {
				if !errors.Is(err, down) {
					t.Fatalf("%s: %v, want %v", what, err, down)
				}
				return false
			}
			if err != nil {
				t.Fatalf("%s: %v", what, err)
			}
			return true
		}
		for range rapid.IntRange(1, 25).Draw(t, "steps") {
			switch step := rapid.SampledFrom([]string{"read", "read", "write", "write", "write", "truncate", "allocate", "kill", "line", "complete", "whole"}).Draw(t, "step"); step {
			case "read":
				off, p := place(t, "off"), make([]byte, place(t, "len"))
				end := min(off+len(p), len(m.content))
				need, arrive := m.need(off, off+len(p), false)
				n, err := d.ReadAt(ctx, p, int64(off))
				if err == io.EOF && off+len(p) > len(m.content) || len(p) == 0 && err == io.EOF {
					err = nil
				} else if err == nil && off+len(p) > len(m.content) {
					t.Fatal("no io.EOF at the end")
				}
				if expect(step, need, err) {
					arrive()
					if n != max(0, end-off) || n > 0 && !bytes.Equal(p[:n], m.content[off:end]) {
						t.Fatalf("read %d bytes at %d: %d, wrong", len(p), off, n)
					}
				}
			case "write":
				off, p := place(t, "off"), bytes.Repeat([]byte{rapid.Byte().Draw(t, "byte")}, place(t, "len"))
				need, arrive := m.need(off, off+len(p), true)
				n, err := d.WriteAt(ctx, p, int64(off))
				if expect(step, need, err) {
					if n != len(p) {
						t.Fatalf("wrote %d bytes of %d", n, len(p))
					}
					arrive()
					if n > 0 {
						m.write(p, off)
					}
				} else if n != 0 {
					t.Fatalf("wrote %d bytes and failed", n)
				}
			case "truncate":
				size := place(t, "size")
				expect(step, 0, d.Truncate(ctx, int64(size)))
				m.truncate(size)
			case "allocate":
				off, n, keep := place(t, "off"), 1+place(t, "len"), rapid.Bool().Draw(t, "keep")
				expect(step, 0, d.Allocate(int64(off), int64(n), keep))
				if !keep && off+n > len(m.content) {
					m.truncate(off + n)
				}
			case "kill":
				b.closed = 0
				if d, err = Open(path, b, size); err != nil {
					t.Fatal(err)
				}
				open = append(open, d)
			case "line":
				b.dead = nil
				if rapid.Bool().Draw(t, "down") {
					b.dead = down
				}
			case "complete":
				need, arrive := m.need(0, len(m.distant), false)
				if expect(step, need, d.Complete(ctx)) {
					arrive()
				}
			case "whole":
				checkWhole(t, d, m)
			}
			check(t, d, m, b)
		}
	})
}

// place is near the edge of a block more often than not.
func place(t *rapid.T, what string) int {
	return max(0, rapid.IntRange(0, 4).Draw(t, what)*BlockSize+rapid.OneOf(rapid.IntRange(-2, 2), rapid.IntRange(0, BlockSize)).Draw(t, what+"+"))
}

func check(t *rapid.T, d *Draft, m *model, b *fakeBase) {
	t.Helper()
	if size, _ := d.Size(); size != int64(len(m.content)) || b.bytes != m.fetched {
		t.Fatalf("%d bytes, %d fetched; want %d and %d", size, b.bytes, len(m.content), m.fetched)
	}
	distant := count(m.distant) > 0
	if d.IsComplete() == distant || b.closed > 0 == distant {
		t.Fatalf("complete: %v, base closed: %d; bytes are distant: %v", d.IsComplete(), b.closed, distant)
	}
}

func checkWhole(t *rapid.T, d *Draft, m *model) {
	t.Helper()
	got := make([]byte, len(m.content)+1)
	n, err := d.Reader().ReadAt(got, 0)
	sum, sumErr := d.MD5()
	if !d.IsComplete() {
		if err != ErrIncomplete || sumErr != ErrIncomplete {
			t.Fatalf("the reader: %v; the MD5: %v", err, sumErr)
		}
		return
	}
	if err != io.EOF || !bytes.Equal(got[:n], m.content) {
		t.Fatalf("the reader: %d bytes, %v", n, err)
	}
	if sumErr != nil || sum != md5Of(m.content) {
		t.Fatalf("MD5 %s, %v", sum, sumErr)
	}
}
