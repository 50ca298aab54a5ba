package cmd

import (
	"net"
	"net/url"
	"os"
	"os/user"
	"strings"

	"losantfs/remote"
)

// brand is one platform with the folder of the vendor's own command line tool,
// whose files are read here and never written, and the variable that tool takes a
// token from.
type brand struct{ folder, apiURL, tokenVariable string }

var brands = []brand{
	{".losant", remote.LosantURL, "LOSANT_API_TOKEN"},
	{".wegnology", remote.WEGnologyURL, "WEGNOLOGY_API_TOKEN"},
}

// defaultURL is the API where nothing names one: that of the platform whose token
// is set, so that it does not go to the other.
func defaultURL() string {
	for _, b := range brands {
		if os.Getenv(b.tokenVariable) != "" {
			return b.apiURL
		}
	}
	return remote.LosantURL
}

// brandOf returns the platform an API URL belongs to, or false for one of an
// installation of its own.
func brandOf(apiURL string) (brand, bool) {
	for _, b := range brands {
		if b.apiURL == apiURL {
			return b, true
		}
	}
	return brand{}, false
}

// trimURL makes API URLs comparable.
func trimURL(s string) string { return strings.TrimRight(strings.TrimSpace(s), "/") }

// onThisMachine reports whether a URL leads no further than loopback.
func onThisMachine(apiURL string) bool {
	u, err := url.Parse(apiURL)
	if err != nil {
		return false
	}
	ip := net.ParseIP(u.Hostname())
	return u.Hostname() == "localhost" || ip != nil && ip.IsLoopback()
}

// homeFolder returns the user's home, also where the environment does not name
// it, as when mount(8) starts this program.
func homeFolder() (string, error) {
	home, err := os.UserHomeDir()
	if err == nil {
		return home, nil
	}
	if u, lookupErr := user.Current(); lookupErr == nil && u.HomeDir != "" {
		return u.HomeDir, nil
	}
	return "", err
}
