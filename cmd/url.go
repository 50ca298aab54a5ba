package cmd

import (
	"fmt"

	"github.com/spf13/cobra"
)

func newURLCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "url PATH",
		Short: "Print the URL of a file on a drive",
		Long: `Print the URL of a file on a drive. Anyone who has it can read the file: for
ever where the file is public, and for 15 minutes where it is private.`,
		Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			var answer urlAnswer
			if err := askAbout(c.Context(), args[0], routeURL, &answer); err != nil {
				return err
			}
			_, err := fmt.Fprintln(c.OutOrStdout(), answer.URL)
			return err
		},
	}
}
