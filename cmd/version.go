package cmd

import (
	"cmp"
	"fmt"
	"runtime"
	"runtime/debug"

	"github.com/spf13/cobra"
)

// version is set when a release is built: -ldflags "-X losantfs/cmd.version=…".
var version string

// buildVersion returns the version of the program.
func buildVersion() string {
	if info, ok := debug.ReadBuildInfo(); ok {
		return cmp.Or(version, info.Main.Version, "unknown")
	}
	return cmp.Or(version, "unknown")
}

// moduleVersion returns the version of a library in the program.
func moduleVersion(path string) string {
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, m := range info.Deps {
			if m.Path == path {
				return m.Version
			}
		}
	}
	return "unknown"
}

func newVersionCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "version",
		Short: "Print the version of losantfs and of what it is made of",
		Args:  cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			const fuse = "github.com/hanwen/go-fuse/v2"
			_, err := fmt.Fprintf(c.OutOrStdout(), "losantfs %s\n%s %s/%s\ngo-fuse %s\n",
				buildVersion(), runtime.Version(), runtime.GOOS, runtime.GOARCH, moduleVersion(fuse))
			return err
		},
	}
}
