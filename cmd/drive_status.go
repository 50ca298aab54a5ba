package cmd

import (
	"os"
	"time"
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
	ReadOnly     bool             `json:"read_only"`
	Files        int64            `json:"files"`      // known so far
	Bytes        int64            `json:"bytes"`      // of these files
	Owed         int64            `json:"owed"`       // changes the service does not have yet
	OwedBytes    int64            `json:"owed_bytes"` // of their content
	Uploading    int64            `json:"uploading"`
	Failed       []failedChange   `json:"failed"`
	Conflicts    []string         `json:"conflicts"`
	CacheBytes   int64            `json:"cache_bytes"`
	Requests     map[string]int64 `json:"requests"`
}

// failedChange is a change the service refuses.
type failedChange struct {
	Path  string    `json:"path"`
	Error string    `json:"error"`
	Since time.Time `json:"since"`
}

// statusAnswer is the answer to routeStatus: the status and what only people
// want to see.
type statusAnswer struct {
	Status driveStatus `json:"status"`
	Name   string      `json:"name"` // of the application
	PID    int         `json:"pid"`
}

// status answers losantfs status. This version changes nothing at the service, so
// nothing is owed.
func (d *drive) status() statusAnswer {
	s := driveStatus{
		Mountpoint: d.o.mountpoint, Application: d.app.ID, APIURL: d.client.URL(), Space: spacesWord(d.names()),
		Online: true, ReadOnly: true, Failed: []failedChange{}, Conflicts: []string{},
		CacheBytes: d.store.Bytes(), Requests: d.client.Requests(),
	}
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
	return statusAnswer{Status: s, Name: d.app.Name, PID: os.Getpid()}
}
