package cmd

import (
	"os"
	"slices"
	"time"

	"losantfs/cache"
	"losantfs/cache/outbox"
)

// driveStatus is what losantfs status --json shows of one mount.
type driveStatus struct {
	Mountpoint   string           `json:"mountpoint"`
	Application  string           `json:"application"` // id
	APIURL       string           `json:"api_url"`
	Space        string           `json:"space"` // both, public or private
	Online       bool             `json:"online"`
	OfflineSince *time.Time       `json:"offline_since,omitempty"`
	Error        string           `json:"error,omitempty"` // why it is offline
	Token        *tokenTrouble    `json:"token,omitempty"` // while the service refuses it
	ReadOnly     bool             `json:"read_only"`
	Files        int64            `json:"files"`      // known so far
	Bytes        int64            `json:"bytes"`      // of these files
	Owed         int64            `json:"owed"`       // changes the service does not have yet
	OwedBytes    int64            `json:"owed_bytes"` // of their content
	Uploading    int64            `json:"uploading"`  // of the changes
	Uploads      []upload         `json:"uploads"`    // the same, one by one
	Failed       []failedChange   `json:"failed"`
	Retried      []failedChange   `json:"retried"` // changes that could not be sent and are tried again, a few of them
	Conflicts    []conflict       `json:"conflicts"`
	SetAside     []outbox.Aside   `json:"set_aside"`  // files that were damaged on this machine's disk, until the user removes them
	LocalOnly    []string         `json:"local_only"` // patterns of names that never leave this machine
	CacheBytes   int64            `json:"cache_bytes"`
	Requests     map[string]int64 `json:"requests"`
	Dead         bool             `json:"dead,omitempty"` // its process has ended; little else is known
}

// upload is a change that is being sent.
type upload struct {
	Path  string `json:"path"`
	Bytes int64  `json:"bytes"`
	Sent  int64  `json:"sent"` // of these, so far
}

// failedChange is a change the service refuses.
type failedChange struct {
	Path  string    `json:"path"`
	Error string    `json:"error"`
	Since time.Time `json:"since"`
}

// conflict is a file of which both versions are kept, because it was changed here
// and elsewhere.
type conflict struct {
	Path     string    `json:"path"`     // of the version of this machine
	Original string    `json:"original"` // of the version of the service
	Since    time.Time `json:"since"`
}

// statusAnswer is the answer to routeStatus: the status and what only people
// want to see.
type statusAnswer struct {
	Status driveStatus `json:"status"`
	Name   string      `json:"name"` // of the application
	PID    int         `json:"pid"`
	// The kernel has the mount no more, and the rest is being sent.
	Leaving bool `json:"leaving"`
}

// pathIn returns where a path of a space is on the drive.
func (d *drive) pathIn(space *cache.Space, path string) string {
	if d.inFolders() {
		path = "/" + string(space.Name()) + path
	}
	return d.abs(path)
}

// conflicts returns the conflicts of all spaces, also of what earlier mounts left.
func (d *drive) conflicts() []conflict {
	all := []conflict{}
	for _, space := range slices.Concat(d.spaces, d.leftSpaces()) {
		for _, c := range space.Conflicts() {
			all = append(all, d.conflictOf(space, c))
		}
	}
	return all
}

func (d *drive) conflictOf(space *cache.Space, c outbox.Conflict) conflict {
	return conflict{d.pathIn(space, c.Path), d.pathIn(space, c.Original), c.Since}
}

// status answers losantfs status.
func (d *drive) status() statusAnswer {
	s := emptyStatus()
	s.Mountpoint, s.Application, s.APIURL, s.Space = d.o.mountpoint, d.app.ID, d.client.URL(), spacesWord(d.names())
	s.Online, s.ReadOnly, s.CacheBytes, s.Requests = true, d.o.readOnly, d.store.Bytes(), d.client.Requests()
	s.Conflicts, s.Token = d.conflicts(), d.tokens.state()
	if !d.o.readOnly {
		s.LocalOnly, s.SetAside = d.o.localPatterns(), d.setAside()
	}
	answer := statusAnswer{Name: d.app.Name, PID: os.Getpid(), Leaving: d.isGone()}
	s.addOwed(d.owed(d.everything()))
	for _, space := range d.spaces {
		files, bytes := space.Usage()
		s.Files += files
		s.Bytes += bytes
		since, err := space.Offline()
		if err == nil {
			continue
		}
		if s.OfflineSince == nil || since.Before(*s.OfflineSince) {
			s.OfflineSince, s.Error = &since, err.Error()
		}
		s.Online = false
	}
	answer.Status = s
	return answer
}

// emptyStatus has empty lists, which are no null in JSON.
func emptyStatus() driveStatus {
	return driveStatus{Uploads: []upload{}, Failed: []failedChange{}, Retried: []failedChange{},
		Conflicts: []conflict{}, SetAside: []outbox.Aside{}, LocalOnly: []string{}, Requests: map[string]int64{}}
}

// addOwed sorts what is owed by what becomes of it.
func (s *driveStatus) addOwed(owed []owedChange) {
	for _, c := range owed {
		s.Owed++
		s.OwedBytes += c.Bytes
		failed := failedChange{Path: c.Path, Error: c.Error, Since: c.Since}
		switch {
		case c.State == outbox.Failed:
			s.Failed = append(s.Failed, failed)
		case c.State == outbox.Uploading:
			s.Uploading++
			s.Uploads = append(s.Uploads, upload{c.Path, c.Bytes, c.Sent})
		case c.Error != "" && len(s.Retried) < shownOwed:
			s.Retried = append(s.Retried, failed)
		}
	}
}
