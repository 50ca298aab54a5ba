package cmd

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"os"
	"path/filepath"

	"losantfs/remote"
)

// knownApplication is what is kept of an application that was mounted, so that it
// can be mounted while the service cannot be reached.
type knownApplication struct {
	APIURL string `json:"api_url"`
	ID     string `json:"id"`
	Name   string `json:"name"`
}

const knownFile = "application.json"

// knownFolder returns where it is kept what is known of the application, made if
// need be.
func (d *drive) knownFolder() (string, error) {
	sum := sha256.Sum256([]byte(d.client.URL() + "\x00" + d.app.ID))
	path := filepath.Join(d.cacheDir, "tree", hex.EncodeToString(sum[:8]))
	return path, os.MkdirAll(path, 0o700)
}

// snapshotFile returns the file for what is known of a space, "" where there can be
// none.
func (d *drive) snapshotFile(name remote.Space) string {
	dir, err := d.knownFolder()
	if err != nil {
		d.log.Warn("what is known cannot be kept for the next mount", "error", err)
		return ""
	}
	return filepath.Join(dir, string(name))
}

// rememberApplication keeps the name and id of the application.
func (d *drive) rememberApplication() {
	dir, err := d.knownFolder()
	if err != nil {
		return // was said above
	}
	data, err := json.Marshal(knownApplication{d.client.URL(), d.app.ID, d.app.Name})
	if err == nil {
		err = os.WriteFile(filepath.Join(dir, knownFile), data, 0o600)
	}
	if err != nil {
		d.log.Warn("the name of the application cannot be kept for the next mount", "error", err)
	}
}

// recallApplication returns the application that an earlier mount knew by what is
// wanted: an id, a name, or "" for the only one.
func (d *drive) recallApplication(want string) (remote.Application, bool) {
	files, _ := filepath.Glob(filepath.Join(d.cacheDir, "tree", "*", knownFile))
	var all []remote.Application
	for _, file := range files {
		var k knownApplication
		data, err := os.ReadFile(file)
		if err == nil && json.Unmarshal(data, &k) == nil && k.APIURL == d.client.URL() && remote.ValidID(k.ID) {
			all = append(all, remote.Application{ID: k.ID, Name: k.Name})
		}
	}
	for _, a := range all {
		if a.ID == want || want == "" && len(all) == 1 {
			return a, true
		}
	}
	a, err := applicationByName(all, want)
	return a, err == nil && want != ""
}
