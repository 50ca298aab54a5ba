package cmd

import (
	"errors"
	"fmt"
	"log/slog"
	"math"
	"strconv"
	"strings"

	"github.com/dustin/go-humanize"

	"losantfs/remote"
)

// value is a flag of a type the flag library does not know.
type value[T any] struct {
	to     *T
	kind   string // shown in the help
	parse  func(string) (T, error)
	format func(T) string
}

// newValue sets *to to initial and returns the flag that changes it.
func newValue[T any](to *T, initial T, kind string, parse func(string) (T, error), format func(T) string) *value[T] {
	*to = initial
	return &value[T]{to, kind, parse, format}
}

func (v *value[T]) Set(s string) error {
	parsed, err := v.parse(s)
	if err == nil {
		*v.to = parsed
	}
	return err
}

func (v *value[T]) String() string {
	if v.to == nil {
		return ""
	}
	return v.format(*v.to)
}

func (v *value[T]) Type() string { return v.kind }

// bothSpaces are those of an application, in the order they are shown.
var bothSpaces = []remote.Space{remote.Public, remote.Private}

func parseSpaces(s string) ([]remote.Space, error) {
	switch s {
	case "both":
		return bothSpaces, nil
	case string(remote.Public), string(remote.Private):
		return []remote.Space{remote.Space(s)}, nil
	}
	return nil, errors.New("both, public or private is needed")
}

// spacesWord is the inverse of parseSpaces.
func spacesWord(spaces []remote.Space) string {
	if len(spaces) == 1 {
		return string(spaces[0])
	}
	return "both"
}

// spaceNames lists spaces for people.
func spaceNames(spaces []remote.Space) string {
	names := make([]string, len(spaces))
	for i, s := range spaces {
		names[i] = string(s)
	}
	return strings.Join(names, ", ")
}

func parseSize(s string) (int64, error) {
	n, err := humanize.ParseBytes(s)
	if err != nil || n > math.MaxInt64 {
		return 0, errors.New("a size such as 500M, 10G or 8GiB is needed")
	}
	return int64(n), nil
}

// sizeText writes a number of bytes for people.
func sizeText(n int64) string { return humanize.Bytes(uint64(max(0, n))) }

func parseID(s string) (uint32, error) {
	n, err := strconv.ParseUint(s, 10, 32)
	if err != nil {
		return 0, errors.New("a number such as 1000 is needed")
	}
	return uint32(n), nil
}

func idText(n uint32) string { return strconv.FormatUint(uint64(n), 10) }

func parseUmask(s string) (uint32, error) {
	n, err := strconv.ParseUint(s, 8, 32)
	if err != nil || n > 0o777 {
		return 0, errors.New("three octal digits such as 022 are needed")
	}
	return uint32(n), nil
}

func umaskText(n uint32) string { return fmt.Sprintf("%03o", n) }

func parseLevel(s string) (slog.Level, error) {
	var l slog.Level
	if err := l.UnmarshalText([]byte(s)); err != nil {
		return 0, errors.New("debug, info, warn or error is needed")
	}
	return l, nil
}

func levelText(l slog.Level) string { return strings.ToLower(l.String()) }

func parseLogFormat(s string) (string, error) {
	if s != "text" && s != "json" {
		return "", errors.New("text or json is needed")
	}
	return s, nil
}
