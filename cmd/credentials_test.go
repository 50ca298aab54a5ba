package cmd

import (
	"os"
	"strings"
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
