package cmd

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"losantfs/remote"
)

func newAppsCommand() *cobra.Command {
	var w wanted
	var asJSON bool
	c := &cobra.Command{
		Use:               "apps",
		Short:             "List the applications that the token sees",
		Args:              cobra.NoArgs,
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(c *cobra.Command, _ []string) error {
			if err := protectMemory(); err != nil {
				return err
			}
			dir, _ := os.Getwd()
			s, err := findService(w, dir, slog.New(slog.NewTextHandler(c.ErrOrStderr(), nil)))
			if err != nil {
				return err
			}
			return listApps(c.Context(), c.OutOrStdout(), s, asJSON)
		},
	}
	w.flags(c.Flags())
	c.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return c
}

// listedApp is an application as losantfs apps --json shows it.
type listedApp struct {
	ID           string `json:"id"`
	Name         string `json:"name"`
	PublicFiles  int64  `json:"public_files"`
	PrivateFiles int64  `json:"private_files"`
}

func listApps(ctx context.Context, out io.Writer, s service, asJSON bool) error {
	c, err := s.client()
	if err != nil {
		return err
	}
	defer c.Close()
	all, err := c.Applications(ctx)
	switch {
	case isForbidden(err):
		return fmt.Errorf("the token from %s may not list applications; one of an application is for that one alone: mount it with its id", s.token.source())
	case err != nil:
		return s.explain(err)
	case asJSON:
		return writeJSON(out, map[string]any{"applications": listed(all)})
	case len(all) == 0:
		_, err := fmt.Fprintf(out, "the token from %s sees no application at %s\n", s.token.source(), s.apiURL)
		return err
	}
	t := tabwriter.NewWriter(out, 0, 0, 3, ' ', 0)
	fmt.Fprintln(t, "ID\tNAME\tPUBLIC FILES\tPRIVATE FILES")
	for _, a := range listed(all) {
		fmt.Fprintf(t, "%s\t%s\t%d\t%d\n", printable(a.ID), printable(a.Name), a.PublicFiles, a.PrivateFiles)
	}
	return t.Flush()
}

func listed(all []remote.Application) []listedApp {
	apps := make([]listedApp, len(all))
	for i, a := range all {
		apps[i] = listedApp{a.ID, a.Name, a.Summary.Files, a.Summary.PrivateFiles}
	}
	return apps
}

// client returns a client of the service, for a few calls.
func (s service) client() (*remote.Client, error) {
	return remote.New(remote.Config{BaseURL: s.apiURL, Token: s.token.get, UserAgent: "losantfs/" + buildVersion()})
}
