package cmd

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"
)

func newMountCommand() *cobra.Command {
	var o mountOptions
	c := &cobra.Command{
		Use:   "mount [APPLICATION] MOUNTPOINT",
		Short: "Mount the files of an application",
		Long: `Mount the files of an application at an empty folder, and serve them until they
are unmounted or this process is interrupted.

APPLICATION is an id or a name. Without it, the application of the current
folder is taken (.losant/.application.yml, here or further up), or the only one
that the token sees.

The API token is looked for in --token-file, then in LOSANT_API_TOKEN or
WEGNOLOGY_API_TOKEN, then where losantfs login stores it, then where the vendor's
command line tools do (~/.losant and ~/.wegnology). Should the service refuse it
one day, the drive stays, and takes another one over as soon as it is in the file
or was stored by losantfs login; what the environment had cannot change. The API
is the one of --api-url, LOSANT_API_URL, WEGNOLOGY_API_URL or the current folder.

Files and folders can be changed like those of a disk. A change is kept on this
machine first, where it survives the end of this process, and sent once it has
settled: --settle is the pause in which the changes of one save become one.
losantfs flush waits for it, losantfs status shows what is not sent. With --write
through, closing and syncing a file wait for the service and fail when it refuses;
with --read-only every change is refused. Besides the rights to read, the token
needs those to write: file.patch, file.move, file.delete, files.post and the same
for private files, or all.Application.

Swap, lock, trash and thumbnail files never leave this machine (.*.sw?, .~lock.*#,
.DS_Store and so on); --local-only adds patterns of such names.`,
		Example: `  losantfs mount "My application" ~/files
  losantfs mount --daemon --space public 575ec8687ae143cd83dc4a97 /mnt/files
  losantfs mount --read-only "My application" ~/files`,
		Args:              cobra.RangeArgs(1, 2),
		ValidArgsFunction: folders,
		RunE: func(c *cobra.Command, args []string) error {
			o.mountpoint = args[len(args)-1]
			if len(args) == 2 {
				o.application = args[0]
			}
			if err := o.complete(c.Flags()); err != nil {
				return &usageError{c.CommandPath(), err}
			}
			if child := daemonChild(); child != nil {
				return child.report(o.run(c.Context(), child.ready))
			}
			if o.daemon {
				return startDaemon(c.Context(), o.logFile, c.OutOrStdout())
			}
			return o.run(c.Context(), lineTo(c.OutOrStdout()))
		},
	}
	o.register(c.Flags())
	return c
}

// lineTo returns a function that prints a line.
func lineTo(w io.Writer) func(string) {
	return func(line string) { _, _ = fmt.Fprintln(w, line) }
}

// run mounts, calls ready with the line that says so, and serves until the drive
// is unmounted or ctx ends.
func (o *mountOptions) run(ctx context.Context, ready func(string)) error {
	if err := protectMemory(); err != nil {
		return err
	}
	// Who reads the output may leave; the drive stays.
	signal.Ignore(syscall.SIGPIPE)
	log, closeLog, err := o.logger()
	if err != nil {
		return err
	}
	defer closeLog()
	s, err := o.prepare(log)
	if err != nil {
		return err
	}
	d, err := openDrive(ctx, o, s, log)
	if err != nil {
		return err
	}
	defer d.close()
	log.Info("mounted", "mountpoint", o.mountpoint, "application", d.app.ID, "spaces", spaceNames(d.names()), "access", o.access(),
		"api_url", d.client.URL(), "version", buildVersion())
	d.logEarlier()
	ready(d.readyLine())
	return d.serve(ctx)
}

// prepare checks all that can be checked on this machine.
func (o *mountOptions) prepare(log *slog.Logger) (s service, err error) {
	if err := checkFUSE(o.allowOther); err != nil {
		return s, err
	}
	if o.mountpoint, err = checkMountpoint(o.mountpoint, log); err != nil {
		return s, err
	}
	// Without a current folder there are no settings of one.
	dir, _ := os.Getwd()
	return findService(o.wanted, dir, log)
}
