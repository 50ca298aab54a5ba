package remote

import (
	"context"
	"net/url"
	"strconv"
)

// Login is what POST /auth/user takes. How the service refuses a login that lacks
// the code of the second factor is not documented.
type Login struct {
	Email           string   `json:"email"`
	Password        string   `json:"password"`
	TwoFactorCode   string   `json:"twoFactorCode,omitempty"`
	RequestedScopes []string `json:"requestedScopes,omitempty"`
	TokenTTL        *int64   `json:"tokenTTL,omitempty"` // seconds; 0 asks for a token that does not expire
}

// Session is the answer to a login.
type Session struct {
	UserID string `json:"userId"`
	Token  string `json:"token"`
}

// Authenticate exchanges an email address and a password for a token.
func (c *Client) Authenticate(ctx context.Context, l Login) (Session, error) {
	var s Session
	err := c.do(ctx, call{op: opAuth, method: "POST", path: "/auth/user", body: l, anon: true}, &s)
	return s, err
}

// SSODomain reports whether whoever has an email address signs in elsewhere, by
// single sign-on, and has no password for [Client.Authenticate].
func (c *Client) SSODomain(ctx context.Context, email string) (bool, error) {
	var elsewhere map[string]any // nil after 204
	err := c.do(ctx, call{op: opSSO, method: "GET", path: "/auth/ssoDomain", query: url.Values{"email": {email}}, repeat: true, anon: true}, &elsewhere)
	return elsewhere != nil, err
}

// User is the owner of a token.
type User struct {
	ID    string `json:"id"`
	Email string `json:"email"`
}

// Me returns the owner of the token.
func (c *Client) Me(ctx context.Context) (User, error) {
	var u User
	err := c.do(ctx, call{op: opMe, method: "GET", path: "/me", repeat: true}, &u)
	return u, err
}

// Application is an application the token can see.
type Application struct {
	ID      string `json:"id"`
	Name    string `json:"name"`
	Summary struct {
		Files        int64 `json:"fileCount"`
		PrivateFiles int64 `json:"privateFileCount"`
	} `json:"summary"`
}

// Application returns one application.
func (c *Client) Application(ctx context.Context, id string) (Application, error) {
	var a Application
	err := c.do(ctx, call{op: opApplication, method: "GET", path: "/applications/" + url.PathEscape(id), repeat: true}, &a)
	return a, err
}

// Applications returns all applications the token can see.
func (c *Client) Applications(ctx context.Context) ([]Application, error) {
	ctx, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	var all []Application
	for number := 0; ; number++ {
		var page struct {
			Items      []Application `json:"items"`
			TotalCount int           `json:"totalCount"`
		}
		q := url.Values{"page": {strconv.Itoa(number)}, "perPage": {strconv.Itoa(MaxPerPage)}, "sortField": {"name"}}
		err := c.do(ctx, call{op: opApplications, method: "GET", path: "/applications", query: q, repeat: true}, &page)
		if err != nil {
			return nil, err
		}
		all = append(all, page.Items...)
		if len(page.Items) == 0 || len(all) >= page.TotalCount {
			return all, nil
		}
	}
}
