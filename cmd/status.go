package cmd

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/term"
)

func newStatusCommand() *cobra.Command {
	var asJSON, watch bool
	c := &cobra.Command{
		Use:   "status [MOUNTPOINT]",
		Short: "Show what is mounted and how it is doing",
		Args:  cobra.MaximumNArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			show := func(w io.Writer) error { return showStatus(c.Context(), w, args, asJSON) }
			if watch {
				return watchOutput(c.Context(), c.OutOrStdout(), show)
			}
			return show(c.OutOrStdout())
		},
	}
	c.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	c.Flags().BoolVar(&watch, "watch", false, "go on, and print again when something changes")
	return c
}

// showStatus prints the state of all mounts, or of the one that args names.
func showStatus(ctx context.Context, w io.Writer, args []string, asJSON bool) error {
	if len(args) == 1 {
		m, _, err := findMount(ctx, args[0])
		if err != nil {
			return err
		}
		return printStatus(w, []liveMount{m}, nil, asJSON)
	}
	live, err := liveMounts(ctx)
	slices.SortFunc(live, func(a, b liveMount) int { return cmp.Compare(a.Status.Mountpoint, b.Status.Mountpoint) })
	// What answered is shown whatever became of the others.
	return errors.Join(printStatus(w, live, leftovers(), asJSON), err)
}

func printStatus(w io.Writer, live []liveMount, dead []string, asJSON bool) error {
	if asJSON {
		return statusJSON(w, live)
	}
	return statusTable(w, live, dead)
}

func statusJSON(w io.Writer, live []liveMount) error {
	out := struct {
		Mounts []driveStatus `json:"mounts"`
	}{[]driveStatus{}}
	for _, m := range live {
		out.Mounts = append(out.Mounts, m.Status)
	}
	return writeJSON(w, out)
}

// writeJSON prints v for programs, and readably.
func writeJSON(w io.Writer, v any) error {
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	return e.Encode(v)
}

// statusTable prints the mounts for people, and those whose process is gone.
func statusTable(w io.Writer, live []liveMount, dead []string) error {
	if len(live) == 0 && len(dead) == 0 {
		_, err := fmt.Fprintln(w, "nothing is mounted")
		return err
	}
	t := tabwriter.NewWriter(w, 0, 0, 3, ' ', 0)
	if len(live) > 0 {
		fmt.Fprintln(t, "MOUNTPOINT\tAPPLICATION\tSPACE\tSTATE\tFILES KNOWN\tCACHED\tREQUESTS")
	}
	for _, m := range live {
		s := m.Status
		requests := int64(0)
		for _, n := range s.Requests {
			requests += n
		}
		fmt.Fprintf(t, "%s\t%s (%s)\t%s\t%s\t%d (%s)\t%s\t%d\n", s.Mountpoint, printable(m.Name), s.Application, s.Space,
			m.state(), s.Files, sizeText(s.Bytes), sizeText(s.CacheBytes), requests)
	}
	if err := t.Flush(); err != nil {
		return err
	}
	for _, m := range live {
		if !m.Status.Online {
			fmt.Fprintf(w, "%s is offline: %s\n", m.Status.Mountpoint, printable(m.Status.Error))
		}
	}
	for _, path := range dead {
		fmt.Fprintf(w, "%s is broken, its process has ended: losantfs unmount %s\n", path, shellWord(path))
	}
	return nil
}

func (m liveMount) state() string {
	if m.Status.Online {
		return "online"
	}
	if m.Status.OfflineSince == nil {
		return "offline"
	}
	return "offline since " + m.Status.OfflineSince.Local().Format(time.TimeOnly)
}

// watchPause is how often losantfs status --watch looks.
const watchPause = time.Second

// watchOutput shows the output of show anew whenever it is another one: on a
// terminal in place of the last, else after it.
func watchOutput(ctx context.Context, w io.Writer, show func(io.Writer) error) error {
	const clear = "\x1b[H\x1b[2J"
	var last []byte
	for {
		var now bytes.Buffer
		err := show(&now)
		if ctx.Err() != nil {
			return nil
		}
		if err != nil {
			return err
		}
		if !bytes.Equal(last, now.Bytes()) {
			last = bytes.Clone(now.Bytes())
			if isTerminal(w) {
				fmt.Fprint(w, clear)
			}
			if _, err := w.Write(last); err != nil {
				return err
			}
		}
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(watchPause):
		}
	}
}

// isTerminal reports whether w is a terminal.
func isTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}
