package cmd

import (
	"strings"
	"testing"
	"time"
)

func TestFindApplication(t *testing.T) {
	e := startEmulator(t)
	demo := e.Application()
	s := serviceOf(t, e, e.Token())
	c := clientOf(t, s)

	a, err := s.findApplication(t.Context(), c, "")
	if err != nil || a.ID != demo {
		t.Fatalf("the only application: %+v, %v", a, err)
	}

	exact, upper := e.NewApplication("Greenhouse"), e.NewApplication("GREENHOUSE")
	e.NewApplication("twice")
	e.NewApplication("twice")
	for _, tt := range []struct{ want, id, fail string }{
		{want: demo, id: demo},
		{want: "Greenhouse", id: exact},
		{want: "GREENHOUSE", id: upper},
		{want: "greenhouse", fail: "2 applications are named"},
		{want: "demo application", id: demo},
		{want: "twice", fail: "give the id"},
		{want: "none", fail: `no application named "none"`},
		{want: someID, fail: "there is no application " + someID},
		{want: "", fail: "which application? The token sees 5"},
	} {
		before := e.Counts().Total()
		a, err := s.findApplication(t.Context(), c, tt.want)
		if tt.fail != "" {
			wantError(t, err, tt.fail)
			continue
		}
		if err != nil || a.ID != tt.id {
			t.Errorf("%q: application %q, %v; want %q", tt.want, a.ID, err, tt.id)
		}
		if calls := e.Counts().Total() - before; calls != 1 {
			t.Errorf("%q: %d calls, want 1", tt.want, calls)
		}
	}
	// Who has to choose sees what there is.
	for _, want := range []string{"", "none", someID} {
		_, err := s.findApplication(t.Context(), c, want)
		wantError(t, err, exact, upper, demo, "Demo application")
	}
}

func TestApplicationErrors(t *testing.T) {
	e := startEmulator(t)
	const files = "files.get"
	tests := []struct{ name, token, want, fail string }{
		{"wrong", "wrong.token.x", e.Application(), "does not accept the token from the test"},
		{"expired", e.NewToken(time.Millisecond), e.Application(), "does not accept the token from the test"},
		{"no right to list", e.NewToken(0, files), "Demo application", "give the id"},
		{"only rights to files", e.NewToken(0, files), e.Application(), ""},
	}
	time.Sleep(2 * time.Millisecond)
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := serviceOf(t, e, tt.token)
			a, err := s.findApplication(t.Context(), clientOf(t, s), tt.want)
			if tt.fail == "" {
				if err != nil || a.ID != e.Application() || a.Name == "" {
					t.Errorf("application %+v, %v", a, err)
				}
				return
			}
			wantError(t, err, tt.fail)
			if strings.Contains(err.Error(), tt.token) {
				t.Errorf("the error tells the token: %v", err)
			}
		})
	}
	t.Run("unreachable", func(t *testing.T) {
		s := serviceOf(t, e, e.Token())
		s.apiURL = "https://127.0.0.1:1"
		c := clientOf(t, s)
		_, err := s.findApplication(t.Context(), c, someID)
		wantError(t, err, "https://127.0.0.1:1 does not answer", "check the network")
	})
}
