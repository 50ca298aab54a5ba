package outbox

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"losantfs/cache/draft"
	"losantfs/remote"
)

// Aside is a file that was found damaged, or that nobody knows the place of. It is
// kept for people to look at until they remove it, and is not used.
type Aside struct {
	Path   string    `json:"path"` // on this machine, outside of the drive
	Reason string    `json:"reason"`
	Since  time.Time `json:"since"`
}

// Why a draft was set aside: a part of its name.
const (
	unnamed       = "unnamed"
	contradictory = "contradictory"
	unreadable    = "unreadable"
)

var reasons = map[string]string{
	unnamed:       "what was written into a file of which no record is left",
	contradictory: "what was written into a file whose records contradict each other",
	unreadable:    "what was written into a file; what of it counts cannot be read, so parts may be missing",
	"":            "it was found damaged; what could be read of it counts",
}

const (
	damagedExt  = ".damaged-"
	asideFolder = "set-aside"
	asideTime   = "20060102T150405.000000Z"
)

// damagedName returns the name under which a file of the outbox is set aside.
func damagedName(path string) string { return path + damagedExt + asideNow() }

func asideNow() string { return time.Now().UTC().Format(asideTime) }

// makeWay sets aside what has the name of a file or folder of the outbox and is
// none.
func makeWay(path string, is func(fs.FileMode) bool) error {
	info, err := os.Stat(path)
	if err == nil && is(info.Mode()) || !exists(path) {
		return nil
	}
	return os.Rename(path, damagedName(path))
}

func exists(path string) bool {
	_, err := os.Lstat(path)
	return err == nil
}

// setAside moves a draft to where people find it: into "set-aside", named after the
// time, the reason, its number and its file.
func (b *Outbox) setAside(id uint64, reason, name string) error {
	from := b.draftPath(id)
	if !exists(from) {
		draft.Remove(from)
		return nil
	}
	to := filepath.Join(b.o.Dir, asideFolder)
	if err := os.MkdirAll(to, 0o700); err != nil {
		return err
	}
	stem := strings.Join([]string{asideNow(), reason, strconv.FormatUint(id, 10)}, "-")
	file := stem
	if remote.ValidName(name) && len(stem)+1+len(name) <= remote.MaxName {
		file += "-" + name
	}
	if err := os.Rename(from, filepath.Join(to, file)); err != nil {
		return err
	}
	b.log.Error("the content of a changed file was set aside", "file", filepath.Join(to, file), "reason", reasons[reason])
	err := os.Rename(from+draft.BlocksExt, filepath.Join(to, stem+draft.BlocksExt))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

// SetAside returns what was set aside in the folder of an outbox, whether it is open
// or not.
func SetAside(dir string) (all []Aside, err error) {
	own, err := os.ReadDir(dir)
	for _, f := range own {
		if _, at, ok := strings.Cut(f.Name(), damagedExt); ok {
			all = append(all, asideOf(filepath.Join(dir, f.Name()), at, ""))
		}
	}
	drafts, draftsErr := os.ReadDir(filepath.Join(dir, asideFolder))
	for _, f := range drafts {
		part := strings.SplitN(f.Name(), "-", 4)
		if len(part) < 3 || len(part) == 3 && strings.HasSuffix(part[2], draft.BlocksExt) {
			continue
		}
		all = append(all, asideOf(filepath.Join(dir, asideFolder, f.Name()), part[0], part[1]))
	}
	for _, e := range []error{err, draftsErr} {
		if e != nil && !errors.Is(e, fs.ErrNotExist) {
			return all, fmt.Errorf("looking for what was set aside: %w", e)
		}
	}
	return all, nil
}

func asideOf(path, at, reason string) Aside {
	since, _ := time.Parse(asideTime, at)
	return Aside{Path: path, Reason: reasons[reason], Since: since}
}
