package cache

import (
	"context"
	"log/slog"
	"time"

	"losantfs/cache/content"
	"losantfs/cache/tree"
	"losantfs/remote"
)

// Space is one space of an application as this machine sees it. Directories are
// named by their path, "/" or "/a/b/". It is safe for concurrent use.
type Space struct {
	files   *remote.Files
	tree    *tree.Tree
	content *content.Store
}

// NewSpace returns a space whose listings are believed for ttl and whose content
// is kept in store. The store stays the caller's.
func NewSpace(files *remote.Files, ttl time.Duration, store *content.Store, log *slog.Logger) *Space {
	log = log.With("space", string(files.Space()))
	return &Space{files: files, tree: tree.New(files, ttl, log), content: store}
}

// Close ends all calls to the service.
func (s *Space) Close() { s.tree.Close() }

// Name returns which space it is.
func (s *Space) Name() remote.Space { return s.files.Space() }

// List returns what a directory shows, and for how long that may be believed.
func (s *Space) List(ctx context.Context, dir string) (*tree.Listing, time.Duration, error) {
	l, err := s.tree.List(ctx, dir)
	if err != nil {
		return nil, 0, err
	}
	return l, s.tree.Fresh(l), nil
}

// Lookup returns an entry, and for how long it, or its absence, may be believed.
func (s *Space) Lookup(ctx context.Context, dir, name string) (remote.Entry, time.Duration, error) {
	return s.tree.Lookup(ctx, dir, name)
}

// Known returns an entry as it was last seen, without asking the service.
func (s *Space) Known(dir, name string) (remote.Entry, bool) { return s.tree.Known(dir, name) }

// Forget drops what is known of a directory, because it turned out to be wrong.
func (s *Space) Forget(dir string) { s.tree.Forget(dir) }

// Usage returns the number and the bytes of all files known so far.
func (s *Space) Usage() (files, bytes int64) { return s.tree.Usage() }

// Offline returns since when the service has not answered, and why; a zero time
// when it does.
func (s *Space) Offline() (time.Time, error) { return s.tree.Offline() }

// Open returns a reader of the content of e. A file whose content is being
// uploaded for the first time has none yet and is [remote.Busy]; one that was
// replaced meanwhile is [remote.Changed].
func (s *Space) Open(ctx context.Context, e remote.Entry) (*content.Reader, error) {
	if !e.HasContent() {
		now, err := s.files.Get(ctx, e.ID)
		switch {
		case err != nil:
			return nil, err
		case !now.HasContent():
			return nil, &remote.Error{Kind: remote.Busy, Op: "open", Message: "the file has no content yet"}
		default:
			return nil, &remote.Error{Kind: remote.Changed, Op: "open", Message: "the content has just arrived"}
		}
	}
	r := content.NewReader(s.content.File(
		content.Key{ID: e.ID, Version: e.Version(), Size: e.Size}, e.MD5(), s.files.Download(e)))
	if err := r.Warm(ctx); err != nil {
		r.Close()
		return nil, err
	}
	return r, nil
}

// URL returns where the content of e can be fetched by anyone who has the URL. A
// private one is signed anew and expires (after 15 minutes by default).
func (s *Space) URL(ctx context.Context, e remote.Entry) (string, error) {
	if s.files.Space() == remote.Public && e.URL != "" {
		return e.URL, nil
	}
	now, err := s.files.Get(ctx, e.ID)
	return now.URL, err
}
