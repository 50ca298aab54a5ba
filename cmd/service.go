package cmd

import (
	"cmp"
	"fmt"
	"log/slog"
	"os"

	"github.com/spf13/pflag"

	"losantfs/remote"
)

// service is whose files are mounted and on whose behalf.
type service struct {
	apiURL      string
	token       *token
	application string // id or name; "" when nobody named one
}

// wanted is what the command line says of the service.
type wanted struct {
	apiURL, tokenFile string
	application       string // id or name
}

// flags registers the flags that say where the service is and who asks.
func (w *wanted) flags(f *pflag.FlagSet) {
	f.StringVar(&w.apiURL, "api-url", "", "`URL` of the API (default "+remote.LosantURL+")")
	f.StringVar(&w.tokenFile, "token-file", "", "`file` that holds the API token and nothing else")
}

// givenURL is the API that a flag or the environment names, "" for none.
func givenURL(flag string) string {
	return trimURL(cmp.Or(flag, os.Getenv("LOSANT_API_URL"), os.Getenv("WEGNOLOGY_API_URL")))
}

// findService puts together what flags, environment, stored tokens and the folder
// dir say.
func findService(w wanted, dir string, log *slog.Logger) (service, error) {
	s := service{application: w.application, apiURL: givenURL(w.apiURL)}
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
	if s.token, err = findToken(s.apiURL, w.tokenFile, log); err != nil {
		return s, err
	}
	// A folder can come from anywhere, and must not make the token go anywhere.
	if _, known := brandOf(s.apiURL); byFolder && !known && !s.token.forURL && !onThisMachine(s.apiURL) {
		return s, fmt.Errorf("%s asks for the API %q, and nothing says that the token (from %s) is for it: if it is, give --api-url %s",
			folder.path, s.apiURL, s.token.source(), shellWord(s.apiURL))
	}
	return s, nil
}
