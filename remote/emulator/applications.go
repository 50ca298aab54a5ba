package emulator

import (
	"encoding/json"
	"net/http"
	"path"
	"slices"
	"strings"
	"time"
)

// The only user of the emulator.
const (
	userEmail    = "demo@example.com"
	userPassword = "demo"
	userCode     = "123456" // of the second factor, with the switch two-factor
)

// login answers POST /auth/user.
func (c *call) login() (int, []byte, error) {
	f, err := readFields(c.r)
	if err != nil {
		return 0, nil, err
	}
	if err := f.require("email", "password"); err != nil {
		return 0, nil, err
	}
	email, err := f.text("email", 1024)
	if err != nil {
		return 0, nil, err
	}
	password, err := f.text("password", 2048)
	if err != nil {
		return 0, nil, err
	}
	ttl, err := f.number("tokenTTL", 0)
	if err != nil {
		return 0, nil, err
	}
	asked := []string{"all.User"}
	if raw, ok := f["requestedScopes"]; ok {
		if err := json.Unmarshal(raw, &asked); err != nil || len(asked) == 0 {
			return 0, nil, invalid("requestedScopes", "should be array of string")
		}
	}
	code, err := f.text("twoFactorCode", 2048)
	if err != nil {
		return 0, nil, err
	}
	refused := &apiError{http.StatusUnauthorized, "Unauthorized", "Invalid email or password"}
	if email != userEmail || password != userPassword || c.s.signsInElsewhere(email) {
		return 0, nil, refused
	}
	if sw := c.s.sw; !sw.is("two-factor", "off") && code != userCode {
		if code == "" && sw.is("two-factor", "told") {
			refused = &apiError{http.StatusUnauthorized, "TwoFactorRequired", "Two factor authentication code is required"}
		}
		return 0, nil, refused
	}
	user := c.s.st.meta.User
	var id string
	_ = c.s.st.update(func() error { id = c.s.st.newID().String(); return nil })
	token := c.s.token(lasting(claims{ID: id, Subject: user, Kind: "user", Scopes: asked},
		time.Duration(ttl*float64(time.Second))))
	return answerWith(map[string]any{"userId": user, "token": token})
}

// ssoDomain answers GET /auth/ssoDomain.
func (c *call) ssoDomain() (int, []byte, error) {
	email := c.query.Get("email")
	if email == "" {
		return 0, nil, invalid("email", "is required")
	}
	if !c.s.signsInElsewhere(email) {
		return http.StatusNoContent, nil, nil
	}
	return answerWith(map[string]any{"type": "saml", "requestUrl": c.s.URL() + "/sso"})
}

// signsInElsewhere says whether the user of an email address has no password here.
func (s *Server) signsInElsewhere(email string) bool {
	_, domain, _ := strings.Cut(email, "@")
	return domain != "" && domain == s.sw.string("sso-domain")
}

// me answers GET /me.
func (c *call) me() (int, []byte, error) {
	created := formatTime(c.s.st.meta.Created)
	return answerWith(map[string]any{
		"id": c.s.st.meta.User, "userId": c.s.st.meta.User, "email": userEmail, "firstName": "Demo", "lastName": "User",
		"fullName": "Demo User", "creationDate": created, "lastUpdated": created, "_type": "me",
	})
}

// application answers GET on one application.
func (c *call) application() (int, []byte, error) {
	c.s.st.mu.RLock()
	described := c.s.describeLocked(c.app)
	c.s.st.mu.RUnlock()
	return answerWith(described)
}

// listApplications answers GET /applications.
func (c *call) listApplications() (int, []byte, error) {
	query := c.r.URL.Query()
	if !query.Has("sortField") {
		query.Set("sortField", "name")
	}
	l, err := parseListing(query, 1000)
	if err != nil {
		return 0, nil, err
	}
	c.s.st.mu.RLock()
	defer c.s.st.mu.RUnlock()
	all := slices.DeleteFunc(c.s.st.applications(), func(app *application) bool {
		ok, _ := path.Match(l.filter, app.name)
		return l.filtersNames() && !ok
	})
	if l.field == byName {
		slices.SortStableFunc(all, func(a, b *application) int { return strings.Compare(a.name, b.name) })
	}
	if l.descending {
		slices.Reverse(all)
	}
	items := []any{}
	for i, app := range all {
		if i/l.perPage == l.page {
			items = append(items, c.s.describeLocked(app))
		}
	}
	return answerWith(map[string]any{
		"items": items, "count": len(items), "totalCount": len(all), "page": l.page, "perPage": l.perPage,
		"sortField": l.fieldName, "sortDirection": l.direction, "_type": "applications",
	})
}

// describeLocked is an application as the API describes it.
func (s *Server) describeLocked(app *application) map[string]any {
	id := app.id.String()
	summary := map[string]any{"fileCount": app.public.files}
	if s.sw.is("private-files", "on") {
		summary["privateFileCount"] = app.private.files
	}
	return map[string]any{
		"id": id, "applicationId": id, "name": app.name, "description": "",
		"creationDate": formatTime(app.created), "lastUpdated": formatTime(app.created),
		"ownerId": s.st.meta.User, "ownerType": "user", "summary": summary, "_type": "application",
		"_links": map[string]any{"self": map[string]string{"href": "/applications/" + id}},
	}
}

func answerWith(v any) (int, []byte, error) {
	body, err := json.Marshal(v)
	return http.StatusOK, body, err
}
