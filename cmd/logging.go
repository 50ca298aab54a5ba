package cmd

import (
	"fmt"
	"io"
	"log/slog"
	"os"
)

// openLog opens a log file for appending; nobody else can read one it makes.
func openLog(path string) (*os.File, error) {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o600)
	if err != nil {
		return nil, fmt.Errorf("the log file cannot be opened: %w", err)
	}
	return f, nil
}

// logger returns the log that the flags ask for, and what closes it.
func (o *mountOptions) logger() (*slog.Logger, func(), error) {
	w, done := io.Writer(os.Stderr), func() {}
	if o.logFile != "" {
		f, err := openLog(o.logFile)
		if err != nil {
			return nil, nil, err
		}
		w, done = f, func() { _ = f.Close() }
	}
	options := &slog.HandlerOptions{Level: o.logLevel}
	if o.logFormat == "json" {
		return slog.New(slog.NewJSONHandler(w, options)), done, nil
	}
	return slog.New(slog.NewTextHandler(w, options)), done, nil
}
