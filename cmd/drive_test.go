package cmd

import (
	"slices"
	"strings"
	"testing"
	"time"

	"losantfs/remote"
)

func TestOpenSpaces(t *testing.T) {
	publicOnly, privateOnly := []remote.Space{remote.Public}, []remote.Space{remote.Private}
	files, privateFiles := "files.get", "privateFiles.get"
	tests := []struct {
		name    string
		private string // switch private-files
		scopes  []string
		ask     []remote.Space
		shown   []remote.Space
		fail    string
	}{
		{"both", "on", nil, bothSpaces, bothSpaces, ""},
		{"only public", "404", nil, publicOnly, publicOnly, ""},
		{"private missing", "404", nil, bothSpaces, publicOnly, ""},
		{"private unmapped", "405", nil, bothSpaces, publicOnly, ""},
		{"only private, missing", "404", nil, privateOnly, nil, "has no private files"},
		{"only private, unmapped", "405", nil, privateOnly, nil, "has no private files"},
		{"private denied", "on", []string{files}, bothSpaces, publicOnly, ""},
		{"public denied", "on", []string{privateFiles}, bothSpaces, privateOnly, ""},
		{"the only one denied", "on", []string{files}, privateOnly, nil, "lacks a right"},
		{"both denied", "on", []string{"me.get"}, bothSpaces, nil, "lacks a right"},
	}
	e := startEmulator(t)
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if err := e.Set("private-files", tt.private); err != nil {
				t.Fatal(err)
			}
			d, s := unmounted(t, e, e.NewToken(0, tt.scopes...), tt.ask)
			d.app.ID = e.Application()
			e.ResetCounts()
			err := d.openSpaces(t.Context(), s)
			if calls := e.Counts().Total(); calls != int64(len(tt.ask)) {
				t.Errorf("%d calls, want one for each space, which lists it as well", calls)
			}
			if tt.fail != "" {
				wantError(t, err, tt.fail)
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if !slices.Equal(d.names(), tt.shown) {
				t.Errorf("shown %v, want %v", d.names(), tt.shown)
			}
		})
	}
	t.Run("a service that fails leaves nothing out", func(t *testing.T) {
		d, s := unmounted(t, e, e.Token(), bothSpaces)
		d.app.ID = e.Application()
		if err := e.Set("down", "true"); err != nil {
			t.Fatal(err)
		}
		defer e.Set("down", "false")
		wantError(t, d.openSpaces(t.Context(), s), "does not answer")
	})
	t.Run("a wrong token leaves nothing out", func(t *testing.T) {
		d, s := unmounted(t, e, "wrong.token.x", bothSpaces)
		d.app.ID = e.Application()
		wantError(t, d.openSpaces(t.Context(), s), "does not accept the token")
	})
}

// opened returns a drive over samples that is served but not mounted.
func opened(t *testing.T, spaces []remote.Space) *drive {
	t.Helper()
	e := startEmulator(t)
	if err := e.Samples(e.Application()); err != nil {
		t.Fatal(err)
	}
	d, s := unmounted(t, e, e.Token(), spaces)
	d.app = remote.Application{ID: e.Application(), Name: "A\x1b[31mB"}
	if err := d.openSpaces(t.Context(), s); err != nil {
		t.Fatal(err)
	}
	return d
}

func TestReadyLine(t *testing.T) {
	d := opened(t, bothSpaces)
	want := "losantfs: mounted A\ufffd[31mB (" + d.app.ID + ") at /mnt/files: public, private (read-only)"
	if got := d.readyLine(); got != want {
		t.Errorf("ready line %q, want %q", got, want)
	}
}

func TestWriteOptions(t *testing.T) {
	o, err := parse(t, "--write", "through", "--settle", "2s", "--uploads", "3", "--local-only", "*.tmp")
	if err != nil {
		t.Fatal(err)
	}
	w := o.writeOptions("/dir")
	if n := len(w.Local); !w.Through || w.Dir != "/dir" || w.Settle != 2*time.Second || w.Uploads != 3 || n < 10 || w.Local[n-1] != "*.tmp" {
		t.Errorf("%+v", w)
	}
	if o, err = parse(t); err != nil || o.writeOptions("").Through {
		t.Errorf("by default it writes through: %v", err)
	}
}

func TestEntries(t *testing.T) {
	both, private := opened(t, bothSpaces), opened(t, []remote.Space{remote.Private})
	tests := []struct {
		d              *drive
		path, typ      string
		space, infoURL string // infoURL: the end of the one that info shows
		url, fail      string // url: a part of the one that url prints, or why there is none
	}{
		{d: both, path: "", typ: "directory", fail: "/mnt/files is a folder"},
		{d: both, path: "public", typ: "directory", space: "public", fail: "is a folder"},
		{d: both, path: "public/images", typ: "directory", space: "public", fail: "is a folder"},
		{d: both, path: "public/index.html", typ: "file", space: "public", infoURL: "/index.html", url: "/index.html"},
		{d: both, path: "/public//docs/../docs/2026/quarter 1/notes.md", typ: "file", space: "public", infoURL: "notes.md", url: "notes.md"},
		{d: both, path: "private/exports/devices.csv", typ: "file", space: "private", url: "Signature="},
		{d: both, path: "nowhere", fail: "/mnt/files/nowhere: "},
		{d: both, path: "public/nowhere/x", fail: "/mnt/files/public/nowhere/x: "},
		{d: both, path: "../etc/passwd", fail: "does not exist"},
		{d: private, path: "", typ: "directory", space: "private", fail: "is a folder"},
		{d: private, path: "exports/devices.csv", typ: "file", space: "private", url: "Signature="},
		{d: private, path: "private", fail: "does not exist"},
	}
	for _, tt := range tests {
		i, err := tt.d.info(t.Context(), tt.path)
		if tt.typ == "" {
			wantError(t, err, tt.fail)
		} else if err != nil || i.Type != tt.typ || i.Space != tt.space || !strings.HasSuffix(i.URL, tt.infoURL) || (tt.infoURL == "") != (i.URL == "") ||
			(i.Size != nil) != (tt.typ == "file") || i.Mountpoint != "/mnt/files" || !strings.HasPrefix(i.Path, "/mnt/files") {
			t.Errorf("%q: %+v, %v", tt.path, i, err)
		}
		u, err := tt.d.url(t.Context(), tt.path)
		if tt.fail != "" {
			wantError(t, err, tt.fail)
		} else if err != nil || !strings.Contains(u, tt.url) {
			t.Errorf("%q: URL %q, %v", tt.path, u, err)
		}
	}
}
