package cmd

import (
	"os"
	"path/filepath"
	"testing"

	"losantfs/remote"
)

const someID = "0123456789abcdefABCDEF01"

func TestFindService(t *testing.T) {
	folder := func(url string) string {
		return "applicationId: " + someID + "\napplicationName: x\napiUrl: " + url + "\n"
	}
	tests := []struct {
		name                   string
		o                      wanted
		env, env2              string
		losant, wegnology      string // settings of the current folder
		stored                 string // credentials
		wantURL, wantApp, fail string
	}{
		{name: "default", wantURL: remote.LosantURL},
		{name: "flag first", o: wanted{apiURL: "https://flag.example.com/"}, env: "https://env.example.com", losant: folder(remote.WEGnologyURL),
			wantURL: "https://flag.example.com", wantApp: someID},
		{name: "environment before folder", env: "https://env.example.com", env2: "https://env2.example.com", losant: folder(remote.WEGnologyURL),
			wantURL: "https://env.example.com", wantApp: someID},
		{name: "second variable", env2: "https://env2.example.com", wantURL: "https://env2.example.com"},
		{name: "folder", losant: folder(remote.WEGnologyURL + "/"), wantURL: remote.WEGnologyURL, wantApp: someID},
		{name: "folder of the other brand", wegnology: folder(remote.WEGnologyURL), wantURL: remote.WEGnologyURL, wantApp: someID},
		{name: "folder without URL", losant: "applicationId: " + someID, wantURL: remote.LosantURL, wantApp: someID},
		{name: "named application", o: wanted{application: "Mine"}, losant: folder(remote.WEGnologyURL), wantURL: remote.WEGnologyURL, wantApp: "Mine"},
		{name: "folder is not asked for nothing", o: wanted{application: "Mine", apiURL: ownURL}, losant: "[", wantURL: ownURL, wantApp: "Mine"},
		{name: "folder on this machine", losant: folder("http://127.0.0.1:8080"), wantURL: "http://127.0.0.1:8080", wantApp: someID},
		{name: "folder with a URL of its own", losant: folder(ownURL), fail: "--api-url " + ownURL},
		{name: "which the user is logged in to", losant: folder(ownURL), stored: ownURL + ":\n  apiToken: x\n", wantURL: ownURL, wantApp: someID},
		{name: "which the older form does not say", losant: folder(ownURL), stored: "apiToken: x\n", fail: "--api-url " + ownURL},
		{name: "damaged", losant: "[", fail: ".application.yml"},
		{name: "no id", losant: "applicationId: ../..\n", fail: "24 hexadecimal digits"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			home := isolate(t)
			t.Setenv("LOSANT_API_URL", tt.env)
			t.Setenv("WEGNOLOGY_API_URL", tt.env2)
			if tt.stored == "" {
				t.Setenv("LOSANT_API_TOKEN", "x")
				t.Setenv("WEGNOLOGY_API_TOKEN", "x")
			} else {
				write(t, tt.stored, home, ".losant", ".credentials.yml")
			}
			project := t.TempDir()
			if tt.losant != "" {
				write(t, tt.losant, project, ".losant", ".application.yml")
			}
			if tt.wegnology != "" {
				write(t, tt.wegnology, project, ".wegnology", ".application.yml")
			}
			below := filepath.Join(project, "files", "images")
			if err := os.MkdirAll(below, 0o700); err != nil {
				t.Fatal(err)
			}
			s, err := findService(tt.o, below, quiet)
			if tt.fail != "" {
				wantError(t, err, tt.fail)
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if s.apiURL != tt.wantURL || s.application != tt.wantApp {
				t.Errorf("service %s, application %q; want %s, %q", s.apiURL, s.application, tt.wantURL, tt.wantApp)
			}
		})
	}
}

func TestNearestFolderSettings(t *testing.T) {
	outer := t.TempDir()
	inner := filepath.Join(outer, "inner")
	write(t, "applicationId: aaaaaaaaaaaaaaaaaaaaaaaa\n", outer, ".losant", ".application.yml")
	write(t, "applicationId: bbbbbbbbbbbbbbbbbbbbbbbb\n", inner, ".wegnology", ".application.yml")
	write(t, "a file of that name is no reason to stop", inner, ".losant")
	s, err := findFolderSettings(inner)
	if err != nil || s.ApplicationID != "bbbbbbbbbbbbbbbbbbbbbbbb" {
		t.Errorf("application %q, %v; want that of the nearest folder", s.ApplicationID, err)
	}
}
