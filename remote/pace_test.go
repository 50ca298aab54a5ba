package remote

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// line is a service at the end of a line: it answers after latency with what answer
// returns, and counts.
type line struct {
	latency time.Duration
	answer  func(n int64, r *http.Request) (status int, header map[string]string)

	mu                   sync.Mutex // of answer, where it changes
	sent, underWay, most atomic.Int64
}

func (l *line) now(answer func(int64, *http.Request) (int, map[string]string)) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.answer = answer
}

func (l *line) RoundTrip(r *http.Request) (*http.Response, error) {
	n := l.sent.Add(1)
	now := l.underWay.Add(1)
	defer l.underWay.Add(-1)
	for most := l.most.Load(); now > most && !l.most.CompareAndSwap(most, now); most = l.most.Load() {
	}
	if r.Body != nil {
		_, _ = io.Copy(io.Discard, r.Body)
	}
	if !sleep(r.Context(), l.latency) {
		return nil, r.Context().Err()
	}
	l.mu.Lock()
	answer := l.answer
	l.mu.Unlock()
	status, header := answer(n, r)
	if status == 0 {
		return nil, errors.New("connection reset")
	}
	resp := &http.Response{StatusCode: status, Header: http.Header{}, Request: r, Body: io.NopCloser(strings.NewReader(`{"id":"x","items":[]}`))}
	for key, value := range header {
		resp.Header.Set(key, value)
	}
	return resp, nil
}

// onLine is a client whose requests all go over l.
func onLine(t *testing.T, l *line, timeout time.Duration) *Client {
	c, err := New(Config{BaseURL: "https://x", Timeout: timeout, Token: func() (string, error) { return "t", nil }})
	if err != nil {
		t.Fatal(err)
	}
	c.api.Transport, c.content.Transport = l, l
	t.Cleanup(c.Close)
	return c
}

// perSecond allows n requests in each second.
func perSecond(n int, refusal int, header map[string]string) func(int64, *http.Request) (int, map[string]string) {
	var mu sync.Mutex
	var second time.Time
	left := 0
	return func(int64, *http.Request) (int, map[string]string) {
		mu.Lock()
		defer mu.Unlock()
		if now := time.Now().Truncate(time.Second); now != second {
			second, left = now, n
		}
		if left--; left < 0 {
			return refusal, header
		}
		return http.StatusOK, nil
	}
}

func always(status int) func(int64, *http.Request) (int, map[string]string) {
	return func(int64, *http.Request) (int, map[string]string) { return status, nil }
}

// together makes n calls at once and returns their errors when all have ended.
func together(n int, call func() error) []error {
	errs := make([]error, n)
	var all sync.WaitGroup
	for i := range n {
		all.Go(func() { errs[i] = call() })
	}
	all.Wait()
	return errs
}

func getter(ctx context.Context, c *Client) func() error {
	f := c.Files("a", Public)
	return func() error { _, err := f.Get(ctx, "x"); return err }
}

func wantKinds(t *testing.T, errs []error, want Kind) {
	t.Helper()
	for _, err := range errs {
		if KindOf(err) != want || want == 0 && err != nil {
			t.Fatalf("error %v, want kind %q", err, want)
		}
	}
}

func TestWithoutTroubleNothingWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := &line{latency: 50 * time.Millisecond, answer: always(404)}
		began := time.Now()
		wantKinds(t, together(1000, getter(Background(t.Context()), onLine(t, l, 30*time.Second))), NotFound)
		if took := time.Since(began); took != l.latency || l.sent.Load() != 1000 || l.most.Load() != 1000 {
			t.Errorf("%d requests, %d at once, in %v", l.sent.Load(), l.most.Load(), took)
		}
	})
}

func TestThrottledCallersSlowDownTogether(t *testing.T) {
	const callers, rate = 200, 20
	for _, refusal := range []struct {
		status int
		header map[string]string
	}{{429, nil}, {429, map[string]string{"Retry-After": "1"}}, {503, map[string]string{"Retry-After": "1"}}} {
		synctest.Test(t, func(t *testing.T) {
			l := &line{latency: 50 * time.Millisecond, answer: perSecond(rate, refusal.status, refusal.header)}
			c := onLine(t, l, 30*time.Second)
			began := time.Now()
			go func() {
				time.Sleep(l.latency + time.Millisecond) // all were sent, and most refused
				l.most.Store(0)
			}()
			wantKinds(t, together(callers, getter(t.Context(), c)), 0)
			took := time.Since(began)
			t.Logf("%v: %d requests, %d at once, in %v", refusal, l.sent.Load(), l.most.Load(), took)
			if l.sent.Load() > 2*callers+callers/2 || l.most.Load() > mostThrottled || took > 2*callers/rate*time.Second {
				t.Errorf("%v: %d requests, %d at once, in %v", refusal, l.sent.Load(), l.most.Load(), took)
			}
		})
	}
}

// A service that never takes anything is asked ever more seldom, by all together.
func TestServiceThatRefusesAll(t *testing.T) {
	for status, kind := range map[int]Kind{429: Throttled, 503: Unreachable} {
		synctest.Test(t, func(t *testing.T) {
			l := &line{latency: 50 * time.Millisecond, answer: always(status)}
			c := onLine(t, l, 30*time.Second)
			began := time.Now()
			wantKinds(t, together(100, getter(t.Context(), c)), kind)
			if took := time.Since(began); l.sent.Load() > 100+20 || took > 30*time.Second {
				t.Errorf("%d: %d requests in %v", status, l.sent.Load(), took)
			}
		})
	}
}

func TestHoldLongerThanADeadline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := &line{answer: func(int64, *http.Request) (int, map[string]string) {
			return 429, map[string]string{"Retry-After": "3600"}
		}}
		c := onLine(t, l, 30*time.Second)
		began := time.Now()
		for range 3 {
			wantKinds(t, together(3, getter(t.Context(), c)), Throttled)
		}
		if time.Since(began) > 0 || l.sent.Load() > 3 {
			t.Errorf("%d requests, failed after %v", l.sent.Load(), time.Since(began))
		}
		// A program that goes away does not wait, nor does anything stay behind.
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
		go func() { time.Sleep(time.Second); cancel() }()
		if _, err := c.apiPace.enter(ctx, opGet); err != context.Canceled || c.apiPace.waiting[interactive].Len() != 0 {
			t.Errorf("a call that was cancelled: %v", err)
		}
		l.now(always(200))
		time.Sleep(longestAsked * 9 / 8) // no longer than that is obeyed
		wantKinds(t, together(100, getter(t.Context(), c)), 0)
	})
}

func TestInteractiveGoesFirst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex
		var came []priority
		l := &line{latency: 10 * time.Millisecond, answer: func(n int64, r *http.Request) (int, map[string]string) {
			if n == 1 {
				return 429, map[string]string{"Retry-After": "1"}
			}
			mu.Lock()
			defer mu.Unlock()
			came = append(came, priorityOf(r.Context()))
			return 200, nil
		}}
		c := onLine(t, l, 30*time.Second)
		var all sync.WaitGroup
		call := func(n int, ctx context.Context) {
			all.Go(func() { wantKinds(t, together(n, getter(ctx, c)), 0) })
			time.Sleep(100 * time.Millisecond)
		}
		call(1, Background(t.Context())) // is refused
		call(100, Background(t.Context()))
		call(50, t.Context())
		all.Wait()
		if first := slices.Index(came, background); first > 2*fairShare {
			t.Errorf("the first background request came after %d interactive ones", first)
		}
		last := 150
		for came[last] != interactive {
			last--
		}
		// Those that go at the same time come in any order.
		if between := last + 1 - 50; came[0] != interactive || between == 0 || between > 50/(fairShare-1)+int(l.most.Load()) {
			t.Errorf("%d background requests came before the last of 50 interactive ones, at most %d at once", between, l.most.Load())
		}
	})
}

// A background call goes as an interactive one once a program waits for it.
func TestBackgroundUntilNeeded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := &line{latency: 10 * time.Millisecond, answer: func(n int64, _ *http.Request) (int, map[string]string) {
			if n == 1 {
				return 429, map[string]string{"Retry-After": "1"}
			}
			return 200, nil
		}}
		c := onLine(t, l, time.Hour)
		needed := make(chan struct{})
		var all sync.WaitGroup
		all.Go(func() { wantKinds(t, together(1, getter(t.Context(), c)), 0) }) // is refused
		time.Sleep(100 * time.Millisecond)
		all.Go(func() { wantKinds(t, together(1000, getter(Background(t.Context()), c)), 0) })
		time.Sleep(100 * time.Millisecond)
		before := make(chan int64, 1)
		all.Go(func() {
			wantKinds(t, together(1, getter(BackgroundUntil(t.Context(), needed), c)), 0)
			before <- l.sent.Load()
		})
		time.Sleep(100 * time.Millisecond)
		close(needed)
		if n := <-before; n > 2*mostRecovering {
			t.Errorf("what is needed came after %d others", n)
		}
		all.Wait()
		if n := l.sent.Load(); n != 1003 {
			t.Errorf("%d requests, want 1003", n)
		}
	})
}

func TestUnreachableServiceIsLeftAlone(t *testing.T) {
	for _, status := range []int{0, 500, 503} {
		synctest.Test(t, func(t *testing.T) {
			l := &line{latency: 10 * time.Millisecond, answer: always(status)}
			c := onLine(t, l, 30*time.Second)
			ctx, cancel := context.WithCancel(Background(t.Context()))
			get := getter(ctx, c)
			var all sync.WaitGroup
			for range 50 {
				all.Go(func() { // is owed, and tried until it arrives
					for ctx.Err() == nil && get() != nil {
						sleep(ctx, time.Second)
					}
				})
			}
			time.Sleep(5 * time.Minute)
			if n := l.sent.Load(); n < 50+10 || n > 50+25 {
				t.Errorf("%d: %d background requests in 5 minutes", status, n)
			}
			if status != 503 { // which asks for patience
				before := l.sent.Load()
				wantKinds(t, together(1, getter(t.Context(), c)), Unreachable)
				if n := l.sent.Load() - before; n < maxTries-1 {
					t.Errorf("%d: %d interactive requests, want %d", status, n, maxTries)
				}
			}
			time.Sleep(time.Minute)
			l.now(always(200))
			wantKinds(t, together(1, getter(t.Context(), c)), 0)
			began := time.Now()
			all.Wait()
			if took := time.Since(began); took > 2*time.Second {
				t.Errorf("%d: it took %v until all had gone", status, took)
			}
			cancel()
		})
	}
}

func TestProbeFindsTheService(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := &line{answer: always(0)}
		c := onLine(t, l, 10*time.Minute)
		var all sync.WaitGroup
		get := getter(Background(t.Context()), c)
		for range 50 {
			all.Go(func() { // is owed, and waits for the next probe
				for get() != nil {
				}
			})
		}
		time.Sleep(30 * time.Second)
		l.now(always(200))
		began := time.Now()
		all.Wait()
		if took := time.Since(began); took > longestProbe*5/4 {
			t.Errorf("it took %v", took)
		}
	})
}

// Somebody who waits does not wait for the next probe.
func TestHurry(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := &line{answer: always(0)}
		c := onLine(t, l, time.Minute)
		f := c.Files("a", Private)
		get := getter(Background(t.Context()), c)
		upload := func() error {
			err := f.Upload(Background(t.Context()), Ticket{URL: "https://store"}, "x", zeros{}, 1, "")
			return err
		}
		for range 10 { // the probes are seldom by then
			_, _ = get(), upload()
		}
		l.now(always(200))
		began := time.Now()
		var all sync.WaitGroup
		all.Go(func() { wantKinds(t, together(10, get), 0) })
		all.Go(func() { wantKinds(t, together(10, upload), 0) })
		c.Hurry(t.Context(), "a")
		all.Wait()
		if took := time.Since(began); took > 0 {
			t.Errorf("they waited for %v", took)
		}
		before := l.sent.Load()
		if c.Hurry(t.Context(), "a"); l.sent.Load() != before {
			t.Error("a call was made although nothing waits")
		}
	})
}

// A long upload, which is under way for as long as it takes, keeps nothing waiting.
func TestLongUploadKeepsNothingWaiting(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var calls atomic.Int64
		l := &line{answer: func(_ int64, r *http.Request) (int, map[string]string) {
			switch {
			case calls.Add(1) == 1:
				return 429, nil
			case r.Method == http.MethodPost:
				time.Sleep(time.Minute)
			}
			return 200, nil
		}}
		c := onLine(t, l, 3*time.Minute)
		f := c.Files("a", Private)
		upload := func() error {
			err := f.Upload(Background(t.Context()), Ticket{URL: "https://store"}, "x", zeros{}, 2<<20, "")
			return err
		}
		wantKinds(t, []error{upload()}, Throttled)
		var all sync.WaitGroup
		all.Go(func() { wantKinds(t, together(10, upload), 0) })
		time.Sleep(10 * time.Second)
		began := time.Now()
		err := f.Download(Entry{ID: "x", URL: "https://store/x"}).Fetch(t.Context(), 0, 1, io.Discard)
		if took := time.Since(began); took > 0 {
			t.Errorf("a read waited for %v: %v", took, err)
		}
		all.Wait()
	})
}

// After an outage a long upload, of which the store has accepted enough to be there,
// lets go what waits for it.
func TestLongProbeKeepsNothingWaiting(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := &line{answer: always(500)}
		c := onLine(t, l, 3*time.Minute)
		f := c.Files("a", Private)
		upload := func(size int64) func() error {
			return func() error {
				err := f.Upload(Background(t.Context()), Ticket{URL: "https://store"}, "x", zeros{}, size, "")
				return err
			}
		}
		wantKinds(t, together(unreachableAfter, upload(1)), Unreachable)
		l.now(func(_ int64, r *http.Request) (int, map[string]string) {
			if r.ContentLength > 1<<20 {
				time.Sleep(time.Minute)
			}
			return 200, nil
		})
		var probe sync.WaitGroup
		probe.Go(func() { wantKinds(t, together(1, upload(2<<20)), 0) })
		time.Sleep(10 * time.Millisecond)
		began := time.Now()
		wantKinds(t, together(20, upload(1)), 0)
		if took := time.Since(began); took > 2*firstProbe {
			t.Errorf("short uploads waited for %v", took)
		}
		probe.Wait()
	})
}

// A background call that has failed says so at once when the next try would have to
// wait for a probe.
func TestBackgroundCallSaysSoonThatItFailed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := onLine(t, &line{answer: always(0)}, 30*time.Second)
		began := time.Now()
		wantKinds(t, together(1, getter(Background(t.Context()), c)), Unreachable)
		if took := time.Since(began); took > 3*time.Second {
			t.Errorf("it failed after %v", took)
		}
	})
}

// What the service said before it answered again is not said of later failures.
func TestErrorsOfLongAgo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := &line{answer: func(n int64, _ *http.Request) (int, map[string]string) {
			if n == 1 {
				return 429, nil
			}
			return 200, nil
		}}
		c := onLine(t, l, 30*time.Second)
		wantKinds(t, together(3, getter(t.Context(), c)), 0)
		time.Sleep(time.Hour)
		ctx, cancel := context.WithDeadline(t.Context(), time.Now())
		defer cancel()
		if _, err := c.apiPace.enter(ctx, opGet); KindOf(err) != Unreachable || strings.Contains(err.Error(), "429") {
			t.Errorf("an expired deadline is told as %v", err)
		}
	})
}

// Any time that an answer asks for is taken, however short.
func TestShortestRetryAfter(t *testing.T) {
	p := newPace(slog.New(slog.DiscardHandler))
	p.throttled(&slot{p: p}, &Error{Kind: Throttled, RetryAfter: 1})
}

// A call that waited goes with the token of now, not with that of when it began.
func TestTokenOfACallThatWaited(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var token, sent atomic.Value
		token.Store("old")
		l := &line{answer: func(n int64, r *http.Request) (int, map[string]string) {
			sent.Store(r.Header.Get("Authorization"))
			if n == 1 {
				return 429, map[string]string{"Retry-After": "10"}
			}
			return 200, nil
		}}
		c := onLine(t, l, time.Minute)
		c.token = func() (string, error) { return token.Load().(string), nil }
		_ = together(1, func() error {
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			defer cancel()
			return getter(ctx, c)()
		})
		time.AfterFunc(time.Second, func() { token.Store("new") })
		wantKinds(t, together(1, getter(t.Context(), c)), 0)
		if got := sent.Load(); got != "Bearer new" {
			t.Errorf("%q was sent", got)
		}
	})
}

type zeros struct{}

func (zeros) ReadAt(p []byte, _ int64) (int, error) { clear(p); return len(p), nil }

// A byte now and then is no progress.
func TestDrippingTransferIsGivenUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := onLine(t, nil, 30*time.Second)
		c.content.Transport = dripping{}
		began := time.Now()
		err := c.Files("a", Private).Download(Entry{ID: "x", Size: 1 << 20, URL: "https://store/x"}).Fetch(t.Context(), 0, 1<<20, io.Discard)
		if took := time.Since(began); KindOf(err) != Unreachable || took > 40*time.Second {
			t.Errorf("%v after %v", err, took)
		}
	})
}

type dripping struct{}

func (dripping) RoundTrip(r *http.Request) (*http.Response, error) {
	return &http.Response{StatusCode: 200, Header: http.Header{}, Request: r, ContentLength: 1 << 20, Body: drip{r.Context()}}, nil
}

type drip struct{ ctx context.Context }

func (d drip) Read(p []byte) (int, error) {
	if !sleep(d.ctx, 5*time.Second) {
		return 0, d.ctx.Err()
	}
	return 1, nil
}

func (drip) Close() error { return nil }
