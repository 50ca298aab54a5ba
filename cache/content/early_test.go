package content

import (
	"context"
	"io"
	"runtime"
	"testing"

	"losantfs/remote"
)

// earlySource notes whether each fetch was in the background when it began and when
// it was let go.
type earlySource struct {
	*fakeSource
	began, went []bool
}

func (s *earlySource) Fetch(ctx context.Context, off, n int64, w io.Writer) error {
	s.mu.Lock()
	s.began = append(s.began, remote.IsBackground(ctx))
	s.mu.Unlock()
	err := s.fakeSource.Fetch(ctx, off, n, w)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.went = append(s.went, remote.IsBackground(ctx))
	return err
}

// Who reads what is on its way joins the fetch, which goes on as one that is needed.
func TestEarlyFetchIsJoined(t *testing.T) {
	for _, size := range []int{1000, 3*BlockSize + 5} {
		st := openStore(t, t.TempDir(), 1<<30)
		src := &earlySource{fakeSource: newSource(size)}
		src.gate = make(chan struct{})
		early := NewReader(st.File(src.key(), src.md5(), src))
		early.Early()
		early.Early()
		for src.started() == 0 {
			runtime.Gosched()
		}
		r := src.open(st)
		if r.Whole() || st.Holds(src.key()) {
			t.Error("what is on its way is held")
		}
		done := make(chan error)
		go func() { done <- r.Warm(t.Context()) }()
		for fl := early.f().flights[0]; ; {
			fl.mu.Lock()
			needed := fl.needed == nil
			fl.mu.Unlock()
			if needed {
				break
			}
		}
		close(src.gate)
		if err := <-done; err != nil {
			t.Error(err)
		}
		wantRead(t, r, src.fakeSource, int64(size))
		if !src.began[0] || src.went[0] {
			t.Errorf("in the background at first: %v, and later: %v", src.began[0], src.went[0])
		}
		if !r.Whole() || !st.Holds(src.key()) {
			t.Error("what is there is not held")
		}
		early.Close()
		r.Close()
		st.Close()
	}
}

// A fetch that nobody needed does not try hard: who needs it tries once more.
func TestEarlyFetchThatFails(t *testing.T) {
	st := openStore(t, t.TempDir(), 1<<30)
	defer st.Close()
	src := newSource(3 * BlockSize)
	src.gate = make(chan struct{})
	src.fail = &remote.Error{Kind: remote.Unreachable}
	r := src.open(st)
	defer r.Close()
	r.Early()
	for src.started() == 0 {
		runtime.Gosched()
	}
	done := make(chan error)
	go func() { done <- r.Warm(t.Context()) }()
	close(src.gate)
	if err := <-done; err != nil {
		t.Error(err)
	}
	if n := src.started(); n != 2 {
		t.Errorf("%d fetches, want 2", n)
	}
}
