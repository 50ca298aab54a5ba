package cmd

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

	"go.yaml.in/yaml/v3"

	"losantfs/remote"
)

// folderSettings are what the vendor's tool keeps in a project's folder: which
// application the folder belongs to.
type folderSettings struct {
	ApplicationID string `yaml:"applicationId"`
	APIURL        string `yaml:"apiUrl"`

	path string
}

// findFolderSettings reads the settings of the nearest folder that has some, from
// dir upwards. They are empty when there is none.
func findFolderSettings(dir string) (folderSettings, error) {
	for {
		for _, b := range brands {
			path := filepath.Join(dir, b.folder, ".application.yml")
			data, err := os.ReadFile(path)
			// A folder that may not be looked into says nothing.
			if errors.Is(err, fs.ErrNotExist) || errors.Is(err, fs.ErrPermission) || errors.Is(err, syscall.ENOTDIR) {
				continue
			}
			if err != nil {
				return folderSettings{}, err
			}
			return parseFolderSettings(path, data)
		}
		parent := filepath.Dir(dir)
		if parent == dir {
			return folderSettings{}, nil
		}
		dir = parent
	}
}

func parseFolderSettings(path string, data []byte) (folderSettings, error) {
	s := folderSettings{path: path}
	if err := yaml.Unmarshal(data, &s); err != nil {
		return s, fmt.Errorf("%s: %w", path, err)
	}
	if s.ApplicationID != "" && !remote.ValidID(s.ApplicationID) {
		return s, fmt.Errorf("%s: applicationId %q is not an id: 24 hexadecimal digits are needed", path, s.ApplicationID)
	}
	s.APIURL = trimURL(s.APIURL)
	return s, nil
}
