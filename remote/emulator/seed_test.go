package emulator_test

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"image/jpeg"
	"image/png"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"losantfs/remote/emulator"
)

func TestSeeding(t *testing.T) {
	e := start(t)
	id := e.PutFile(e.app, "public", "/d/e/a.json", []byte("{}"))
	first := find(t, e, "public", "/d/e/a.json")
	equal(t, "id", first.ID, id)
	equal(t, "contentType", first.ContentType, "application/json")
	equal(t, "id of a rewrite", e.PutFile(e.app, "public", "d/e/a.json", []byte("[1]")), id)
	second := find(t, e, "public", "/d/e/a.json")
	equal(t, "size", second.FileSize, 3)
	if second.S3ETag == first.S3ETag || second.LastUpdated.Before(first.LastUpdated) {
		t.Errorf("%+v", second)
	}
	equal(t, "directory", e.PutDir(e.app, "public", "/d/e/"), find(t, e, "public", "/d/e").ID)
	equal(t, "root", e.PutDir(e.app, "public", "/"), "")
	equal(t, "removed", e.Remove(e.app, "public", "/d"), true)
	equal(t, "entries", len(e.Items(e.app, "public")), 0)
	equal(t, "calls", e.Counts().Total(), 0)
	for name, wrong := range map[string]func(){
		"application": func() { e.PutFile("x", "public", "/a", nil) },
		"space":       func() { e.PutFile(e.app, "open", "/a", nil) },
		"directory":   func() { e.PutDir(e.app, "public", "/a"); e.PutFile(e.app, "public", "/a", nil) },
		"status":      func() { e.PutRaw(e.app, "public", emulator.RawEntry{Status: "odd"}) },
	} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("a wrong %s is accepted", name)
				}
			}()
			wrong()
		}()
	}
}

func TestSamples(t *testing.T) {
	e := start(t)
	if err := e.Samples(e.app); err != nil {
		t.Fatal(err)
	}
	read := func(space, path string) []byte {
		t.Helper()
		a := e.send("GET", find(t, e, space, path).URL, nil, nil)
		content, _ := e.Content(e.app, space, path)
		if a.status != 200 || !bytes.Equal(a.body, content) {
			t.Errorf("%s: status %d", path, a.status)
		}
		return content
	}
	for _, path := range []string{
		"/index.html", "/css/style.css", "/js/app.js", "/images/pulse.svg", "/docs/2026/quarter 1/notes.md",
		"/文档/传感器说明.txt", "/100% sure? yes #1.txt", "/empty.txt",
	} {
		if len(read("public", path)) == 0 && path != "/empty.txt" {
			t.Errorf("%s is empty", path)
		}
	}
	equal(t, "uploads", find(t, e, "public", "/uploads").Type, "directory")
	if _, err := png.Decode(bytes.NewReader(read("public", "/images/logo.png"))); err != nil {
		t.Error(err)
	}
	if _, err := jpeg.Decode(bytes.NewReader(read("public", "/images/photo.jpg"))); err != nil {
		t.Error(err)
	}
	for space, path := range map[string]string{"public": "/data/readings.csv", "private": "/exports/devices.csv"} {
		rows, err := csv.NewReader(bytes.NewReader(read(space, path))).ReadAll()
		if err != nil || len(rows) < 25 {
			t.Errorf("%s: %d rows, %v", path, len(rows), err)
		}
	}
	pdf := read("public", "/docs/manual.pdf")
	start := regexp.MustCompile(`startxref\n(\d+)\n%%EOF\n$`).FindSubmatch(pdf)
	if start == nil || !bytes.HasPrefix(pdf, []byte("%PDF-")) || !bytes.Contains(pdf, []byte("\nxref\n")) {
		t.Fatalf("no PDF: %q", pdf)
	}
	if table, _ := strconv.Atoi(string(start[1])); !bytes.HasPrefix(pdf[table:], []byte("xref\n")) {
		t.Errorf("the PDF's table is not at byte %d", table)
	}
	equal(t, "firmware", len(read("private", "/firmware/v1.4.2/gateway.bin")), 1<<20)
	if !json.Valid(read("private", "/notebooks/output.ipynb")) {
		t.Error("the notebook is not JSON")
	}
	if !strings.Contains(string(read("public", "/index.html")), "css/style.css") {
		t.Error("the page does not use its style")
	}
	before := e.Items(e.app, "public")
	if err := e.Samples(e.app); err != nil {
		t.Fatal(err)
	}
	equal(t, "a second time", e.Items(e.app, "public"), before)
	if err := e.Samples("x"); err == nil {
		t.Error("an unknown application is accepted")
	}
}

func TestStartRefuses(t *testing.T) {
	for _, listen := range []string{"0.0.0.0:0", ":0", "192.0.2.1:80", "nonsense"} {
		if s, err := emulator.Start(emulator.Config{Dir: t.TempDir(), Listen: listen}); err == nil {
			s.Close()
			t.Errorf("%s is accepted", listen)
		}
	}
	if _, err := emulator.Start(emulator.Config{}); err == nil {
		t.Error("no state folder is accepted")
	}
	s, err := emulator.Start(emulator.Config{Dir: t.TempDir(), Listen: "localhost:0"})
	if err != nil {
		t.Fatal(err)
	}
	s.Close()
}
