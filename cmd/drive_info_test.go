package cmd

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"losantfs/cache/outbox"
	"losantfs/remote"
)

func TestInfoOfOwed(t *testing.T) {
	d, _, _ := writable(t, remote.Public)
	create(t, d.spaces[0], "f", "text")
	d.drain(t.Context())
	i, err := d.info(t.Context(), "f")
	if err != nil || i.State != outbox.Clean || i.Owed != nil || i.OwedBelow != 0 || i.Conflict != nil || i.Mode != "0640" || i.ID == "" || *i.Size != 4 {
		t.Errorf("info %+v, %v", i, err)
	}
	create(t, d.spaces[0], ".DS_Store", "text")
	if i, err = d.info(t.Context(), ".DS_Store"); err != nil || i.State != outbox.LocalOnly || i.Owed != nil {
		t.Errorf("info %+v, %v", i, err)
	}
	_, err = d.url(t.Context(), ".DS_Store")
	wantError(t, err, "no URL", "never leaves this machine")
	if n := d.status().Status.Owed; n != 0 {
		t.Errorf("%d changes owed; what is local is not", n)
	}
}

// A token that may only read mounts; what it may not do stays owed and is told.
func TestTokenThatMayOnlyRead(t *testing.T) {
	isolate(t)
	e := startEmulator(t)
	d, s := unmounted(t, e, e.NewToken(0, "all.Application.read"), []remote.Space{remote.Public})
	d.app.ID = e.Application()
	d.o.readOnly, d.o.settle, d.o.uploads = false, 0, 4
	if err := d.openSpaces(t.Context(), s); err != nil {
		t.Fatal(err)
	}
	create(t, d.spaces[0], "f", "text")
	const reason = "the token lacks the right to make this change"
	for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		st := d.status().Status
		if told := append(st.Retried, st.Failed...); len(told) > 0 {
			if st.Owed != 1 || told[0].Path != d.abs("f") || !strings.HasPrefix(told[0].Error, reason) {
				t.Errorf("status %+v", st)
			}
			break
		}
		if time.Now().After(deadline) {
			t.Fatal("nothing is told")
		}
	}
	_, err := d.url(t.Context(), "f")
	wantError(t, err, "/mnt/files/f has no URL yet", reason)
	if i, err := d.info(t.Context(), "f"); err != nil || i.Owed == nil || !strings.HasPrefix(i.Owed.Error, reason) {
		t.Errorf("info %+v, %v", i, err)
	}
}

func TestURLOfOwed(t *testing.T) {
	d, e, _ := writable(t, remote.Public)
	create(t, d.spaces[0], "old", "text")
	d.drain(t.Context())
	before, err := d.url(t.Context(), "old")
	if err != nil {
		t.Fatal(err)
	}
	set(t, e, "latency", "1h") // nothing is sent from here on
	create(t, d.spaces[0], "new", "text")
	_, err = d.url(t.Context(), "new")
	wantError(t, err, d.abs("new")+" has no URL yet", "losantfs flush "+d.abs("new"))
	if err := d.spaces[0].Rename(t.Context(), "/", "old", "/", "moved", 0); err != nil {
		t.Fatal(err)
	}
	_, err = d.url(t.Context(), "moved")
	wantError(t, err, d.abs("moved")+" has no URL yet", "still has it as "+d.abs("old"), "losantfs flush "+d.abs("moved"))
	set(t, e, "latency", "0s")
	d.drain(t.Context())
	for _, name := range []string{"new", "moved"} {
		if u, err := d.url(t.Context(), name); err != nil || !strings.HasSuffix(u, "/"+name) || u == before {
			t.Errorf("%s: %q, %v", name, u, err)
		}
	}
}

func TestInfoText(t *testing.T) {
	d := opened(t, bothSpaces)
	at := time.Now()
	c := d.conflictOf(d.spaces[0], outbox.Conflict{Path: "/a (conflict)", Original: "/a", Since: at})
	if want := (conflict{"/mnt/files/public/a (conflict)", "/mnt/files/public/a", at}); c != want {
		t.Errorf("conflict %+v, want %+v", c, want)
	}
	text := func(i entryInfo) string {
		var out bytes.Buffer
		if err := i.print(&out); err != nil {
			t.Fatal(err)
		}
		return out.String()
	}
	for got, parts := range map[string][]string{
		text(entryInfo{Path: c.Path, Conflict: &c}):                  {"changed elsewhere too: that version is /mnt/files/public/a\n"},
		text(entryInfo{Path: c.Original, Conflict: &c}):              {"changed here too: that version is /mnt/files/public/a (conflict)\n"},
		text(entryInfo{Path: "/d", Type: "directory", OwedBelow: 2}): {"Owed below", "2 changes"},
		text(entryInfo{State: outbox.Clean}):                         {"clean"},
		text(entryInfo{State: outbox.Uploading, Owed: &owedChange{Bytes: 4000, Sent: 1000, Since: at}}): {"uploading", "Sent so far  1.0 kB of 4.0 kB",
			"Owed since   " + at.Format(time.DateTime)},
		text(entryInfo{State: outbox.Failed, Owed: &owedChange{Error: "too\x1blarge"}}): {"failed", "Reason      too\ufffdlarge"},
	} {
		for _, part := range parts {
			if !strings.Contains(got, part) {
				t.Errorf("the text lacks %q:\n%s", part, got)
			}
		}
	}
}
