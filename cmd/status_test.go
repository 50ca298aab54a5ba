package cmd

import (
	"bytes"
	"encoding/json"
	"os"
	"strings"
	"testing"
	"time"

	"losantfs/cache/outbox"
	"losantfs/remote"
)

// How the status is printed.
var asJSON, people = statusOutput{json: true}, statusOutput{}

func TestStatusJSON(t *testing.T) {
	d := opened(t, bothSpaces)
	serve(t, d)
	var out bytes.Buffer
	if err := showStatus(t.Context(), &out, nil, asJSON); err != nil {
		t.Fatal(err)
	}
	var got map[string][]map[string]any
	if err := json.Unmarshal(out.Bytes(), &got); err != nil {
		t.Fatal(err)
	}
	if len(got) != 1 || len(got["mounts"]) != 1 {
		t.Fatalf("not one mount: %s", out.String())
	}
	m := got["mounts"][0]
	want := map[string]any{
		"mountpoint": "/mnt/files", "application": d.app.ID, "api_url": d.client.URL(), "space": "both", "online": true, "read_only": true,
		"files": 15.0, "bytes": 1080022.0, "owed": 0.0, "owed_bytes": 0.0, "uploading": 0.0, "failed": []any{}, "conflicts": []any{},
		"retried": []any{}, "uploads": []any{}, "local_only": []any{}, "set_aside": []any{},
		"cache_bytes": 0.0, "requests": map[string]any{"list": 2.0},
	}
	for key, value := range want {
		if a, b := mustJSON(t, m[key]), mustJSON(t, value); a != b {
			t.Errorf("%s is %s, want %s", key, a, b)
		}
		delete(m, key)
	}
	if len(m) > 0 {
		t.Errorf("more than agreed: %v", m)
	}
}

func mustJSON(t *testing.T, v any) string {
	t.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestStatusOffline(t *testing.T) {
	e := startEmulator(t)
	d, s := unmounted(t, e, e.Token(), bothSpaces)
	d.app.ID = e.Application()
	d.o.pollInterval = 0
	if err := d.openSpaces(t.Context(), s); err != nil {
		t.Fatal(err)
	}
	before := time.Now()
	if err := e.Set("down", "true"); err != nil {
		t.Fatal(err)
	}
	if _, err := d.spaces[1].List(t.Context(), "/none/"); err == nil {
		t.Fatal("listing works although the service is down")
	}
	got := d.status().Status
	if got.Online || got.Error == "" || got.OfflineSince == nil || got.OfflineSince.Before(before) {
		t.Errorf("status %+v; want offline with a time and a reason", got)
	}
}

func TestStatusTable(t *testing.T) {
	isolate(t)
	var out bytes.Buffer
	if err := showStatus(t.Context(), &out, nil, asJSON); err != nil || mustCompact(t, out.Bytes()) != `{"mounts":[]}` {
		t.Errorf("%q, %v; want no mounts", out.String(), err)
	}
	out.Reset()
	if err := people.table(&out, nil, nil); err != nil || out.String() != "nothing is mounted\n" {
		t.Errorf("%q, %v", out.String(), err)
	}
	out.Reset()
	since := time.Now()
	live := []liveMount{{statusAnswer: statusAnswer{Name: "A\x1b[31m", Status: driveStatus{
		Mountpoint: "/mnt/files", Application: someID, Space: "public", OfflineSince: &since, Error: "no answer",
		Files: 12, Bytes: 34_000, CacheBytes: 5_000, Requests: map[string]int64{"list": 3, "get": 4}}}}}
	if err := people.table(&out, live, []deadMount{{mountpoint: "/mnt/left over", application: someID}}); err != nil {
		t.Fatal(err)
	}
	for _, part := range []string{"/mnt/files", someID, "public", "offline since " + since.Format(time.TimeOnly), "12 (34 kB)", "5.0 kB", " 7\n",
		"/mnt/files is offline: no answer", "losantfs unmount '/mnt/left over'"} {
		if !strings.Contains(out.String(), part) {
			t.Errorf("the table lacks %q:\n%s", part, out.String())
		}
	}
	if strings.Contains(out.String(), "\x1b") {
		t.Error("the table passes an escape sequence on")
	}
}

func mustCompact(t *testing.T, b []byte) string {
	t.Helper()
	var out bytes.Buffer
	if err := json.Compact(&out, b); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

func TestStatusOfOwed(t *testing.T) {
	at := time.Now()
	s := emptyStatus()
	s.Mountpoint, s.Online, s.LocalOnly = "/m", true, []string{".DS_Store", "*.tmp"}
	owed := []owedChange{
		{Path: "/m/big", State: outbox.Uploading, Bytes: 4000, Sent: 1000, Since: at},
		{Path: "/m/dir", State: outbox.Uploading, Since: at},
		{Path: "/m/refused", State: outbox.Failed, Bytes: 10, Error: "too large", Since: at},
		{Path: "/m/waits", State: outbox.Owed, Since: at},
	}
	for range 2 * shownOwed {
		owed = append(owed, owedChange{Path: "/m/tried", State: outbox.Owed, Error: "no answer", Since: at})
	}
	s.addOwed(owed)
	s.Conflicts = []conflict{{"/m/a (conflict)", "/m/a", at}}
	if s.Owed != 14 || s.OwedBytes != 4010 || s.Uploading != 2 || len(s.Uploads) != 2 || s.Uploads[0] != (upload{"/m/big", 4000, 1000}) ||
		len(s.Failed) != 1 || s.Failed[0] != (failedChange{"/m/refused", "too large", at}) || len(s.Retried) != shownOwed {
		t.Errorf("%+v", s)
	}
	live := []liveMount{{statusAnswer: statusAnswer{Status: s}}}
	print := func(o statusOutput) string {
		var out bytes.Buffer
		if err := o.print(&out, live, nil); err != nil {
			t.Fatal(err)
		}
		return out.String()
	}
	short, long := print(people), print(statusOutput{verbose: true})
	for _, part := range []string{
		"   14 changes (4.0 kB), 2 uploading (1.0 kB sent), 1 failed, 1 conflict   ",
		"\n/m/refused was refused: too large (changed " + at.Format(time.DateTime),
		"\n/m/tried is not sent yet, and is tried again: no answer",
		"\n/m/a was changed here and elsewhere (" + at.Format(time.DateTime) + "): the version of this machine is /m/a (conflict)\n",
	} {
		if !strings.Contains(short, part) {
			t.Errorf("the status lacks %q:\n%s", part, short)
		}
	}
	if strings.Contains(short, "DS_Store") || strings.Contains(short, "/m/big") {
		t.Errorf("the status is long:\n%s", short)
	}
	for _, part := range []string{"\n/m/big is being sent: 1.0 kB of 4.0 kB\n", "\n/m keeps these names to itself: .DS_Store  *.tmp\n"} {
		if !strings.HasPrefix(long, short) || !strings.Contains(long, part) {
			t.Errorf("with --verbose it lacks %q:\n%s", part, long)
		}
	}
	for _, part := range []string{`"conflicts":[{"path":"/m/a (conflict)","original":"/m/a","since":"`, `"uploads":[{"path":"/m/big","bytes":4000,"sent":1000},`,
		`"failed":[{"path":"/m/refused","error":"too large","since":"`, `"uploading":2,`, `"local_only":[".DS_Store","*.tmp"]`} {
		if got := mustCompact(t, []byte(print(asJSON))); !strings.Contains(got, part) {
			t.Errorf("the JSON lacks %s:\n%s", part, got)
		}
	}
}

func TestStatusOfDeadMount(t *testing.T) {
	var out bytes.Buffer
	if err := asJSON.print(&out, nil, []deadMount{{mountpoint: "/mnt/files", application: someID}}); err != nil {
		t.Fatal(err)
	}
	var got struct{ Mounts []driveStatus }
	if err := json.Unmarshal(out.Bytes(), &got); err != nil || len(got.Mounts) != 1 {
		t.Fatal(err, out.String())
	}
	if m := got.Mounts[0]; !m.Dead || m.Online || m.Mountpoint != "/mnt/files" || m.Application != someID || m.Failed == nil || m.Conflicts == nil {
		t.Errorf("%+v", m)
	}
}

func TestStatusOfWritable(t *testing.T) {
	d, _, _ := writable(t, bothSpaces...)
	d.o.localOnly = []string{"*.tmp"}
	s := d.status().Status
	if n := len(s.LocalOnly); s.ReadOnly || n < 10 || s.LocalOnly[n-1] != "*.tmp" {
		t.Errorf("read-only %t, local %q", s.ReadOnly, s.LocalOnly)
	}
	if got := s.owedText(); got != "nothing" {
		t.Errorf("owed: %q", got)
	}
}

// What was set aside is shown, whichever mount found it, until it is removed.
func TestStatusOfSetAside(t *testing.T) {
	d := opened(t, bothSpaces)
	d.o.readOnly, d.o.owedDir = false, t.TempDir()
	dir, err := d.owedFolder(remote.Private, 3)
	if err != nil {
		t.Fatal(err)
	}
	journal := write(t, "x", dir, "journal.damaged-20261122T101112.000000Z")
	write(t, "x", dir, "journal")
	draft := write(t, "x", dir, "set-aside", "20261123T101112.000000Z-unnamed-7")
	write(t, "x", dir, "set-aside", "20261123T101112.000000Z-unnamed-7.blocks")
	named := write(t, "x", dir, "set-aside", "20261123T101113.000000Z-unreadable-8-a-b\x1b.blocks")
	s := d.status().Status
	if len(s.SetAside) != 3 || s.SetAside[0].Path != journal || s.SetAside[1].Path != draft || s.SetAside[2].Path != named {
		t.Fatalf("set aside are %+v", s.SetAside)
	}
	for i, a := range s.SetAside {
		if want := time.Date(2026, 11, 22, 10, 11, 12, 0, time.UTC); a.Reason == "" || i == 0 && !a.Since.Equal(want) {
			t.Errorf("%+v", a)
		}
	}
	var out bytes.Buffer
	s.printAside(&out)
	if got := out.String(); strings.Count(got, "\n") != 3 || !strings.Contains(got, journal+" was set aside (2026-11-2") || strings.Contains(got, "\x1b") {
		t.Errorf("people see\n%s", got)
	}
	if got := mustJSON(t, s); !strings.Contains(got, `"set_aside":[{"path":"`+journal+`","reason":"`) {
		t.Error(got)
	}
	if err := os.RemoveAll(dir); err != nil {
		t.Fatal(err)
	}
	if left := d.status().Status.SetAside; len(left) > 0 {
		t.Errorf("still set aside: %v", left)
	}
}
