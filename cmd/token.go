package cmd

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"strings"
	"sync"
)

// token is where the API token comes from.
type token struct {
	source string // for people: a variable or a file
	// forURL is set where the source says which API the token is for.
	forURL bool
	// get returns the token as it is now. It never puts it into an error.
	get func() (string, error)
}

// constantToken is a token that cannot change, from the environment.
func constantToken(source, text string) (*token, error) {
	text, err := checkToken(text)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", source, err)
	}
	return &token{source: source, get: func() (string, error) { return text, nil }}, nil
}

// checkToken trims a token and refuses what cannot be one.
func checkToken(text string) (string, error) {
	text = strings.TrimSpace(text)
	if text == "" {
		return "", errors.New("there is no token in it")
	}
	if strings.ContainsFunc(text, func(r rune) bool { return r <= ' ' || r > '~' }) {
		return "", errors.New("this is not a token: one word on one line is needed")
	}
	return text, nil
}

// fileToken is a token in a file, which is read again when the file changes, so
// that a new token is used without remounting.
type fileToken struct {
	path  string
	parse func([]byte) (string, error)
	log   *slog.Logger

	mu    sync.Mutex
	seen  os.FileInfo // of what was read last
	token string
}

// newFileToken reads the file for the first time.
func newFileToken(path string, parse func([]byte) (string, error), log *slog.Logger) (*fileToken, error) {
	t := &fileToken{path: path, parse: parse, log: log}
	return t, t.read()
}

// get returns the token. A file that is gone or of no use now, as it may be for
// a moment while it is written, leaves the last token in force.
func (t *fileToken) get() (string, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	now, err := os.Stat(t.path)
	// A pipe can be read only once.
	if err != nil || !now.Mode().IsRegular() || t.current(now) {
		return t.token, nil
	}
	if err := t.read(); err != nil {
		t.log.Warn("the token file changed to something unusable; the last token stays in use", "error", err)
	}
	return t.token, nil
}

func (t *fileToken) current(now os.FileInfo) bool {
	return os.SameFile(t.seen, now) && t.seen.Size() == now.Size() && t.seen.ModTime().Equal(now.ModTime())
}

// maxTokenFile bounds what is read of a file that was named by mistake, in bytes.
const maxTokenFile = 1 << 20

func (t *fileToken) read() error {
	f, err := os.Open(t.path)
	if err != nil {
		return err
	}
	defer f.Close()
	// Before the content: a change in between is noticed the next time.
	info, err := f.Stat()
	if err != nil {
		return err
	}
	if info.IsDir() {
		return fmt.Errorf("%s is a folder, not a file with a token", t.path)
	}
	data, err := io.ReadAll(io.LimitReader(f, maxTokenFile))
	if err != nil {
		return err
	}
	t.seen = info
	text, err := t.parse(data)
	if err != nil {
		return fmt.Errorf("%s: %w", t.path, err)
	}
	t.token = text
	return nil
}

// tokenFile is the token in a file that holds nothing else.
func tokenFile(path string, log *slog.Logger) (*token, error) {
	t, err := newFileToken(path, func(b []byte) (string, error) { return checkToken(string(b)) }, log)
	if err != nil {
		return nil, fmt.Errorf("the token file cannot be used: %w", err)
	}
	if t.seen.Mode().IsRegular() && t.seen.Mode().Perm()&0o077 != 0 {
		log.Warn("other users can read the token file: chmod 600 "+shellWord(path), "file", path)
	}
	return &token{source: path, get: t.get}, nil
}
