package cmd

import (
	"cmp"
	"fmt"
	"log/slog"
	"os"
)

// service is whose files are mounted and on whose behalf.
type service struct {
	apiURL      string
	token       *token
	application string // id or name; "" when nobody named one
}

// findService puts together what flags, environment, the vendor's files and the
// folder dir say.
func findService(o *mountOptions, dir string, log *slog.Logger) (service, error) {
	s := service{
		application: o.application,
		apiURL:      trimURL(cmp.Or(o.apiURL, os.Getenv("LOSANT_API_URL"), os.Getenv("WEGNOLOGY_API_URL"))),
	}
	var folder folderSettings
	if s.apiURL == "" || s.application == "" {
		var err error
		if folder, err = findFolderSettings(dir); err != nil {
			return service{}, err
		}
	}
	s.application = cmp.Or(s.application, folder.ApplicationID)
	byFolder := s.apiURL == "" && folder.APIURL != ""
	s.apiURL = cmp.Or(s.apiURL, folder.APIURL, defaultURL())
	var err error
	if s.token, err = findToken(s.apiURL, o.tokenFile, log); err != nil {
		return service{}, err
	}
	// A folder can come from anywhere, and must not make the token go anywhere.
	if _, known := brandOf(s.apiURL); byFolder && !known && !s.token.forURL && !onThisMachine(s.apiURL) {
		return service{}, fmt.Errorf("%s asks for the API %q, and nothing says that the token (from %s) is for it: if it is, give --api-url %s",
			folder.path, s.apiURL, s.token.source, shellWord(s.apiURL))
	}
	return s, nil
}
