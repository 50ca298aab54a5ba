// losantfs mounts the files of a Losant or WEGnology application as a drive.
package main

import (
	"os"

	"losantfs/cmd"
)

func main() { os.Exit(cmd.Execute()) }
