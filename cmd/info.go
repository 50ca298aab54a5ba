package cmd

import (
	"context"
	"fmt"
	"io"
	"net/url"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"
)

func newInfoCommand() *cobra.Command {
	var asJSON bool
	c := &cobra.Command{
		Use:   "info PATH",
		Short: "Show what is known of a file or folder on a drive",
		Long: `Show what is known of a file or folder on a drive: how programs see it, what
the service has of it, and how the two stand to each other:

  clean       the service has it as it is here
  owed        a change waits to be sent, or to be tried again
  uploading   a change is being sent
  failed      the service refuses a change
  local-only  its name is one that never leaves this machine

What is owed is shown with the last error. Of a file that was changed here and
elsewhere at the same time, both versions are kept, and each names the other.`,
		Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			var i entryInfo
			if err := askAbout(c.Context(), args[0], routeInfo, &i); err != nil {
				return err
			}
			if asJSON {
				return writeJSON(c.OutOrStdout(), i)
			}
			return i.print(c.OutOrStdout())
		},
	}
	c.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return c
}

// askAbout asks the process that serves a path a question about it.
func askAbout(ctx context.Context, path, route string, out any) error {
	m, rel, err := findMount(ctx, path)
	if err != nil {
		return err
	}
	return m.peer.ask(ctx, route, url.Values{"path": {rel}}, out)
}

// print writes what is known, one fact a line.
func (i *entryInfo) print(w io.Writer) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	line := func(name, text string) {
		if text != "" {
			fmt.Fprintf(t, "%s\t%s\n", name, printable(text))
		}
	}
	line("Path", i.Path)
	line("Type", i.Type)
	line("Id", i.ID)
	if i.Size != nil {
		line("Size", fmt.Sprintf("%d bytes (%s)", *i.Size, sizeText(*i.Size)))
	}
	line("State", string(i.State))
	i.lineOwed(line)
	if i.Modified != nil {
		line("Modified", i.Modified.Local().Format(time.DateTime))
	}
	line("Mode", i.Mode)
	line("Status", i.Status)
	line("Content type", i.ContentType)
	line("ETag", i.ETag)
	if i.Updated != nil {
		line("Updated", i.Updated.Local().Format(time.DateTime))
	}
	line("URL", i.URL)
	line("Mount", i.Mountpoint)
	line("Application", i.Application)
	line("Space", i.Space)
	return t.Flush()
}

// lineOwed adds what is owed and what is in conflict.
func (i *entryInfo) lineOwed(line func(name, text string)) {
	if c := i.Owed; c != nil {
		line("Owed since", c.Since.Local().Format(time.DateTime))
		if c.Sent > 0 {
			line("Sent so far", fmt.Sprintf("%s of %s", sizeText(c.Sent), sizeText(c.Bytes)))
		}
		line("Reason", c.Error)
	}
	if i.OwedBelow > 0 {
		line("Owed below", changesText(i.OwedBelow))
	}
	if c := i.Conflict; c != nil && c.Path == i.Path {
		line("Conflict", "changed elsewhere too: that version is "+c.Original)
	} else if c != nil {
		line("Conflict", "changed here too: that version is "+c.Path)
	}
}
