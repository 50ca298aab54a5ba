package cmd

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// findToken returns the token for an API URL: from the given file, else from the
// environment, else from what the vendor's tool has stored. The variable of one
// platform is not taken for the API of the other.
func findToken(apiURL, file string, log *slog.Logger) (*token, error) {
	if file != "" {
		return tokenFile(file, log)
	}
	own, known := brandOf(apiURL)
	for _, b := range brands {
		if text := os.Getenv(b.tokenVariable); text != "" && (!known || b == own) {
			return constantToken(b.tokenVariable, text)
		}
	}
	var others []string // API URLs there are tokens for
	if home, err := homeFolder(); err == nil {
		for _, b := range brands {
			t, urls, err := storedToken(filepath.Join(home, b.folder, ".credentials.yml"), apiURL, b, log)
			if t != nil || err != nil {
				return t, err
			}
			others = append(others, urls...)
		}
	}
	err := fmt.Errorf("there is no API token for %s: set %s, give --token-file FILE, or log in with the vendor's command line tool",
		apiURL, cmp.Or(own.tokenVariable, brands[0].tokenVariable))
	if len(others) > 0 {
		err = fmt.Errorf("%w\nA token is stored for %s: choose it with --api-url", err, strings.Join(others, ", "))
	}
	return nil, err
}

// storedToken returns the token of a credentials file, or nil and the API URLs
// the file is for instead.
func storedToken(path, apiURL string, b brand, log *slog.Logger) (*token, []string, error) {
	data, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil, nil
	}
	if err != nil {
		return nil, nil, fmt.Errorf("the stored token cannot be read: %w", err)
	}
	stored, err := parseCredentials(data)
	if err != nil {
		return nil, nil, fmt.Errorf("%s: %w", path, err)
	}
	if stored.token(apiURL, b) == "" {
		return nil, slices.Sorted(maps.Keys(stored.byURL)), nil
	}
	t, err := newFileToken(path, func(data []byte) (string, error) {
		stored, err := parseCredentials(data)
		if err != nil {
			return "", err
		}
		return checkToken(stored.token(apiURL, b))
	}, log)
	if err != nil {
		return nil, nil, err
	}
	return &token{source: path, forURL: stored.byURL[apiURL] != "", get: t.get}, nil, nil
}

// credentials are the content of a credentials file.
type credentials struct {
	byURL map[string]string
	older string // the only token of the older form, which names no API
}

// parseCredentials reads both forms of the file. Its errors leave out what the
// YAML library says, which quotes the content.
func parseCredentials(data []byte) (credentials, error) {
	var top map[string]any
	if err := yaml.Unmarshal(data, &top); err != nil {
		return credentials{}, errors.New("this is not a credentials file: it is not the YAML that the vendor's tool writes")
	}
	c := credentials{byURL: map[string]string{}}
	c.older, _ = top["apiToken"].(string)
	for key, below := range top {
		fields, _ := below.(map[string]any)
		if text, ok := fields["apiToken"].(string); ok && text != "" {
			c.byURL[trimURL(key)] = text
		}
	}
	return c, nil
}

// token returns the token for an API, "" when there is none. A token that names
// no API is not shown to that of another platform.
func (c credentials) token(apiURL string, b brand) string {
	if text := c.byURL[apiURL]; text != "" {
		return text
	}
	if other, known := brandOf(apiURL); known && other != b {
		return ""
	}
	return c.older
}
