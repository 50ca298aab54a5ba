package emulator

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"time"
)

// claims is what a token says. Tokens are signed and not stored, so they hold
// across restarts.
type claims struct {
	ID      string   `json:"jti"`
	Subject string   `json:"sub"`
	Kind    string   `json:"subtype"` // apiToken or user: the authorType of what it creates
	Scopes  []string `json:"scope"`
	Issued  int64    `json:"iat"`                 // seconds
	Expires int64    `json:"exp,omitempty"`       // seconds, rounded up
	ExactMS int64    `json:"expiresMs,omitempty"` // what is enforced, for short lives in tests
}

var tokenHeader = base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"HS256","typ":"JWT"}`))

// holdsToken says whether text contains a token this package makes.
func holdsToken(text string) bool { return strings.Contains(text, tokenHeader+".") }

// sign makes every signature of the emulator: of tokens, tickets and URLs.
func (s *Server) sign(text string) []byte {
	mac := hmac.New(sha256.New, s.st.secret)
	mac.Write([]byte(text))
	return mac.Sum(nil)
}

func (s *Server) token(c claims) string {
	body, _ := json.Marshal(c)
	text := tokenHeader + "." + base64.RawURLEncoding.EncodeToString(body)
	return text + "." + base64.RawURLEncoding.EncodeToString(s.sign(text))
}

// Token is an API token of every scope that never expires. It is the same for
// every run with the same state folder.
func (s *Server) Token() string {
	return s.token(claims{
		ID: s.st.meta.TokenID, Subject: s.st.meta.TokenID, Kind: "apiToken",
		Scopes: fullScopes, Issued: s.st.meta.Created / 1000,
	})
}

// NewToken makes a further API token. A ttl of 0 never expires; without scopes
// it has all of them.
func (s *Server) NewToken(ttl time.Duration, scopes ...string) string {
	if len(scopes) == 0 {
		scopes = fullScopes
	}
	var id string
	_ = s.st.update(func() error { id = s.st.newID().String(); return nil })
	return s.token(lasting(claims{ID: id, Subject: id, Kind: "apiToken", Scopes: scopes}, ttl))
}

// Revoke makes the service refuse a token that this package made, until the
// emulator is started again.
func (s *Server) Revoke(token string) {
	if c, err := s.claimsOf(token); err == nil {
		s.revoked.Store(c.ID, true)
	}
}

// lasting dates c. A ttl of 0 never expires.
func lasting(c claims, ttl time.Duration) claims {
	now := time.Now()
	c.Issued = now.Unix()
	if ttl > 0 {
		end := now.Add(ttl)
		c.ExactMS = end.UnixMilli()
		c.Expires = (c.ExactMS + 999) / 1000
	}
	return c
}

// authenticate checks the token of a request.
func (s *Server) authenticate(r *http.Request) (*claims, error) {
	header := r.Header.Get("Authorization")
	if header == "" {
		return nil, errForbidden
	}
	token, ok := strings.CutPrefix(header, "Bearer ")
	if !ok {
		return nil, errBadToken
	}
	c, err := s.claimsOf(token)
	if err != nil {
		return nil, err
	}
	if _, revoked := s.revoked.Load(c.ID); revoked {
		return nil, errBadToken
	}
	if c.ExactMS > 0 && time.Now().UnixMilli() >= c.ExactMS {
		return nil, errExpiredToken
	}
	return c, nil
}

// claimsOf checks the signature of a token and returns what it says.
func (s *Server) claimsOf(token string) (*claims, error) {
	cut := strings.LastIndexByte(token, '.')
	if cut < 0 {
		return nil, errBadToken
	}
	text := token[:cut]
	signature, err := base64.RawURLEncoding.DecodeString(token[cut+1:])
	if err != nil || !hmac.Equal(signature, s.sign(text)) {
		return nil, errBadToken
	}
	_, body, _ := strings.Cut(text, ".")
	raw, err := base64.RawURLEncoding.DecodeString(body)
	if err != nil {
		return nil, errBadToken
	}
	var c claims
	if err := json.Unmarshal(raw, &c); err != nil {
		return nil, errBadToken
	}
	return &c, nil
}

// allows says whether the token may do what any of the given scopes allows.
func (c *claims) allows(scopes []string) bool {
	return slices.ContainsFunc(c.Scopes, func(have string) bool { return slices.Contains(scopes, have) })
}

// fullScopes are those of the default token: they allow every call.
var fullScopes = []string{"all.Application", "all.Organization", "all.User"}

// Scopes as the vendor's pages list them for every call: "resource.action", its
// group "resource.*", and the all.* groups, of which a read accepts the .read ones.
var (
	groupsWrite = []string{"all.Application", "all.Application.cli", "all.Organization", "all.User", "all.User.cli"}
	groupsRead  = append([]string{"all.Application.read", "all.Organization.read", "all.User.read"}, groupsWrite...)
	// A token of one application sees neither its user nor other applications.
	groupsUser = []string{"all.Organization", "all.Organization.read", "all.User", "all.User.cli", "all.User.read"}
)

func scopes(resource, action string, groups []string) []string {
	return append([]string{resource + "." + action, resource + ".*"}, groups...)
}
