package cmd

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"

	"losantfs/cache/content"
	"losantfs/cache/outbox"
)

// checkOwed looks at the folders in which mounts keep what they owe. Those in use
// are left to their mounts.
func (d *doctor) checkOwed() {
	nothing := true
	for _, dir := range owedFolders() {
		found, err := outbox.Inspect(dir)
		if err != nil {
			d.say(isProblem, "owed", fmt.Sprintf("%s cannot be read (%v)", dir, err), "")
			nothing = false
		}
		if found.InUse {
			continue
		}
		nothing = nothing && found.Owed+found.Damaged+len(found.Missing)+len(found.Aside) == 0
		d.sayOwed(dir, found)
	}
	if nothing {
		d.say(isOK, "owed", "earlier mounts left no changes", "")
	}
}

// sayOwed says what a mount that has ended left. Nothing of it is ever repaired
// here: it may be the only copy.
func (d *doctor) sayOwed(dir string, found outbox.Inspected) {
	space, _, _ := strings.Cut(filepath.Base(dir), "-")
	app := d.names[filepath.Base(filepath.Dir(dir))]
	of, again := fmt.Sprintf("%s files of %s", space, app), "mount it again"
	switch {
	case app != "":
	case d.asked:
		of, again = space+" files of an application that this token does not see", "mount that one again"
	default:
		of, again = space+" files of an application whose name is not known without the service", "mount that one again"
	}
	if found.Owed > 0 {
		d.say(isWarning, "owed", fmt.Sprintf("%s to %s %s owed", changesText(int64(found.Owed)), of, verb(int64(found.Owed), "is", "are")), again)
	}
	if found.Torn {
		d.say(isOK, "owed", fmt.Sprintf("the last line of %s was not finished, so its change was never made", filepath.Join(dir, "journal")), "")
	}
	if found.Damaged > 0 {
		d.say(isProblem, "owed", fmt.Sprintf("%s of %s cannot be read", countText(int64(found.Damaged), "line"), filepath.Join(dir, "journal")),
			"check the disk and copy this folder; the next mount sets aside what it cannot use, and loses nothing")
	}
	for _, name := range found.Missing {
		d.say(isProblem, "owed", fmt.Sprintf("the content of %s, of the %s, is not in %s", name, of, filepath.Join(dir, "drafts")),
			"restore it from a backup if there is one, or save the file once more")
	}
	for _, path := range found.Aside {
		d.say(isWarning, "owed", path+" was found damaged by a mount, which went on without it", "look whether you need what is in it, and remove it")
	}
}

// checkCache reads all cached content.
func (d *doctor) checkCache(ctx context.Context) {
	cache, err := cacheFolder(d.cacheDir, "")
	if err != nil {
		return // said before
	}
	dir := filepath.Join(cache, "content")
	found, err := content.Check(ctx, dir, d.repair)
	switch {
	case ctx.Err() != nil:
	case err != nil:
		d.failed("cache", err)
	case found.Damaged+int64(found.Unusable) == 0:
		d.say(isOK, "cache", fmt.Sprintf("%s %s right", holdText(found), verb(int64(found.Files), "is", "are")), "")
	default:
		text := fmt.Sprintf("%s of %s and %s cannot be used in %s", countText(found.Damaged, "block"), holdText(found), countText(int64(found.Unusable), "index file"), dir)
		d.mend(isWarning, "cache", text, "drops them; they are fetched again in any case", func() error { return nil })
	}
}

func holdText(found content.Checked) string {
	return fmt.Sprintf("%s (%s)", countText(int64(found.Files), "file"), sizeText(found.Bytes))
}
