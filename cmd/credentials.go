package cmd

import (
	"cmp"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// findToken returns the token for an API URL: from the given file, else from the
// environment, else from what losantfs login or the vendor's tool has stored. The
// variable of one platform is not taken for the API of the other.
func findToken(apiURL, file string, log *slog.Logger) (*token, error) {
	if file != "" {
		return tokenFile(file, log)
	}
	if name := tokenVariable(apiURL); name != "" {
		return constantToken(name, os.Getenv(name))
	}
	return storedToken(apiURL, log)
}

// tokenVariable returns the variable that has the token for an API, "" for none.
func tokenVariable(apiURL string) string {
	own, known := brandOf(apiURL)
	for _, b := range brands {
		if os.Getenv(b.tokenVariable) != "" && (!known || b == own) {
			return b.tokenVariable
		}
	}
	return ""
}

// loginCommand is the command line that stores a token for an API.
func loginCommand(apiURL string) string {
	if apiURL == brands[0].apiURL {
		return "losantfs login"
	}
	return "losantfs login --api-url " + shellWord(apiURL)
}

// noToken says what to do without a token. others are the APIs there are tokens
// for.
func noToken(apiURL string, others []string) error {
	own, _ := brandOf(apiURL)
	err := &noTokenError{
		text: "there is no API token for " + apiURL,
		todo: fmt.Sprintf("%s, or set %s, or give --token-file FILE", loginCommand(apiURL), cmp.Or(own.tokenVariable, brands[0].tokenVariable)),
	}
	if len(others) > 0 {
		err.todo += "; a token is stored for " + strings.Join(others, ", ") + ", which --api-url chooses"
	}
	return err
}

// noTokenError says that there is no token, and what to do.
type noTokenError struct{ text, todo string }

func (e *noTokenError) Error() string { return e.text + ": " + e.todo }

// credentialsFiles returns the files that hold tokens by API, in the order in which
// they are looked at: the own one, which losantfs login writes, and those of the
// vendor's tools.
func credentialsFiles() []*credentialsFile {
	var files []*credentialsFile
	if path, err := ownCredentials(); err == nil {
		files = append(files, &credentialsFile{file: watchedFile{path: path}})
	}
	if home, err := homeFolder(); err == nil {
		for _, b := range brands {
			files = append(files, &credentialsFile{file: watchedFile{path: filepath.Join(home, b.folder, ".credentials.yml")}, vendor: b})
		}
	}
	return files
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
		return credentials{}, errors.New("this is not a credentials file: it is not the YAML of losantfs login or the vendor's tool")
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

// urls returns the APIs that tokens are there for.
func (c credentials) urls() []string { return slices.Sorted(maps.Keys(c.byURL)) }

// token returns the token for an API, "" when there is none. A token that names
// no API is not shown to that of another platform than the file's.
func (c credentials) token(apiURL string, b brand) string {
	if text := c.byURL[apiURL]; text != "" {
		return text
	}
	if other, known := brandOf(apiURL); known && other != b {
		return ""
	}
	return c.older
}
