package cmd

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"go.yaml.in/yaml/v3"
)

// ownCredentials returns the path of the file in which losantfs login stores tokens,
// by API.
func ownCredentials() (string, error) {
	folder, err := userFolder("XDG_CONFIG_HOME", defaultConfig)
	return filepath.Join(folder, "credentials.yml"), err
}

// changeCredentials makes change to the stored tokens, by API, and returns the path
// of their file. Who reads it at the same time sees it as before or as after.
func changeCredentials(change func(byURL map[string]string)) (string, error) {
	path, err := ownCredentials()
	if err != nil {
		return "", err
	}
	folder := filepath.Dir(path)
	if err := makeOwnFolder(folder); err != nil {
		return "", fmt.Errorf("the folder for credentials cannot be used: %w; another can be given as XDG_CONFIG_HOME", err)
	}
	unlock, err := lockFolder(folder)
	if err != nil {
		return "", err
	}
	defer unlock()
	data, err := os.ReadFile(path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return "", err
	}
	now, err := parseCredentials(data)
	if err != nil {
		return "", fmt.Errorf("%s: %w: remove it, and log in again", path, err)
	}
	change(now.byURL)
	if len(now.byURL) == 0 {
		if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return "", err
		}
		return path, nil
	}
	return path, writeCredentials(path, now.byURL)
}

func writeCredentials(path string, byURL map[string]string) error {
	type fields struct {
		Token string `yaml:"apiToken"`
	}
	all := map[string]fields{}
	for url, text := range byURL {
		all[url] = fields{text}
	}
	data, err := yaml.Marshal(all)
	if err != nil {
		return errors.New("the credentials cannot be written as YAML") // whose error may quote them
	}
	f, err := os.CreateTemp(filepath.Dir(path), ".credentials-*") // mode 0600
	if err != nil {
		return err
	}
	defer os.Remove(f.Name())
	_, err = f.Write(data)
	if err := errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	return os.Rename(f.Name(), path)
}
