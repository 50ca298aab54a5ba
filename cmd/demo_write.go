package cmd

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// demoPath is where the demo saves a file, relative to the mount.
const demoPath = "public/uploads/hello.txt"

// showWrite saves a file on the drive, as any program does, and shows what the
// service has then.
func (d *drive) showWrite(ctx context.Context, p paint) error {
	path := filepath.Join(d.o.mountpoint, demoPath)
	if err := os.WriteFile(path, []byte("Hello from the drive.\n"), 0o644); err != nil {
		return err
	}
	url, err := d.sent(ctx, demoPath)
	if err != nil {
		return err
	}
	text, err := fetch(ctx, url)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(p.w, "\n%s\n  %s\nis what the service has at\n  %s\n  %s\n",
		p.bold("A file saved on the drive"), path, url, p.dim(strings.TrimSpace(text)))
	return err
}

// sent returns the URL of a file once nothing is owed of it.
func (d *drive) sent(ctx context.Context, rel string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, drainTime)
	defer cancel()
	parts, err := d.below(rel)
	if err != nil {
		return "", err
	}
	if still := d.flush(ctx, parts, func(drainReport) {}); len(still) > 0 {
		return "", errors.New(still[0].String())
	}
	return d.url(ctx, rel)
}

// fetch returns the text at a URL, without the drive.
func fetch(ctx context.Context, url string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return "", err
	}
	client := http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	resp, err := client.Do(req)
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return "", fmt.Errorf("%s answers %s", url, resp.Status)
	}
	text, err := io.ReadAll(io.LimitReader(resp.Body, 1<<10))
	return string(text), err
}
