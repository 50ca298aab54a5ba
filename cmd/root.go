package cmd

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// usageError is a command line that was not understood.
type usageError struct {
	command string
	err     error
}

func (e *usageError) Error() string {
	return fmt.Sprintf("%v\nSee: %s --help", e.err, e.command)
}

func (e *usageError) Unwrap() error { return e.err }

// Execute runs the command line and returns the exit code of the process: 1
// after a failure, 2 when the command line was not understood, 3 when something
// stays owed.
func Execute() int {
	ctx, stop := untilSignal()
	defer stop()
	root := newRootCommand()
	root.SetArgs(fromMountHelper(root, os.Args[1:]))
	err := root.ExecuteContext(ctx)
	if err == nil {
		return 0
	}
	if errors.Is(err, context.Canceled) && ctx.Err() != nil {
		err = errors.New("interrupted")
	}
	fmt.Fprintf(os.Stderr, "losantfs: %s\n", strings.TrimSpace(err.Error()))
	if _, ok := errors.AsType[*usageError](err); ok {
		return 2
	}
	if _, ok := errors.AsType[*owedError](err); ok {
		return exitOwed
	}
	return 1
}

// fromMountHelper translates how mount(8)'s helper for FUSE calls a file system,
// "SOURCE MOUNTPOINT -o WORDS" (mount.fuse3(8)), which wants it to go on in the
// background. Any other command line stays as it is.
func fromMountHelper(root *cobra.Command, args []string) []string {
	if len(args) < 3 || args[2] != "-o" {
		return args
	}
	for _, c := range root.Commands() {
		if c.Name() == args[0] || c.HasAlias(args[0]) {
			return args
		}
	}
	return append([]string{"mount", "--daemon"}, args...)
}

// untilSignal returns a context that ends with the first signal to stop. The
// second one ends the process in the usual way, should stopping take too long.
func untilSignal() (context.Context, context.CancelFunc) {
	signals := []os.Signal{os.Interrupt, syscall.SIGTERM}
	// Under nohup a closed terminal is no reason to stop.
	if !signal.Ignored(syscall.SIGHUP) {
		signals = append(signals, syscall.SIGHUP)
	}
	ctx, stop := signal.NotifyContext(context.Background(), signals...)
	context.AfterFunc(ctx, stop)
	return ctx, stop
}

func newRootCommand() *cobra.Command {
	root := &cobra.Command{
		Use:   "losantfs",
		Short: "Mount the files of a Losant or WEGnology application as a drive",
		Long: "losantfs mounts the public and private files of a Losant or WEGnology application\n" +
			"as a drive. To see it without an account: losantfs demo",
		Version:       buildVersion(),
		SilenceUsage:  true,
		SilenceErrors: true,
		Args:          noSuchCommand,
		RunE:          func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	root.AddCommand(newMountCommand(), newUnmountCommand(), newFlushCommand(), newStatusCommand(), newInfoCommand(), newURLCommand(),
		newLoginCommand(), newLogoutCommand(), newAppsCommand(), newDoctorCommand(), newDemoCommand(), newEmulatorCommand(), newVersionCommand())
	root.SetFlagErrorFunc(func(c *cobra.Command, err error) error { return &usageError{c.CommandPath(), flagError(err)} })
	for _, c := range root.Commands() {
		c.Args = showUsage(c.Args)
		completeFlags(c)
	}
	return root
}

// flagError says which flag has which wrong value. Of a list in the words of
// fstab it shows only the name of the wrong word: others may hold a secret.
func flagError(err error) error {
	wrong, ok := errors.AsType[*pflag.InvalidValueError](err)
	switch {
	case !ok:
		return err
	case wrong.GetFlag().Name == "options":
		return fmt.Errorf("-o: %w", flagError(wrong.Unwrap()))
	}
	return fmt.Errorf("--%s %q: %w", wrong.GetFlag().Name, wrong.GetValue(), wrong.Unwrap())
}

// showUsage makes the error of wrong arguments show the right ones.
func showUsage(args cobra.PositionalArgs) cobra.PositionalArgs {
	return func(c *cobra.Command, got []string) error {
		if args(c, got) != nil {
			return &usageError{c.CommandPath(), fmt.Errorf("wrong arguments; it is used as: %s", c.UseLine())}
		}
		return nil
	}
}

func noSuchCommand(c *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	err := fmt.Errorf("there is no command %q", args[0])
	if near := c.SuggestionsFor(args[0]); len(near) > 0 {
		err = fmt.Errorf("%w: is %s meant?", err, strings.Join(near, " or "))
	}
	return &usageError{c.CommandPath(), err}
}
