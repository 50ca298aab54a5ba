package remote_test

import (
	"sync"
	"testing"
	"time"

	"losantfs/remote"
)

// Whoever owns the client is told once of each token that is refused, and once
// that one is accepted again. A login says nothing of the token.
func TestTokenNews(t *testing.T) {
	s := newService(t)
	token := s.NewToken(0)
	var news []string
	c, err := remote.New(remote.Config{BaseURL: s.URL(), Token: func() (string, error) { return token, nil }, OnToken: func(e *remote.Error) {
		if e == nil {
			news = append(news, "accepted")
		} else {
			news = append(news, e.Message)
		}
	}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	call := func(kind remote.Kind) {
		t.Helper()
		if _, err := c.Me(t.Context()); remote.KindOf(err) != kind {
			t.Errorf("%v, want %v", err, kind)
		}
	}
	said := func(want ...string) {
		t.Helper()
		if len(news) != len(want) || len(news) > 0 && news[0] != want[0] {
			t.Errorf("told %q, want %q", news, want)
		}
		news = nil
	}
	call(0)
	said()
	s.Revoke(token)
	s.with("latency", "50ms")
	var calls sync.WaitGroup
	for range 5 { // at once, so that all are refused
		calls.Go(func() { call(remote.Denied) })
	}
	calls.Wait()
	s.with("latency", "0s")
	call(remote.Denied)
	if _, err := c.Authenticate(t.Context(), remote.Login{Email: "nobody@example.com", Password: "x"}); remote.KindOf(err) != remote.Denied {
		t.Error(err)
	}
	if _, err := c.SSODomain(t.Context(), "nobody@example.com"); err != nil {
		t.Error(err)
	}
	said("Invalid access token")
	token = s.NewToken(time.Nanosecond)
	call(remote.Denied)
	said("Access token has expired")
	token = s.NewToken(0, "files.get")
	call(remote.Denied) // for want of a right, but the token is good
	call(remote.Denied)
	said("accepted")
}

func TestSSODomain(t *testing.T) {
	s := newService(t)
	c := s.newClient(time.Second, s.Token)
	for _, want := range []bool{false, true} {
		if got, err := c.SSODomain(t.Context(), "demo@example.com"); err != nil || got != want {
			t.Errorf("%v, %v; want %v", got, err, want)
		}
		s.with("sso-domain", "example.com")
	}
}

func TestClockAhead(t *testing.T) {
	s := newService(t)
	c := s.newClient(time.Second, s.Token)
	if _, known := c.ClockAhead(); known {
		t.Error("the clock is known before the first answer")
	}
	s.with("clock", "-10m")
	if _, err := c.Me(t.Context()); err != nil {
		t.Fatal(err)
	}
	if ahead, known := c.ClockAhead(); !known || (ahead+10*time.Minute).Abs() > 5*time.Second {
		t.Errorf("%v, %v", ahead, known)
	}
}
