package cmd

import (
	"errors"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"
)

// writeMode is how changes reach the service.
type writeMode string

const (
	writesBackground writeMode = "background"
	writesThrough    writeMode = "through" // closing and syncing a file wait for the service
)

func parseWrite(s string) (writeMode, error) {
	switch m := writeMode(s); m {
	case writesBackground, writesThrough:
		return m, nil
	}
	return "", errors.New("background or through is needed; with --read-only nothing can be changed")
}

func writeText(m writeMode) string { return string(m) }

const maxSettle = time.Minute

func parseSettle(s string) (time.Duration, error) {
	d, err := time.ParseDuration(s)
	if err != nil || d < 0 || d > maxSettle {
		return 0, errors.New("a duration from 0s to 1m is needed, such as 500ms or 2s")
	}
	return d, nil
}

const maxUploads = 64

func parseUploads(s string) (int, error) {
	n, err := strconv.Atoi(s)
	if err != nil || n < 1 || n > maxUploads {
		return 0, errors.New("a number from 1 to 64 is needed")
	}
	return n, nil
}

// parseLocalOnly adds a pattern to those given before.
func (o *mountOptions) parseLocalOnly(s string) ([]string, error) {
	if _, err := path.Match(s, ""); err != nil || s == "" || strings.Contains(s, "/") {
		return nil, errors.New("a pattern of a name is needed, such as *.tmp or ~*, without /")
	}
	return append(slices.Clip(o.localOnly), s), nil
}

func patternsText(p []string) string { return strings.Join(p, ",") }
