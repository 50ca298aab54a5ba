package cmd

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"strings"
	"sync"
)

// token is where the API token comes from.
type token struct {
	// source names that for people: a variable or a file.
	source func() string
	// forURL is set where the source says which API the token is for.
	forURL bool
	// get returns the token as it is now. It never puts it into an error.
	get func() (string, error)
	// renewal says how a program that runs gets another token from there.
	renewal string
	// another says how a program that is started gets another one, where that differs.
	another string
}

// constantToken is a token that cannot change, from the environment.
func constantToken(source, text string) (*token, error) {
	text, err := checkToken(text)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", source, err)
	}
	return &token{
		source: func() string { return source }, get: func() (string, error) { return text, nil },
		renewal: "a program that runs gets no other environment: unmount, and mount again with a new token",
		another: "set " + source + " to a new token",
	}, nil
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

// watchedFile is a small file that is read again when it changes.
type watchedFile struct {
	path string
	seen os.FileInfo // of what was read last, nil before and when it was gone
}

// maxTokenFile bounds what is read of a file that was named by mistake, in bytes.
const maxTokenFile = 1 << 20

// read returns the content, and false when it is what was read last.
func (w *watchedFile) read() (data []byte, changed bool, err error) {
	if w.seen != nil {
		now, err := os.Stat(w.path)
		if err != nil {
			return nil, false, err
		}
		// A pipe can be read only once.
		if !now.Mode().IsRegular() || w.isSeen(now) {
			return nil, false, nil
		}
	}
	f, err := os.Open(w.path)
	if err != nil {
		return nil, false, err
	}
	defer f.Close()
	// Before the content: a change in between is noticed the next time.
	info, err := f.Stat()
	if err != nil {
		return nil, false, err
	}
	if info.IsDir() {
		return nil, false, fmt.Errorf("%s is a folder, not a file with a token", w.path)
	}
	data, err = io.ReadAll(io.LimitReader(f, maxTokenFile))
	if err == nil {
		w.seen = info
	}
	return data, err == nil, err
}

func (w *watchedFile) isSeen(now os.FileInfo) bool {
	return os.SameFile(w.seen, now) && w.seen.Size() == now.Size() && w.seen.ModTime().Equal(now.ModTime())
}

// warnOpen says that other users can read the file.
func (w *watchedFile) warnOpen(log *slog.Logger) {
	if isOpenToOthers(w.seen) {
		log.Warn("other users can read the token file: chmod 600 "+shellWord(w.path), "file", w.path)
	}
}

func isOpenToOthers(info os.FileInfo) bool {
	return info.Mode().IsRegular() && info.Mode().Perm()&0o077 != 0
}

// fileToken is a token in a file that holds nothing else. A new one is used
// without remounting.
type fileToken struct {
	log *slog.Logger

	mu    sync.Mutex
	file  watchedFile
	token string
	said  string // in the log, of what the file is now
}

// tokenFile reads the file for the first time.
func tokenFile(path string, log *slog.Logger) (*token, error) {
	t := &fileToken{log: log, file: watchedFile{path: path}}
	if err := t.read(); err != nil {
		return nil, fmt.Errorf("the token file cannot be used: %w", err)
	}
	t.file.warnOpen(log)
	return &token{source: func() string { return path }, get: t.get, renewal: "write a new token into " + shellWord(path)}, nil
}

// get returns the token. A file that is gone or of no use now, as it may be for
// a moment while it is written, leaves the last token in force.
func (t *fileToken) get() (string, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	said := ""
	if err := t.read(); err != nil && !errors.Is(err, fs.ErrNotExist) {
		said = err.Error()
	}
	if said != "" && said != t.said {
		t.log.Warn("the token file changed to something unusable; the last token stays in use", "error", said)
	}
	t.said = said
	return t.token, nil
}

func (t *fileToken) read() error {
	data, changed, err := t.file.read()
	if err != nil || !changed {
		return err
	}
	text, err := checkToken(string(data))
	if err != nil {
		return fmt.Errorf("%s: %w", t.file.path, err)
	}
	t.token = text
	return nil
}
