package cmd

import (
	"fmt"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"losantfs/remote"
)

const ownURL = "https://api.example.com"

func TestFindToken(t *testing.T) {
	const both = "https://api.losant.com/:\n  apiToken: stored-losant\n" + ownURL + ":\n  apiToken: stored-own\n"
	tests := []struct {
		name               string
		file, env, env2    string
		own                string // what losantfs login stored
		losant, wegnology  string
		url, want, wantErr string
	}{
		{name: "file first", file: "from-file", env: "from-env", losant: both, url: remote.LosantURL, want: "from-file"},
		{name: "environment before stored", env: "from-env", env2: "no", losant: both, url: remote.LosantURL, want: "from-env"},
		{name: "variable of the other brand", env2: "from-env2", losant: both, url: remote.LosantURL, want: "stored-losant"},
		{name: "variable of the other brand alone", env2: "no", url: remote.LosantURL, wantErr: "LOSANT_API_TOKEN"},
		{name: "variable of the second brand", env: "no", env2: "from-env2", url: remote.WEGnologyURL, want: "from-env2"},
		{name: "variable for an own installation", env2: "from-env2", url: ownURL, want: "from-env2"},
		{name: "stored by URL", losant: both, url: remote.LosantURL, want: "stored-losant"},
		{name: "stored by another URL", losant: both, url: ownURL, want: "stored-own"},
		{name: "of the other brand", losant: both, wegnology: remote.WEGnologyURL + ":\n  apiToken: weg\n", url: remote.WEGnologyURL, want: "weg"},
		{name: "older form", losant: "apiToken: older\n", url: remote.LosantURL, want: "older"},
		{name: "older form for an own installation", losant: "apiToken: older\n", url: ownURL, want: "older"},
		{name: "older form is not for the other brand", losant: "apiToken: older\n", url: remote.WEGnologyURL, wantErr: "there is no API token for " + remote.WEGnologyURL},
		{name: "by URL before older form", losant: "apiToken: older\n" + ownURL + ":\n  apiToken: new\n", url: ownURL, want: "new"},
		{name: "own before the vendor's", own: remote.LosantURL + ":\n  apiToken: own\n", losant: both, url: remote.LosantURL, want: "own"},
		{name: "environment before own", own: remote.LosantURL + ":\n  apiToken: own\n", env: "from-env", url: remote.LosantURL, want: "from-env"},
		{name: "own for another API", own: "https://else.example.com:\n  apiToken: own\n", losant: both, url: ownURL, want: "stored-own"},
		{name: "own is damaged", own: "*SECRET: [", losant: both, url: ownURL, wantErr: "credentials.yml"},
		{name: "own of an older form", own: "apiToken: own\n", url: remote.LosantURL, wantErr: "losantfs login, or set LOSANT_API_TOKEN"},
		{name: "none of the other brand", env: "no", url: remote.WEGnologyURL,
			wantErr: "losantfs login --api-url " + remote.WEGnologyURL + ", or set WEGNOLOGY_API_TOKEN"},
		{name: "none", url: remote.LosantURL, wantErr: "LOSANT_API_TOKEN"},
		{name: "only for others", losant: both, url: "https://else.example.com", wantErr: ownURL},
		{name: "not YAML", losant: "*SECRET: [", url: remote.LosantURL, wantErr: ".credentials.yml"},
		{name: "not a map", losant: "SECRET", url: remote.LosantURL, wantErr: ".credentials.yml"},
		{name: "number for a token", losant: remote.LosantURL + ":\n  apiToken: [SECRET]\n", url: remote.LosantURL, wantErr: "there is no API token"},
		{name: "unusable variable", env: "SECRET SECRET", url: remote.LosantURL, wantErr: "LOSANT_API_TOKEN"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			home := isolate(t)
			t.Setenv("LOSANT_API_TOKEN", tt.env)
			t.Setenv("WEGNOLOGY_API_TOKEN", tt.env2)
			file := ""
			if tt.file != "" {
				file = write(t, tt.file, home, "token")
			}
			if tt.own != "" {
				write(t, tt.own, home, defaultConfig, "losantfs", "credentials.yml")
			}
			if tt.losant != "" {
				write(t, tt.losant, home, ".losant", ".credentials.yml")
			}
			if tt.wegnology != "" {
				write(t, tt.wegnology, home, ".wegnology", ".credentials.yml")
			}
			tok, err := findToken(tt.url, file, quiet)
			if tt.wantErr != "" {
				wantError(t, err, tt.wantErr)
				if strings.Contains(err.Error(), "SECRET") {
					t.Errorf("the error tells the token: %v", err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if got, err := tok.get(); got != tt.want || err != nil {
				t.Errorf("token %q, %v; want %q", got, err, tt.want)
			}
		})
	}
}

func TestDefaultURLFollowsTheToken(t *testing.T) {
	isolate(t)
	t.Setenv("LOSANT_API_TOKEN", "")
	t.Setenv("WEGNOLOGY_API_TOKEN", "")
	if got := defaultURL(); got != remote.LosantURL {
		t.Errorf("without a token: %s", got)
	}
	t.Setenv("WEGNOLOGY_API_TOKEN", "x")
	if got := defaultURL(); got != remote.WEGnologyURL {
		t.Errorf("with a token of WEGnology: %s", got)
	}
	t.Setenv("LOSANT_API_TOKEN", "x")
	if got := defaultURL(); got != remote.LosantURL {
		t.Errorf("with both: %s", got)
	}
}

func TestStoredTokenIsReadAgain(t *testing.T) {
	home := isolate(t)
	path := write(t, ownURL+":\n  apiToken: first\n", home, ".losant", ".credentials.yml")
	tok, err := findToken(ownURL, "", quiet)
	if err != nil {
		t.Fatal(err)
	}
	write(t, ownURL+":\n  apiToken: other\n", path)
	if err := os.Chtimes(path, time.Time{}, time.Now().Add(time.Hour)); err != nil {
		t.Fatal(err)
	}
	if got, _ := tok.get(); got != "other" {
		t.Errorf("token %q after another login, want %q", got, "other")
	}
}

// Whatever of the credentials files comes first and has a token is used, also when
// it was not there before; one that cannot be read leaves the last in force.
func TestStoredTokenMoves(t *testing.T) {
	home := isolate(t)
	vendor := write(t, ownURL+":\n  apiToken: vendor\n", home, ".losant", ".credentials.yml")
	tok, err := findToken(ownURL, "", quiet)
	if err != nil {
		t.Fatal(err)
	}
	want := func(text, source string) {
		t.Helper()
		if got, err := tok.get(); got != text || err != nil || tok.source() != source {
			t.Errorf("%q from %s, %v; want %q from %s", got, tok.source(), err, text, source)
		}
	}
	want("vendor", vendor)
	store := func(text string) string {
		t.Helper()
		path, err := changeCredentials(func(byURL map[string]string) { byURL[ownURL] = text })
		if err != nil {
			t.Fatal(err)
		}
		return path
	}
	own := store("first")
	want("first", own)
	write(t, "*: [", own)
	want("first", own)
	write(t, "", own)
	want("vendor", vendor)
	store("other")
	want("other", own)
	if err := os.Remove(own); err != nil {
		t.Fatal(err)
	}
	want("vendor", vendor)
	if err := os.Remove(vendor); err != nil {
		t.Fatal(err)
	}
	want("vendor", vendor)
}

// Stored tokens of other APIs stay when one is stored or removed.
func TestChangeCredentials(t *testing.T) {
	isolate(t)
	for url, text := range map[string]string{ownURL: "a", remote.LosantURL: "b"} {
		if _, err := changeCredentials(func(byURL map[string]string) { byURL[url] = text }); err != nil {
			t.Fatal(err)
		}
	}
	path, err := changeCredentials(func(byURL map[string]string) { delete(byURL, ownURL) })
	if err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(path)
	if err != nil || string(data) != remote.LosantURL+":\n    apiToken: b\n" {
		t.Errorf("%q, %v", data, err)
	}
	var logins sync.WaitGroup
	for i := range 20 {
		logins.Go(func() {
			_, err := changeCredentials(func(byURL map[string]string) { byURL[fmt.Sprint(ownURL, i)] = "x" })
			if err != nil {
				t.Error(err)
			}
		})
	}
	logins.Wait()
	if data, err = os.ReadFile(path); err != nil || strings.Count(string(data), ownURL) != 20 {
		t.Errorf("after 20 logins at once: %q, %v", data, err)
	}
	write(t, "*SECRET: [", path)
	_, err = changeCredentials(func(map[string]string) { t.Error("what cannot be read was changed") })
	wantError(t, err, path, "remove it")
}
