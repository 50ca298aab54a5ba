package cmd

import (
	"encoding/base64"
	"testing"
	"time"
)

func TestClaims(t *testing.T) {
	token := func(body string) string { return "x." + base64.RawURLEncoding.EncodeToString([]byte(body)) + ".y" }
	for text, write := range map[string]bool{
		token(`{"exp":1700000000,"scope":["all.Application"]}`):                                         true,
		token(`{"exp":1700000000,"scope":["all.Application.read"]}`):                                    false,
		token(`{"exp":1700000000,"scope":["files.post","file.patch","file.move","file.delete"]}`):       true,
		token(`{"exp":1700000000,"scope":["file.patch","file.move","file.delete"]}`):                    false,
		token(`{"exp":1700000000,"scope":["files.*","file.*"]}`):                                        true,
		token(`{"exp":1700000000,"scope":["files.get","file.get","file.patch"]}`):                       false,
		token(`{"exp":1700000000.5,"scope":["privateFiles.*","privateFile.*","all.User.read","me.*"]}`): false,
	} {
		c := claimsOf(text)
		if !c.expires.Equal(time.Unix(1700000000, 0)) || c.mayWrite("files", "file") != write {
			t.Errorf("%s: %+v, may write: %v", text, c, !write)
		}
	}
	if c := claimsOf(token(`{"exp":1700000000,"scope":"all.User"}`)); c.expires.IsZero() || c.scopes != nil {
		t.Errorf("scopes of another form: %+v", c)
	}
	for _, text := range []string{"", "opaque", "a.b.c", token("[]"), token(`{"exp":"x"}`), token("{}")} {
		if c := claimsOf(text); !c.expires.IsZero() || c.scopes != nil {
			t.Errorf("%q: %+v", text, c)
		}
	}
}
