package cmd

import (
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"sync"
)

// storedTokens are the tokens for one API in the credentials files. What is stored
// anew is used without remounting, also where it is in a file that comes before
// the one of the last token.
type storedTokens struct {
	apiURL string
	log    *slog.Logger

	mu    sync.Mutex
	files []*credentialsFile
	token string
	from  string // the file of the token
}

// credentialsFile is one of these files, and what it had for the API when it was
// last read.
type credentialsFile struct {
	file   watchedFile
	vendor brand // whose tool writes it; none writes the own one

	now    credentials
	broken error // why nothing is known of it
}

// storedToken returns the token for an API that is stored first.
func storedToken(apiURL string, log *slog.Logger) (*token, error) {
	s := &storedTokens{apiURL: apiURL, log: log, files: credentialsFiles()}
	var others []string
	for _, f := range s.files {
		f.refresh()
		if f.broken != nil {
			return nil, f.broken
		}
		if f.now.token(apiURL, f.vendor) != "" {
			break
		}
		others = append(others, f.now.urls()...)
	}
	f := s.choose()
	if f == nil {
		return nil, noToken(apiURL, others)
	}
	text, err := checkToken(s.token)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", f.file.path, err)
	}
	s.token = text
	f.file.warnOpen(log)
	return &token{source: s.source, forURL: f.now.byURL[apiURL] != "", get: s.get, renewal: loginCommand(apiURL)}, nil
}

// refresh reads the file if it changed, and reports whether it did.
func (f *credentialsFile) refresh() (changed bool) {
	data, changed, err := f.file.read()
	switch {
	case errors.Is(err, fs.ErrNotExist):
		f.file.seen, f.now, f.broken = nil, credentials{}, nil
	case err != nil:
		f.file.seen, f.broken = nil, fmt.Errorf("the stored token cannot be read: %w", err)
	case changed:
		if f.now, f.broken = parseCredentials(data); f.broken != nil {
			f.broken = fmt.Errorf("%s: %w", f.file.path, f.broken)
		}
	}
	return changed
}

// choose takes over the first token there is and returns its file, nil for none.
// What comes after a file that cannot be read now is not taken in its place.
func (s *storedTokens) choose() *credentialsFile {
	for _, f := range s.files {
		if f.broken != nil {
			return nil
		}
		if text := f.now.token(s.apiURL, f.vendor); text != "" {
			s.token, s.from = text, f.file.path
			return f
		}
	}
	return nil
}

// get returns the token. Files that hold none now, as they may for a moment while
// they are written, leave the last one in force.
func (s *storedTokens) get() (string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, f := range s.files {
		if f.refresh() && f.broken != nil {
			s.log.Warn("the stored token changed to something unusable; the last token stays in use", "error", f.broken)
		}
	}
	before, from := s.token, s.from
	if s.choose() != nil {
		if _, err := checkToken(s.token); err != nil {
			s.token, s.from = before, from
		}
	}
	return s.token, nil
}

func (s *storedTokens) source() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.from
}
