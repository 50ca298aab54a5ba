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
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/term"
)

func newStatusCommand() *cobra.Command {
	var o statusOutput
	var watch bool
	c := &cobra.Command{
		Use:   "status [MOUNTPOINT]",
		Short: "Show what is mounted, how it is doing and what is owed",
		Long: `Show what is mounted, how it is doing and what is owed: changes that the service
does not have yet, those it refused, and files that were changed here and elsewhere.
Files of this machine that were found damaged are shown until you remove them.

With --verbose it also shows how far each upload is, and the patterns of the names
that never leave this machine.`,
		Args:              cobra.MaximumNArgs(1),
		ValidArgsFunction: mountpoints,
		RunE: func(c *cobra.Command, args []string) error {
			show := func(w io.Writer) error { return showStatus(c.Context(), w, args, o) }
			if watch {
				return watchOutput(c.Context(), c.OutOrStdout(), show)
			}
			return show(c.OutOrStdout())
		},
	}
	c.Flags().BoolVar(&o.json, "json", false, "print JSON")
	c.Flags().BoolVarP(&o.verbose, "verbose", "v", false, "print more")
	c.Flags().BoolVar(&watch, "watch", false, "go on, and print again when something changes")
	return c
}

// statusOutput is how the status is printed.
type statusOutput struct{ json, verbose bool }

// showStatus prints the state of all mounts, or of the one that args names.
func showStatus(ctx context.Context, w io.Writer, args []string, o statusOutput) error {
	if len(args) == 1 {
		m, _, err := findMount(ctx, args[0])
		if err != nil {
			return err
		}
		return o.print(w, []liveMount{m}, nil)
	}
	live, err := liveMounts(ctx)
	slices.SortFunc(live, func(a, b liveMount) int { return cmp.Compare(a.Status.Mountpoint, b.Status.Mountpoint) })
	// What answered is shown whatever became of the others.
	return errors.Join(o.print(w, live, leftovers()), err)
}

func (o statusOutput) print(w io.Writer, live []liveMount, dead []deadMount) error {
	if o.json {
		return statusJSON(w, live, dead)
	}
	return o.table(w, live, dead)
}

func statusJSON(w io.Writer, live []liveMount, dead []deadMount) error {
	out := struct {
		Mounts []driveStatus `json:"mounts"`
	}{[]driveStatus{}}
	for _, m := range live {
		out.Mounts = append(out.Mounts, m.Status)
	}
	for _, m := range dead {
		s := emptyStatus()
		s.Mountpoint, s.Application, s.Dead = m.mountpoint, m.application, true
		out.Mounts = append(out.Mounts, s)
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

// table prints the mounts for people, and those whose process is gone.
func (o statusOutput) table(w io.Writer, live []liveMount, dead []deadMount) error {
	if len(live) == 0 && len(dead) == 0 {
		_, err := fmt.Fprintln(w, "nothing is mounted")
		return err
	}
	t := tabwriter.NewWriter(w, 0, 0, 3, ' ', 0)
	if len(live) > 0 {
		fmt.Fprintln(t, "MOUNTPOINT\tAPPLICATION\tSPACE\tSTATE\tOWED\tFILES KNOWN\tCACHED\tREQUESTS")
	}
	for _, m := range live {
		s := m.Status
		requests := int64(0)
		for _, n := range s.Requests {
			requests += n
		}
		fmt.Fprintf(t, "%s\t%s (%s)\t%s\t%s\t%s\t%d (%s)\t%s\t%d\n", s.Mountpoint, printable(m.Name), s.Application, s.Space,
			m.state(), s.owedText(), s.Files, sizeText(s.Bytes), sizeText(s.CacheBytes), requests)
	}
	if err := t.Flush(); err != nil {
		return err
	}
	for _, m := range live {
		if t := m.Status.Token; t != nil {
			fmt.Fprintf(w, "%s has a token that the service refuses (%s), from %s: %s\n", m.Status.Mountpoint, printable(t.Error), t.Source, t.Advice)
		} else if !m.Status.Online {
			fmt.Fprintf(w, "%s is offline: %s\n", m.Status.Mountpoint, printable(m.Status.Error))
		}
		m.Status.printTrouble(w)
		m.Status.printAside(w)
		if o.verbose {
			m.Status.printMore(w)
		}
	}
	for _, m := range dead {
		fmt.Fprintf(w, "%s is broken, its process has ended: losantfs unmount %s\n", m.mountpoint, shellWord(m.mountpoint))
	}
	return nil
}

// printTrouble says what cannot be sent, and of what there are two versions.
func (s *driveStatus) printTrouble(w io.Writer) {
	for _, c := range s.Failed {
		fmt.Fprintf(w, "%s was refused: %s (changed %s)\n", printable(c.Path), printable(c.Error), c.Since.Local().Format(time.DateTime))
	}
	for _, c := range s.Retried {
		fmt.Fprintf(w, "%s is not sent yet, and is tried again: %s (changed %s)\n",
			printable(c.Path), printable(c.Error), c.Since.Local().Format(time.DateTime))
	}
	for _, c := range s.Conflicts {
		fmt.Fprintf(w, "%s was changed here and elsewhere (%s): the version of this machine is %s\n",
			printable(c.Original), c.Since.Local().Format(time.DateTime), printable(c.Path))
	}
}

// printAside says what was damaged on this machine's disk.
func (s *driveStatus) printAside(w io.Writer) {
	for _, a := range s.SetAside {
		fmt.Fprintf(w, "%s was set aside (%s): %s. Remove it when it is not needed\n",
			printable(a.Path), a.Since.Local().Format(time.DateTime), a.Reason)
	}
}

// printMore says how far each upload is, and which names stay here.
func (s *driveStatus) printMore(w io.Writer) {
	for _, u := range s.Uploads {
		fmt.Fprintf(w, "%s is being sent: %s of %s\n", printable(u.Path), sizeText(u.Sent), sizeText(u.Bytes))
	}
	if len(s.LocalOnly) > 0 {
		fmt.Fprintf(w, "%s keeps these names to itself: %s\n", s.Mountpoint, printable(strings.Join(s.LocalOnly, "  ")))
	}
}

// owedText says how much is owed, and what of it is being sent or was refused.
func (s *driveStatus) owedText() string {
	if s.ReadOnly {
		return "read-only"
	}
	if s.Owed == 0 {
		return "nothing"
	}
	text := owedSum{Owed: s.Owed, Bytes: s.OwedBytes}.String()
	if s.Uploading > 0 {
		text += fmt.Sprintf(", %d uploading", s.Uploading)
	}
	sent := int64(0)
	for _, u := range s.Uploads {
		sent += u.Sent
	}
	if sent > 0 {
		text += fmt.Sprintf(" (%s sent)", sizeText(sent))
	}
	if n := len(s.Failed); n > 0 {
		text += fmt.Sprintf(", %d failed", n)
	}
	if n := len(s.Conflicts); n > 0 {
		text += ", " + conflictsText(n)
	}
	return text
}

// conflictsText counts conflicts.
func conflictsText(n int) string {
	if n == 1 {
		return "1 conflict"
	}
	return fmt.Sprintf("%d conflicts", n)
}

func (m liveMount) state() string {
	if m.Leaving {
		return "unmounted, sending the rest"
	}
	if t := m.Status.Token; t != nil {
		return "token refused since " + t.Since.Local().Format(time.TimeOnly)
	}
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
