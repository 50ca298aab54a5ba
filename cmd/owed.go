package cmd

import (
	"fmt"
	"io"
	"strings"
	"time"

	"losantfs/cache/outbox"
)

// owedChange is a change that the service does not have yet.
type owedChange struct {
	Path  string       `json:"path"` // absolute
	State outbox.State `json:"state"`
	Bytes int64        `json:"bytes"`           // of its content
	Sent  int64        `json:"sent,omitempty"`  // of these, so far
	Error string       `json:"error,omitempty"` // of the last try
	Since time.Time    `json:"since"`
}

// String says what stays owed and why, if a reason is known.
func (c owedChange) String() string {
	s := printable(c.Path) + ": " + string(c.State)
	if c.Error != "" {
		s += ": " + printable(c.Error)
	}
	return s
}

// owedSum is how much is owed.
type owedSum struct {
	Owed  int64 `json:"owed"`
	Bytes int64 `json:"bytes"`
	Sent  int64 `json:"sent"` // of the bytes, so far
}

func (s *owedSum) add(more owedSum) {
	s.Owed += more.Owed
	s.Bytes += more.Bytes
	s.Sent += more.Sent
}

func sumOf(owed []owedChange) (s owedSum) {
	for _, c := range owed {
		s.add(owedSum{1, c.Bytes, c.Sent})
	}
	return s
}

// left is what is still to be done.
func (s owedSum) left() owedSum { return owedSum{Owed: s.Owed, Bytes: max(0, s.Bytes-s.Sent)} }

func (s owedSum) String() string {
	if s.Bytes == 0 {
		return changesText(s.Owed)
	}
	return fmt.Sprintf("%s (%s)", changesText(s.Owed), sizeText(s.Bytes))
}

// changesText counts changes.
func changesText(n int64) string { return countText(n, "change") }

// countText counts things, whose plural takes an s.
func countText(n int64, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

// verb returns the form of a verb for that many.
func verb(n int64, one, many string) string {
	if n == 1 {
		return one
	}
	return many
}

// drainReport is one line of the answer to those who wait for what is owed. The
// last one lists what is owed still.
type drainReport struct {
	owedSum
	Still []owedChange `json:"still,omitempty"`
}

// lastReport is the report of what is owed still.
func lastReport(still []owedChange) drainReport {
	return drainReport{sumOf(still), still}
}

// owedError says that something stays owed. It has an exit code of its own.
type owedError struct{ text string }

func (e *owedError) Error() string { return e.text }

// exitOwed is the exit code of an [owedError].
const exitOwed = 3

// shownOwed is how many changes are shown where a few will do.
const shownOwed = 5

// staysOwed returns the error of a drive that was unmounted with something owed,
// nil with nothing. still may be a part of the sum.
func staysOwed(mountpoint string, sum owedSum, still []owedChange) error {
	if sum.Owed == 0 {
		return nil
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%s is unmounted, but %s %s owed; what is owed is kept on this machine and sent on the next mount",
		mountpoint, sum, verb(sum.Owed, "stays", "stay"))
	shown := still[:min(len(still), shownOwed)]
	if len(shown) > 0 {
		b.WriteByte(':')
	}
	for _, c := range shown {
		fmt.Fprintf(&b, "\n  %s", c)
	}
	if more := sum.Owed - int64(len(shown)); more > 0 && len(shown) > 0 {
		fmt.Fprintf(&b, "\n  and %d more", more)
	}
	return &owedError{b.String()}
}

// printOwed lists changes, one a line.
func printOwed(w io.Writer, owed []owedChange) error {
	for _, c := range owed {
		if _, err := fmt.Fprintln(w, c); err != nil {
			return err
		}
	}
	return nil
}
