package cmd

import (
	"cmp"
	"fmt"
	"log/slog"

	"github.com/spf13/cobra"

	"losantfs/remote"
)

func newLogoutCommand() *cobra.Command {
	var apiURL string
	c := &cobra.Command{
		Use:   "logout",
		Short: "Remove the token that losantfs login stored",
		Long: `Remove the token that losantfs login stored. Drives that are mounted go on with it,
and the service accepts it until it expires or is deleted there.`,
		Args:              cobra.NoArgs,
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(c *cobra.Command, _ []string) error {
			apiURL := cmp.Or(givenURL(apiURL), remote.LosantURL)
			had := false
			path, err := changeCredentials(func(byURL map[string]string) {
				had = byURL[apiURL] != ""
				delete(byURL, apiURL)
			})
			if err != nil {
				return err
			}
			text := "no token for " + apiURL + " was stored in " + path
			if had {
				text = "the token for " + apiURL + " was removed from " + path
			}
			if t, err := findToken(apiURL, "", slog.New(slog.DiscardHandler)); err == nil {
				text += "; the one from " + t.source() + " is used now"
			}
			_, err = fmt.Fprintln(c.OutOrStdout(), text)
			return err
		},
	}
	c.Flags().StringVar(&apiURL, "api-url", "", "`URL` of the API (default "+remote.LosantURL+")")
	return c
}
