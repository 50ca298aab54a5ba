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
		Short: "Show what the service knows of a file or folder on a drive",
		Args:  cobra.ExactArgs(1),
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
