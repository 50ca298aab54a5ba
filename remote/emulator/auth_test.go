package emulator_test

import (
	"encoding/base64"
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"
)

func (e *service) status(token, method, path string) (int, string) {
	e.t.Helper()
	header := http.Header{}
	if token != "" {
		header.Set("Authorization", "Bearer "+token)
	}
	a := e.send(method, e.URL()+path, header, nil)
	if a.status < 400 {
		return a.status, ""
	}
	return a.status, a.json(e.t)["message"].(string)
}

func TestTokens(t *testing.T) {
	e := start(t)
	path := e.collection("public")
	expiring := e.NewToken(30 * time.Millisecond)
	equal(t, "token in time", first(e.status(expiring, "GET", path)), 200)
	time.Sleep(40 * time.Millisecond)
	parts := strings.Split(e.token, ".")
	other := start(t)
	for name, c := range map[string]struct {
		token   string
		status  int
		message string
	}{
		"none":            {"", 403, "Access is forbidden"},
		"expired":         {expiring, 401, "Access token has expired"},
		"nonsense":        {"nonsense", 401, "Invalid access token"},
		"unsigned":        {parts[0] + "." + parts[1] + ".", 401, "Invalid access token"},
		"of another":      {other.token, 401, "Invalid access token"},
		"forged":          {parts[0] + "." + base64.RawURLEncoding.EncodeToString([]byte(`{"scope":["all.User"]}`)) + "." + parts[2], 401, "Invalid access token"},
		"without a scope": {e.NewToken(0, "device.get"), 403, "Access is forbidden"},
	} {
		status, message := e.status(c.token, "GET", path)
		if status != c.status || message != c.message {
			t.Errorf("%s: %d %s", name, status, message)
		}
	}
	claims, err := base64.RawURLEncoding.DecodeString(parts[1])
	var c struct{ Exp *int64 }
	if err != nil || json.Unmarshal(claims, &c) != nil || c.Exp != nil {
		t.Errorf("claims: %s", claims)
	}
}

func first(status int, _ string) int { return status }

func TestScopes(t *testing.T) {
	e := start(t)
	e.PutFile(e.app, "public", "/a", []byte("a"))
	e.PutFile(e.app, "private", "/a", []byte("a"))
	publicID, privateID := find(t, e, "public", "/a").ID, find(t, e, "private", "/a").ID
	calls := map[string][2]string{
		"files.get":          {"GET", e.collection("public")},
		"file.get":           {"GET", e.item("public", publicID)},
		"privateFiles.get":   {"GET", e.collection("private")},
		"privateFile.get":    {"GET", e.item("private", privateID)},
		"files.post":         {"POST", e.collection("public")},
		"file.patch":         {"PATCH", e.item("public", publicID)},
		"file.move":          {"POST", e.item("public", publicID) + "/move"},
		"file.upload":        {"POST", e.item("public", publicID) + "/upload"},
		"privateFiles.post":  {"POST", e.collection("private")},
		"privateFile.patch":  {"PATCH", e.item("private", privateID)},
		"privateFile.move":   {"POST", e.item("private", privateID) + "/move"},
		"privateFile.upload": {"POST", e.item("private", privateID) + "/upload"},
		"application.get":    {"GET", "/applications/" + e.app},
		"applications.get":   {"GET", "/applications"},
		"me.get":             {"GET", "/me"},
	}
	allowed := func(token string, call [2]string) bool {
		status, _ := e.status(token, call[0], call[1])
		return status != 403
	}
	for scope, call := range calls {
		resource, _, _ := strings.Cut(scope, ".")
		for _, good := range []string{scope, resource + ".*", "all.User"} {
			if !allowed(e.NewToken(0, good), call) {
				t.Errorf("%s does not allow %v", good, call)
			}
		}
		for other := range calls {
			if other != scope && allowed(e.NewToken(0, other), call) {
				t.Errorf("%s allows %v", other, call)
			}
		}
		user := resource == "me" || resource == "applications"
		equal(t, "all.Application for "+scope, allowed(e.NewToken(0, "all.Application"), call), !user)
		read := strings.HasSuffix(scope, ".get")
		equal(t, "all.Application.read for "+scope, allowed(e.NewToken(0, "all.Application.read"), call), read && !user)
	}
	equal(t, "read-only", allowed(e.NewToken(0, "all.Application.read"), [2]string{"DELETE", e.item("public", publicID)}), false)
	equal(t, "delete", allowed(e.NewToken(0, "file.delete"), [2]string{"DELETE", e.item("public", publicID)}), true)
}

func TestLogin(t *testing.T) {
	e := start(t)
	login := func(want int, body object) object {
		t.Helper()
		e.token = ""
		text, _ := json.Marshal(body)
		a := e.send("POST", e.URL()+"/auth/user", nil, strings.NewReader(string(text)))
		equal(t, "status", a.status, want)
		return a.json(t)
	}
	got := login(200, object{"email": "demo@example.com", "password": "demo"})
	e.token = got["token"].(string)
	me := e.api(200, "GET", "/me", nil)
	equal(t, "user", me["id"], got["userId"])
	equal(t, "email", me["email"], "demo@example.com")
	equal(t, "author", e.create("public", "/", "a")["authorId"], got["userId"])

	got = login(200, object{"email": "demo@example.com", "password": "demo", "tokenTTL": 0.03, "requestedScopes": []string{"files.get"}})
	equal(t, "in scope", first(e.status(got["token"].(string), "GET", e.collection("public"))), 200)
	equal(t, "out of scope", first(e.status(got["token"].(string), "GET", "/me")), 403)
	time.Sleep(40 * time.Millisecond)
	equal(t, "expired", first(e.status(got["token"].(string), "GET", e.collection("public"))), 401)

	login(401, object{"email": "demo@example.com", "password": "wrong"})
	login(400, object{"email": "demo@example.com"})
	login(400, object{"email": "demo@example.com", "password": "demo", "requestedScopes": "all"})
	a := e.send("GET", e.URL()+"/auth/ssoDomain?email=demo@example.com", nil, nil)
	equal(t, "ssoDomain", a.status, 204)
}

func TestSecondFactor(t *testing.T) {
	e := start(t)
	login := func(code string) (int, string) {
		t.Helper()
		body := object{"email": "demo@example.com", "password": "demo"}
		if code != "" {
			body["twoFactorCode"] = code
		}
		text, _ := json.Marshal(body)
		a := e.send("POST", e.URL()+"/auth/user", nil, strings.NewReader(string(text)))
		kind, _ := a.json(t)["type"].(string)
		return a.status, kind
	}
	want := func(what, code string, status int, kind string) {
		t.Helper()
		if gotStatus, gotKind := login(code); gotStatus != status || gotKind != kind {
			t.Errorf("%s: %d %s, want %d %s", what, gotStatus, gotKind, status, kind)
		}
	}
	want("not needed", "", 200, "")
	e.set("two-factor", "told")
	want("missing, told", "", 401, "TwoFactorRequired")
	want("wrong", "654321", 401, "Unauthorized")
	want("right", "123456", 200, "")
	e.set("two-factor", "untold")
	want("missing, untold", "", 401, "Unauthorized")
	e.set("two-factor", "off")
	e.set("sso-domain", "example.com")
	want("signs in elsewhere", "", 401, "Unauthorized")
	equal(t, "ssoDomain", e.send("GET", e.URL()+"/auth/ssoDomain?email=demo@example.com", nil, nil).status, 200)
	equal(t, "ssoDomain of others", e.send("GET", e.URL()+"/auth/ssoDomain?email=demo@example.org", nil, nil).status, 204)
}

func TestRevoke(t *testing.T) {
	e := start(t)
	revoked, other := e.NewToken(0), e.NewToken(0)
	e.Revoke(revoked)
	equal(t, "revoked", first(e.status(revoked, "GET", "/me")), 401)
	equal(t, "another", first(e.status(other, "GET", "/me")), 200)
}

func TestClock(t *testing.T) {
	e := start(t)
	e.set("clock", "-1h")
	at, err := http.ParseTime(e.send("GET", e.URL()+"/me", nil, nil).header.Get("Date"))
	if ago := time.Since(at); err != nil || ago < 59*time.Minute || ago > 61*time.Minute {
		t.Errorf("%v ago, %v", ago, err)
	}
}

func TestApplications(t *testing.T) {
	e := start(t)
	second := e.NewApplication("Another application")
	e.PutFile(second, "public", "/d/a", []byte("a"))
	e.PutFile(second, "private", "/b", []byte("b"))
	got := e.api(200, "GET", "/applications?perPage=10", nil)
	equal(t, "totalCount", got["totalCount"], 2)
	equal(t, "sorted", items(got)[0]["name"], "Another application")
	equal(t, "summary", items(got)[0]["summary"], object{"fileCount": 1, "privateFileCount": 1})
	equal(t, "second page", len(items(e.api(200, "GET", "/applications?perPage=1&page=1", nil))), 1)
	equal(t, "filtered", items(e.api(200, "GET", "/applications?filterField=name&filter=Demo*", nil))[0]["id"], e.app)
	one := e.api(200, "GET", "/applications/"+second, nil)
	equal(t, "id", one["applicationId"], second)
	equal(t, "spaces are apart", len(e.list("public", "")), 0)
}
