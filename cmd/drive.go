package cmd

import (
	"context"
	"fmt"
	"log/slog"
	"path/filepath"
	"sync"

	"losantfs/cache"
	"losantfs/cache/content"
	"losantfs/fs"
	"losantfs/remote"
)

// drive is one mounted application and everything that serves it.
type drive struct {
	o        *mountOptions
	log      *slog.Logger
	client   *remote.Client
	app      remote.Application
	store    *content.Store
	cacheDir string
	spaces   []*cache.Space // that are shown
	earlier  owedSum        // what earlier mounts had left, when this one began
	leftBehind
	control *control
	tokens  *tokenWatch

	mounted kernelMount
	gone    chan struct{} // closed once the kernel has the mount no more
	ended   chan struct{} // closed once nothing is sent any more
	still   []owedChange  // what is owed then; set before ended is closed

	unmounting sync.Mutex      // one try at a time
	rest       context.Context // ends the sending after the mount is gone; nil when nobody said so
}

// openDrive mounts what o and s say at o.mountpoint, which [checkMountpoint] has
// found good. It makes one call for the application and one for each space, at the same
// time, so that what cannot work fails before anything is mounted. Where the service cannot be
// reached, what an earlier mount knew is shown.
func openDrive(ctx context.Context, o *mountOptions, s service, log *slog.Logger) (_ *drive, err error) {
	d := &drive{o: o, log: log, tokens: newTokenWatch(s.token)}
	defer func() {
		if err != nil {
			d.close()
		}
	}()
	d.client, err = remote.New(remote.Config{
		BaseURL: s.apiURL, Token: s.token.get, OnToken: d.tokens.note, Timeout: o.timeout, UserAgent: "losantfs/" + buildVersion(), Logger: log,
	})
	if err != nil {
		return nil, err
	}
	if err := d.openStore(); err != nil {
		return nil, err
	}
	// First, as it waits for a mount before this one that still sends what it owes:
	// that is this one's then.
	folder, err := openSockets()
	if err != nil {
		return nil, err
	}
	listener, err := folder.listen(o.mountpoint)
	if err != nil {
		return nil, err
	}
	if err := d.openApplication(ctx, s); err != nil {
		folder.close(listener)
		return nil, err
	}
	mounted, err := fs.Mount(fs.Options{
		Mountpoint: o.mountpoint, Application: d.app.ID, Spaces: d.spaces, Folders: d.inFolders(),
		UID: o.uid, GID: o.gid, Umask: o.umask, AllowOther: o.allowOther, Logger: log,
	})
	if err != nil {
		folder.close(listener)
		return nil, err
	}
	d.attach(mounted)
	d.control = serveControl(folder, listener, d)
	d.watchLeft()
	d.watchToken()
	return d, nil
}

// openStore opens the cache of content.
func (d *drive) openStore() error {
	var err error
	if d.cacheDir, err = cacheFolder(d.o.cacheDir, d.o.mountpoint); err != nil {
		return err
	}
	d.store, err = content.Open(filepath.Join(d.cacheDir, "content"), d.o.cacheSize, d.log)
	return err
}

// close ends everything but the mount, which must be gone or detached.
func (d *drive) close() {
	d.endLeft()
	d.tokens.end()
	d.closeSpaces()
	if d.store != nil {
		d.store.Close()
	}
	if d.client != nil {
		d.client.Close()
	}
	// Last, as losantfs unmount takes the socket for a sign of life.
	if d.control != nil {
		d.control.close()
	}
}

// names returns the spaces that are shown.
func (d *drive) names() []remote.Space {
	names := make([]remote.Space, len(d.spaces))
	for i, s := range d.spaces {
		names[i] = s.Name()
	}
	return names
}

// inFolders reports whether each space has a folder of its own on the drive. It
// does so also where one of two spaces was left out: paths must not depend on the
// rights of a token.
func (d *drive) inFolders() bool { return len(d.o.spaces) > 1 }

// access says whether the drive can be written to.
func (o *mountOptions) access() string {
	if o.readOnly {
		return "read-only"
	}
	return "writable"
}

// readyLine says that the drive can be used.
func (d *drive) readyLine() string {
	more := d.o.access()
	if n := d.earlier.Owed; n > 0 {
		more += fmt.Sprintf("; %s of an earlier mount %s being sent", changesText(n), verb(n, "is", "are"))
	}
	return fmt.Sprintf("losantfs: mounted %s (%s) at %s: %s (%s)", printable(d.app.Name), d.app.ID, d.o.mountpoint, spaceNames(d.names()), more)
}
