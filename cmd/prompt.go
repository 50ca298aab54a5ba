package cmd

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"golang.org/x/term"
)

// prompt asks a person at a terminal.
type prompt struct {
	in  *os.File
	out io.Writer
}

// line asks for a line that can be seen.
func (p prompt) line(ctx context.Context, question string) (string, error) {
	return p.ask(ctx, question, func() (string, error) { return readLine(p.in) })
}

// secret asks for a line that is not shown.
func (p prompt) secret(ctx context.Context, question string) (string, error) {
	defer fmt.Fprintln(p.out)
	return p.ask(ctx, question, func() (string, error) {
		text, err := term.ReadPassword(int(p.in.Fd()))
		return string(text), err
	})
}

// ask waits for the answer until ctx ends, and leaves the terminal as it was.
func (p prompt) ask(ctx context.Context, question string, read func() (string, error)) (string, error) {
	before, err := term.GetState(int(p.in.Fd()))
	if err != nil {
		return "", err
	}
	fmt.Fprint(p.out, question)
	type answer struct {
		text string
		err  error
	}
	answers := make(chan answer, 1)
	go func() {
		text, err := read()
		answers <- answer{text, err}
	}()
	select {
	case a := <-answers:
		if errors.Is(a.err, io.EOF) {
			a.err = errors.New("nothing was entered")
		}
		return a.text, a.err
	case <-ctx.Done():
		_ = term.Restore(int(p.in.Fd()), before)
		return "", ctx.Err()
	}
}

// readLine reads no further than the line, as the next one may be a secret.
func readLine(r io.Reader) (string, error) {
	var line strings.Builder
	for b := make([]byte, 1); ; {
		n, err := r.Read(b)
		switch {
		case n == 1 && b[0] == '\n':
			return line.String(), nil
		case n == 1:
			line.WriteByte(b[0])
		case err != nil:
			return "", err
		}
	}
}
