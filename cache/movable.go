package cache

import (
	"context"
	"sync"

	"losantfs/cache/content"
	"losantfs/remote"
)

// movable reads the content of an entry, also when it is moved by this machine
// meanwhile and gets another id. It is safe for concurrent use.
type movable struct {
	s *Space

	mu    sync.Mutex
	entry remote.Entry
	r     *content.Reader
}

func (s *Space) movable(e remote.Entry) *movable {
	return &movable{s: s, entry: e, r: s.reader(e)}
}

// reader opens the content of an entry. It makes no call.
func (s *Space) reader(e remote.Entry) *content.Reader {
	return content.NewReader(s.content.File(keyOf(&e), e.MD5(), s.files.Download(e)))
}

func (m *movable) current() (*content.Reader, remote.Entry) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.r, m.entry
}

// ReadAt fills p from off; at the end of the file it returns io.EOF.
func (m *movable) ReadAt(ctx context.Context, p []byte, off int64) (n int, err error) {
	err = m.try(ctx, func(r *content.Reader) error {
		n, err = r.ReadAt(ctx, p, off)
		return err
	})
	return n, err
}

// ReadOrPin is ReadAt, as [content.Reader.ReadOrPin].
func (m *movable) ReadOrPin(ctx context.Context, p []byte, off int64) (n int, pin *content.Pin, err error) {
	err = m.try(ctx, func(r *content.Reader) error {
		n, pin, err = r.ReadOrPin(ctx, p, off)
		return err
	})
	return n, pin, err
}

// Warm waits until a small file is present as a whole.
func (m *movable) Warm(ctx context.Context) error {
	return m.try(ctx, func(r *content.Reader) error { return r.Warm(ctx) })
}

func (m *movable) try(ctx context.Context, f func(*content.Reader) error) error {
	for {
		r, e := m.current()
		err := f(r)
		switch remote.KindOf(err) {
		case remote.NotFound, remote.Busy, remote.Changed:
		default:
			return err
		}
		if m.s.outbox == nil {
			return err
		}
		now, ok := m.s.outbox.Follow(ctx, e.ID)
		if !ok || now.Version() != e.Version() || now.Size != e.Size {
			return err
		}
		m.mu.Lock()
		if m.r == r {
			m.r, m.entry = m.s.reader(now), now
			r.Close()
		}
		m.mu.Unlock()
	}
}

func (m *movable) Close() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.r.Close()
}
