package main

import (
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"time"
)

// result is what was measured for one row.
type result struct {
	Of      map[string]series `json:"of"`              // values by program
	Calls   map[string]series `json:"calls,omitempty"` // requests by program
	Notes   []string          `json:"notes,omitempty"`
	Version string            `json:"version"` // of losantfs
	Date    string            `json:"date"`
}

// results are all that is known, also of earlier runs, as docs/benchmarks.json keeps it.
type results struct {
	Machine string             `json:"machine"`
	Trip    float64            `json:"round_trip_ms"` // of one small request, as measured
	Rows    map[string]*result `json:"rows"`
	Growth  map[string]*curve  `json:"growth,omitempty"`
	Inside  []micro            `json:"inside,omitempty"`
}

// curve is how a figure grows: y by x, for each program.
type curve struct {
	Of      map[string][]point `json:"of"`
	Notes   []string           `json:"notes,omitempty"`
	Version string             `json:"version"`
	Date    string             `json:"date"`
}

type point struct {
	X float64 `json:"x"`
	Y float64 `json:"y"`
}

func loadResults(path string) (*results, error) {
	all := &results{Rows: map[string]*result{}, Growth: map[string]*curve{}}
	data, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return all, nil
	}
	if err != nil {
		return nil, err
	}
	if err := json.Unmarshal(data, all); err != nil {
		return nil, err
	}
	return all, nil
}

func (r *results) save(path string) error {
	data, err := json.MarshalIndent(r, "", "\t")
	if err != nil {
		return err
	}
	return os.WriteFile(path, append(data, '\n'), 0o644)
}

// newResult is an empty result of today.
func newResult(version string) *result {
	return &result{Of: map[string]series{}, Calls: map[string]series{}, Version: version, Date: time.Now().UTC().Format(time.DateOnly)}
}

func (r *result) note(text string) {
	for _, n := range r.Notes {
		if n == text {
			return
		}
	}
	r.Notes = append(r.Notes, text)
}
