package cmd

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"
)

func newDoctorCommand() *cobra.Command {
	var d doctor
	var asJSON bool
	c := &cobra.Command{
		Use:   "doctor [APPLICATION]",
		Short: "Check everything that a drive needs, and what earlier ones left",
		Long: `Check everything that a drive needs, and what earlier ones left: FUSE, the mounts,
the folders and their disks, the cache, what is owed, the token, the service, the
clock, and what of the application can be read and written. It changes nothing on
the service. The token is not shown.

Each line says ok, warning or problem, and what to do. "skipped" is what could not
be looked at, with the reason. The exit code is 1 when there is a problem.

With --repair it takes away mounts and sockets of processes that have ended, closes
the file of losantfs login to other users and drops damaged blocks of the cache,
which are fetched again. It never touches what is owed, or what a mount in use
holds.`,
		Example: `  losantfs doctor
  losantfs doctor --repair "My application"`,
		Args:              cobra.MaximumNArgs(1),
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(c *cobra.Command, args []string) error {
			if err := protectMemory(); err != nil {
				return err
			}
			if len(args) == 1 {
				d.application = args[0]
			}
			all := []finding{}
			d.report = func(f finding) {
				all = append(all, f)
				if !asJSON {
					f.print(c.OutOrStdout())
				}
			}
			d.examine(c.Context())
			if err := c.Context().Err(); err != nil {
				return err
			}
			if asJSON {
				if err := writeJSON(c.OutOrStdout(), map[string]any{"ok": d.problems == 0, "checks": all}); err != nil {
					return err
				}
			}
			if d.problems > 0 {
				return fmt.Errorf("%s", countText(d.problems, "problem"))
			}
			return nil
		},
	}
	d.flags(c.Flags())
	c.Flags().StringVar(&d.cacheDir, "cache-dir", "", "`folder` of cached content (default one of your own)")
	c.Flags().BoolVar(&d.repair, "repair", false, "repair what can be repaired without a loss")
	c.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return c
}

// level says how bad a finding is.
type level string

const (
	isOK      level = "ok"
	isSkipped level = "skipped"
	isWarning level = "warning"
	isProblem level = "problem"
)

// finding is the outcome of one check.
type finding struct {
	Level level  `json:"level"`
	Check string `json:"check"`
	Text  string `json:"text"`
	Todo  string `json:"todo,omitempty"`
	// Repaired is set where --repair mended it; Text says what it was.
	Repaired bool `json:"repaired,omitempty"`
}

func (f finding) print(w io.Writer) {
	fmt.Fprintf(w, "%-8s %-12s %s", f.Level, f.Check, printable(f.Text))
	if f.Todo != "" {
		fmt.Fprintf(w, ": %s", printable(f.Todo))
	}
	if f.Repaired {
		fmt.Fprint(w, " (repaired)")
	}
	fmt.Fprintln(w)
}

// doctor looks for what keeps drives from working.
type doctor struct {
	wanted
	cacheDir string
	repair   bool

	report   func(finding)
	problems int64

	names map[string]string // of applications, by [owedName]
	asked bool              // the service said which applications the token sees
}

func (d *doctor) say(l level, check, text, todo string) {
	if l == isProblem {
		d.problems++
	}
	d.report(finding{Level: l, Check: check, Text: text, Todo: todo})
}

// mend repairs something that is safe to repair, or says what to do about it.
func (d *doctor) mend(l level, check, text, todo string, repair func() error) {
	if d.repair {
		err := repair()
		if err == nil {
			d.report(finding{Level: isOK, Check: check, Text: text, Repaired: true})
			return
		}
		text += fmt.Sprintf("; it cannot be repaired (%v)", err)
		todo = strings.TrimPrefix(todo, "or ")
	} else {
		todo = strings.TrimSpace("losantfs doctor --repair " + todo)
	}
	d.say(l, check, text, todo)
}

// failed reports a check that could not be made.
func (d *doctor) failed(check string, err error) { d.say(isProblem, check, err.Error(), "") }

// examine makes all checks. What is owed comes after the service, which knows the
// names of applications.
func (d *doctor) examine(ctx context.Context) {
	d.names = map[string]string{}
	d.checkFUSE()
	d.checkDisks()
	d.checkMounts(ctx)
	d.checkService(ctx)
	d.checkOwed()
	d.checkCache(ctx)
}

// checkFUSE looks for what the kernel and its helper need.
func (d *doctor) checkFUSE() {
	if err := checkFUSE(false); err != nil {
		text, todo, _ := strings.Cut(err.Error(), ": ")
		d.say(isProblem, "fuse", text, todo)
		return
	}
	text := "drives can be mounted"
	if err := checkFUSE(true); err != nil {
		text += "; " + err.Error()
	} else {
		text += ", also for other users (--allow-other)"
	}
	d.say(isOK, "fuse", text, "")
}

var errNotDone = errors.New("it is still there")
