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
	o       *mountOptions
	log     *slog.Logger
	client  *remote.Client
	app     remote.Application
	store   *content.Store
	spaces  []*cache.Space
	mounted *fs.Mounted
	control *control

	unmounting sync.Mutex // one try at a time
}

// openDrive mounts what o and s say at o.mountpoint, which [checkMountpoint] has
// found good. It makes one call for the application and one listing of each
// space, so that what cannot work fails before anything is mounted.
func openDrive(ctx context.Context, o *mountOptions, s service, log *slog.Logger) (_ *drive, err error) {
	d := &drive{o: o, log: log}
	defer func() {
		if err != nil {
			d.close()
		}
	}()
	d.client, err = remote.New(remote.Config{
		BaseURL: s.apiURL, Token: s.token.get, Timeout: o.timeout, UserAgent: "losantfs/" + buildVersion(), Logger: log,
	})
	if err != nil {
		return nil, err
	}
	if d.app, err = s.findApplication(ctx, d.client, s.application); err != nil {
		return nil, err
	}
	if err := d.openStore(); err != nil {
		return nil, err
	}
	if err := d.openSpaces(ctx, s); err != nil {
		return nil, err
	}
	folder, err := openSockets()
	if err != nil {
		return nil, err
	}
	listener, err := folder.listen(o.mountpoint)
	if err != nil {
		return nil, err
	}
	d.mounted, err = fs.Mount(fs.Options{
		Mountpoint: o.mountpoint, Application: d.app.ID, Spaces: d.spaces, Folders: d.inFolders(),
		UID: o.uid, GID: o.gid, Umask: o.umask, AllowOther: o.allowOther, Logger: log,
	})
	if err != nil {
		folder.close(listener)
		return nil, err
	}
	d.control = serveControl(folder, listener, d)
	return d, nil
}

// openStore opens the cache of content.
func (d *drive) openStore() error {
	dir, err := cacheFolder(d.o.cacheDir, d.o.mountpoint)
	if err != nil {
		return err
	}
	d.store, err = content.Open(filepath.Join(dir, "content"), d.o.cacheSize, d.log)
	return err
}

// close ends everything but the mount, which must be gone or detached.
func (d *drive) close() {
	for _, s := range d.spaces {
		s.Close()
	}
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

// readyLine says that the drive can be used.
func (d *drive) readyLine() string {
	return fmt.Sprintf("losantfs: mounted %s (%s) at %s: %s", printable(d.app.Name), d.app.ID, d.o.mountpoint, spaceNames(d.names()))
}
