package cmd

import (
	"encoding/base64"
	"encoding/json"
	"slices"
	"strings"
	"time"
)

// claims are what a token says of itself, where it is a JWT (RFC 7519). Nothing
// says that it is true; they are for people.
type claims struct {
	expires time.Time // zero when it does not say
	scopes  []string  // nil when it does not say
}

// claimsOf returns what can be read of a token.
func claimsOf(token string) claims {
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		return claims{}
	}
	raw, err := base64.RawURLEncoding.DecodeString(strings.TrimRight(parts[1], "="))
	var body struct {
		Expires float64         `json:"exp"` // seconds
		Scopes  json.RawMessage `json:"scope"`
	}
	if err != nil || json.Unmarshal(raw, &body) != nil {
		return claims{}
	}
	var c claims
	if json.Unmarshal(body.Scopes, &c.scopes) != nil {
		c.scopes = nil // of a form that is not known
	}
	if body.Expires > 0 {
		c.expires = time.Unix(int64(body.Expires), 0)
	}
	return c
}

// groupsToWrite are the scopes that hold every right to files, as the vendor's
// pages list them.
var groupsToWrite = []string{"all.Application", "all.Application.cli", "all.Organization", "all.User", "all.User.cli"}

// mayWrite reports whether the scopes hold all rights that a writable drive needs of
// a space, whose collection and items have these names in scopes.
func (c claims) mayWrite(collection, item string) bool {
	has := func(resource, action string) bool {
		return slices.Contains(c.scopes, resource+"."+action) || slices.Contains(c.scopes, resource+".*")
	}
	if slices.ContainsFunc(groupsToWrite, func(g string) bool { return slices.Contains(c.scopes, g) }) {
		return true
	}
	return has(collection, "post") && has(item, "patch") && has(item, "move") && has(item, "delete")
}
