package cmd

import (
	"context"
	"fmt"
	"io"
	"maps"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"losantfs/remote/emulator"
)

// emulatorOptions are the flags of losantfs emulator.
type emulatorOptions struct {
	dir, listen string
	samples     bool
	set         []string
}

func newEmulatorCommand() *cobra.Command {
	var o emulatorOptions
	var list bool
	c := &cobra.Command{
		Use:   "emulator",
		Short: "Serve the Losant file API from a folder on this machine",
		Long: "Serve the Losant file API from a folder on this machine, for development and tests.\n" +
			"It runs in the foreground until it is interrupted. What the real service may do either way,\n" +
			"and faults to test against, are switches: see --list-switches. They are set with --set, or\n" +
			"while it runs by a POST of names and values, which are strings:\n\n" +
			"  curl -d '{\"down\": \"true\", \"latency\": \"200ms\"}' URL/_emulator/switches",
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			if list {
				return listSwitches(c.OutOrStdout())
			}
			ctx, stop := signal.NotifyContext(c.Context(), os.Interrupt, syscall.SIGTERM)
			defer stop()
			return o.run(ctx, c.OutOrStdout())
		},
	}
	c.Flags().StringVar(&o.dir, "dir", "", "state folder (default: a temporary one, removed at exit)")
	c.Flags().StringVar(&o.listen, "listen", "127.0.0.1:0", "loopback `address` of the API")
	c.Flags().BoolVar(&o.samples, "samples", false, "begin with sample files")
	c.Flags().StringArrayVar(&o.set, "set", nil, "set a switch, as `name=value`; may be repeated")
	c.Flags().BoolVar(&list, "list-switches", false, "print the switches and exit")
	return c
}

// run serves until ctx ends.
func (o *emulatorOptions) run(ctx context.Context, out io.Writer) error {
	// Who reads the output may leave; the folder is still removed.
	signal.Ignore(syscall.SIGPIPE)
	dir := o.dir
	if dir == "" {
		var err error
		if dir, err = os.MkdirTemp("", "losantfs-emulator-"); err != nil {
			return err
		}
		defer os.RemoveAll(dir)
	}
	s, err := emulator.Start(emulator.Config{Dir: dir, Listen: o.listen})
	if err != nil {
		return err
	}
	defer s.Close()
	for _, pair := range o.set {
		name, value, ok := strings.Cut(pair, "=")
		if !ok {
			return fmt.Errorf("--set %s: name=value is needed", pair)
		}
		if err := s.Set(name, value); err != nil {
			return fmt.Errorf("--set %s: %w", pair, err)
		}
	}
	if o.samples {
		if err := s.Samples(s.Application()); err != nil {
			return err
		}
	}
	token, err := filepath.Abs(filepath.Join(dir, "token"))
	if err != nil {
		return err
	}
	if err := os.WriteFile(token, []byte(s.Token()+"\n"), 0o600); err != nil {
		return err
	}
	fmt.Fprintf(out, `API          %s
Application  %s
Token        %s (a file only you can read)

To use it from another terminal:
  export LOSANT_API_URL=%s
  export LOSANT_API_TOKEN="$(cat '%s')"
  losantfs mount %s MOUNTPOINT

Switches and counts: %s/_emulator/switches and /_emulator/counts. Ctrl-C stops.
`, s.URL(), s.Application(), token, s.URL(), token, s.Application(), s.URL())
	<-ctx.Done()
	if err := s.Close(); err != nil {
		return err
	}
	printCounts(out, s.Counts())
	return nil
}

func printCounts(out io.Writer, n emulator.Counts) {
	fmt.Fprintf(out, "\n%d API calls", n.Total())
	for i, op := range slices.Sorted(maps.Keys(n.Calls)) {
		if i == 0 {
			fmt.Fprint(out, ";")
		}
		fmt.Fprintf(out, " %s %d", op, n.Calls[op])
	}
	fmt.Fprintf(out, "\n%d errors, %d bytes in, %d bytes out, %d leaked tokens, %d connections\n",
		n.Errors, n.BytesIn, n.BytesOut, n.Leaks, n.Connections)
}

func listSwitches(out io.Writer) error {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	for _, sw := range emulator.DefaultSwitches() {
		fmt.Fprintf(w, "%s\t[%s]\t%s\n", sw.Name, sw.Default, sw.Help)
	}
	return w.Flush()
}
