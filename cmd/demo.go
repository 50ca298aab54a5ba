package cmd

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"os/signal"
	"path/filepath"
	"strconv"
	"syscall"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"losantfs/remote/emulator"
)

func newDemoCommand() *cobra.Command {
	var once bool
	c := &cobra.Command{
		Use:   "demo [MOUNTPOINT]",
		Short: "Mount a made-up application to look around in, without an account",
		Long: `Mount a made-up application to look around in, without an account. The service
is played by a part of this program; nothing leaves this machine, and nothing
stays once the demo ends.`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			// In a pipeline nobody looks around or presses Ctrl-C.
			if ci, err := strconv.ParseBool(os.Getenv("CI")); err == nil && ci {
				once = true
			}
			mountpoint := ""
			if len(args) == 1 {
				mountpoint = args[0]
			}
			return runDemo(c.Context(), c.OutOrStdout(), mountpoint, once)
		},
	}
	c.Flags().BoolVar(&once, "once", false, "print what is there, unmount and exit (so too where CI=true is set)")
	return c
}

// runDemo mounts the samples of an emulator of its own and shows them until ctx
// ends, or just once. Everything it makes is removed.
func runDemo(ctx context.Context, out io.Writer, mountpoint string, once bool) (err error) {
	// Who reads the output may leave; the demo still cleans up.
	signal.Ignore(syscall.SIGPIPE)
	log := slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelWarn}))
	if err := checkFUSE(false); err != nil {
		return err
	}
	if mountpoint == "" {
		var remove func()
		if mountpoint, remove, err = makeDemoFolder(log); err != nil {
			return err
		}
		defer remove()
	}
	if mountpoint, err = checkMountpoint(mountpoint, log); err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "losantfs-demo-data-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	e, err := emulator.Start(emulator.Config{Dir: filepath.Join(dir, "service"), Logger: log})
	if err != nil {
		return err
	}
	defer e.Close()
	if err := e.Samples(e.Application()); err != nil {
		return err
	}
	d, err := openDemo(ctx, e, mountpoint, dir, log)
	if err != nil {
		return err
	}
	defer d.close()
	err = d.present(ctx, newPaint(out), once)
	if once || err != nil && ctx.Err() == nil { // Ctrl-C is no failure
		return errors.Join(err, d.end())
	}
	if err := d.serve(ctx); err != nil {
		return err
	}
	_, err = fmt.Fprintln(out, "\nThe demo has ended; nothing of it is left.")
	return err
}

// openDemo mounts the application of an emulator with the defaults of losantfs
// mount, but for its folders, which are in dir.
func openDemo(ctx context.Context, e *emulator.Server, mountpoint, dir string, log *slog.Logger) (*drive, error) {
	var o mountOptions
	o.register(pflag.NewFlagSet("demo", pflag.ContinueOnError))
	o.mountpoint, o.cacheDir, o.owedDir = mountpoint, filepath.Join(dir, "cache"), filepath.Join(dir, "owed")
	t, err := constantToken("the demo", e.Token())
	if err != nil {
		return nil, err
	}
	return openDrive(ctx, &o, service{apiURL: e.URL(), token: t, application: e.Application()}, log)
}

// end takes the drive away, whoever looks at it.
func (d *drive) end() error {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	return d.serve(ctx)
}

// makeDemoFolder makes a folder with a name to remember, or where that is taken
// one beside it, and returns it with what removes it.
func makeDemoFolder(log *slog.Logger) (string, func(), error) {
	path := filepath.Join(demoParent(), "losantfs-demo")
	err := os.Mkdir(path, 0o700)
	if errors.Is(err, fs.ErrExist) && !isFree(path, log) {
		path, err = os.MkdirTemp(demoParent(), "losantfs-demo-")
	} else if errors.Is(err, fs.ErrExist) {
		err = nil
	}
	return path, func() { _ = os.Remove(path) }, err
}

// isFree reports whether an earlier demo of this user left the folder.
func isFree(path string, log *slog.Logger) bool {
	if _, err := checkMountpoint(path, log); err != nil {
		return false
	}
	info, err := os.Lstat(path)
	if err != nil || !info.IsDir() {
		return false
	}
	st, ok := info.Sys().(*syscall.Stat_t)
	return ok && int(st.Uid) == os.Geteuid()
}
