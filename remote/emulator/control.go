package emulator

import (
	"encoding/json"
	"io"
	"maps"
	"net/http"
	"slices"
)

// controlPrefix begins the paths that steer the emulator. They need no token,
// count nowhere and work while the hosts are down.
const controlPrefix = "/_emulator/"

// Set sets a switch. The error names the switches, or the values one accepts.
func (s *Server) Set(name, value string) error {
	if err := s.sw.set(name, value); err != nil {
		return err
	}
	if name == "down" && s.sw.on("down") {
		for _, h := range s.hosts() {
			h.listener.resetAll()
		}
	}
	return nil
}

// Switches returns all switches, sorted by name.
func (s *Server) Switches() []Switch { return s.sw.list() }

// Counts returns what clients have done since Start or ResetCounts.
func (s *Server) Counts() Counts { return s.counts.snapshot() }

// ResetCounts sets all counts to zero.
func (s *Server) ResetCounts() { s.counts.reset() }

// serveControl answers GET counts, POST counts/reset and GET and POST switches.
func (s *Server) serveControl(w http.ResponseWriter, r *http.Request) {
	switch r.Method + " " + r.URL.Path[len(controlPrefix):] {
	case "GET counts":
		writeControl(w, s.Counts())
	case "POST counts/reset":
		s.ResetCounts()
		writeControl(w, s.Counts())
	case "GET switches":
		writeControl(w, s.Switches())
	case "POST switches":
		s.setAll(w, r)
	default:
		http.Error(w, "there are GET counts, POST counts/reset, GET switches and POST switches", http.StatusNotFound)
	}
}

// setAll sets the switches of a JSON object of names and values, in the order of
// their names, up to the first that is refused.
func (s *Server) setAll(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	var values map[string]string
	if err == nil {
		err = json.Unmarshal(body, &values)
	}
	if err != nil {
		http.Error(w, "a JSON object of switch names and string values is needed: "+err.Error(), http.StatusBadRequest)
		return
	}
	for _, name := range slices.Sorted(maps.Keys(values)) {
		if err := s.Set(name, values[name]); err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
	}
	writeControl(w, s.Switches())
}

func writeControl(w http.ResponseWriter, v any) {
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(v)
}

// DefaultSwitches returns the switches as they are before anybody sets one.
func DefaultSwitches() []Switch { return newSwitches().list() }
