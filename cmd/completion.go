package cmd

import (
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"losantfs/remote/emulator"
)

// completeFlags lets shells complete the values of flags that have few.
func completeFlags(c *cobra.Command) {
	c.Flags().VisitAll(func(f *pflag.Flag) {
		var err error
		switch kind := f.Value.Type(); {
		case strings.Contains(kind, "|"):
			err = c.RegisterFlagCompletionFunc(f.Name, cobra.FixedCompletions(strings.Split(kind, "|"), cobra.ShellCompDirectiveNoFileComp))
		case f.Name == "cache-dir", f.Name == "dir":
			err = c.MarkFlagDirname(f.Name)
		case f.Name == "set":
			err = c.RegisterFlagCompletionFunc(f.Name, switchNames)
		}
		if err != nil {
			panic(err) // a flag that was just visited
		}
	})
}

// switchNames completes the switches of the emulator.
func switchNames(*cobra.Command, []string, string) (names []string, _ cobra.ShellCompDirective) {
	for _, sw := range emulator.DefaultSwitches() {
		names = append(names, cobra.CompletionWithDesc(sw.Name+"=", sw.Help))
	}
	return names, cobra.ShellCompDirectiveNoSpace | cobra.ShellCompDirectiveNoFileComp
}

// mountpoints completes the drives of this user, for commands that take one.
func mountpoints(c *cobra.Command, args []string, _ string) (paths []string, _ cobra.ShellCompDirective) {
	if len(args) > 0 {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	live, _ := liveMounts(c.Context())
	for _, m := range live {
		paths = append(paths, m.Status.Mountpoint)
	}
	for _, m := range leftovers() {
		paths = append(paths, m.mountpoint)
	}
	return paths, cobra.ShellCompDirectiveNoFileComp
}

// folders completes folders to mount at.
func folders(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
	return nil, cobra.ShellCompDirectiveFilterDirs
}
