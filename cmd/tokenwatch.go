package cmd

import (
	"context"
	"sync"
	"time"

	"losantfs/remote"
)

// tokenTrouble is what losantfs status --json shows while the service refuses the
// token of a mount.
type tokenTrouble struct {
	Source string    `json:"source"` // the variable or file it came from
	Error  string    `json:"error"`  // what the service says
	Advice string    `json:"advice"` // what to do
	Since  time.Time `json:"since"`
}

// tokenWatch looks after the token of a drive: it notices that the service refuses
// it, and that there is another one.
type tokenWatch struct {
	token *token
	news  chan struct{} // has room for one
	stop  context.CancelFunc
	work  sync.WaitGroup

	mu      sync.Mutex
	refused error // nil while the token is accepted
	text    string
	trouble tokenTrouble
}

// tokenPause is how often it is looked for another token while one is refused.
const tokenPause = 2 * time.Second

func newTokenWatch(t *token) *tokenWatch {
	return &tokenWatch{token: t, news: make(chan struct{}, 1)}
}

// note is told by the client what becomes of the token.
func (w *tokenWatch) note(refused *remote.Error) {
	text, _ := w.token.get()
	w.mu.Lock()
	defer w.mu.Unlock()
	if refused == nil {
		w.refused = nil
	} else {
		if w.refused == nil {
			w.trouble.Since = time.Now()
		}
		w.refused, w.text = refused, text
		w.trouble.Source, w.trouble.Error, w.trouble.Advice = w.token.source(), refused.Message, w.token.renewal
	}
	select {
	case w.news <- struct{}{}:
	default:
	}
}

// state returns what is wrong with the token, nil for nothing.
func (w *tokenWatch) state() *tokenTrouble {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.refused == nil {
		return nil
	}
	trouble := w.trouble
	return &trouble
}

// hasAnother reports whether there is another token than the one that was refused.
func (w *tokenWatch) hasAnother() bool {
	text, err := w.token.get()
	w.mu.Lock()
	defer w.mu.Unlock()
	return err == nil && w.refused != nil && text != w.text
}

// end ends what watchToken began.
func (w *tokenWatch) end() {
	if w.stop != nil {
		w.stop()
		w.work.Wait()
	}
}

// watchToken says in the log when the token of the drive is refused, has another
// one tried as soon as there is one, and then what is owed sent.
func (d *drive) watchToken() {
	var ctx context.Context
	ctx, d.tokens.stop = context.WithCancel(context.Background())
	d.tokens.work.Go(func() {
		var told *tokenTrouble
		for {
			var look <-chan time.Time
			if told != nil {
				look = time.After(tokenPause)
			}
			select {
			case <-ctx.Done():
				return
			case <-d.tokens.news:
			case <-look:
				if d.tokens.hasAnother() {
					d.tryToken(ctx)
				}
				continue
			}
			now := d.tokens.state()
			switch {
			case now != nil:
				d.log.Warn("the service refuses the token; what is known stays visible and what is changed stays owed",
					"error", now.Error, "source", now.Source, "todo", now.Advice)
			case told != nil:
				d.log.Info("the service accepts the token", "source", d.tokens.token.source())
				d.resume()
			}
			told = now
		}
	})
}

// tryToken makes a call that any token for the drive allows. The client notes
// whether the service accepts the token.
func (d *drive) tryToken(ctx context.Context) {
	files := d.client.Files(d.app.ID, d.spaces[0].Name())
	if _, err := files.List(ctx, remote.ListOptions{Directory: "/", PerPage: 1}); err != nil {
		d.log.Debug("trying another token", "error", err)
	}
}

// resume has what is owed sent at once, whatever failed before.
func (d *drive) resume() {
	ended, cancel := context.WithCancel(context.Background())
	cancel() // nobody waits for it
	for _, p := range d.everything() {
		p.space.Flush(ended, p.under)
	}
}
