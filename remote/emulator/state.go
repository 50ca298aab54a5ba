package emulator

import (
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"
)

// state is everything the service remembers. mu guards all of it; every change
// goes through update, which writes it to the journal before it returns.
type state struct {
	mu      sync.RWMutex
	journal *journal
	objects *objects
	meta    metaRecord
	secret  []byte
	apps    map[objectID]*application
	entries map[objectID]*entry
	used    map[string]bool // tickets that were used
	ids     idSource
	last    int64             // the newest time given out, milliseconds
	words   map[string]string // strings many entries share, while loading
}

// openState loads the state of a folder, or makes a new one in it.
func openState(dir string) (*state, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	st := &state{
		apps: map[objectID]*application{}, entries: map[objectID]*entry{},
		used: map[string]bool{}, ids: newIDSource(), words: map[string]string{},
	}
	var err error
	if st.objects, err = openObjects(filepath.Join(dir, "objects")); err != nil {
		return nil, err
	}
	if st.journal, err = openJournal(dir, st.apply); err != nil {
		return nil, err
	}
	st.words = nil
	if err := st.ready(); err != nil {
		st.journal.close()
		return nil, err
	}
	return st, nil
}

// ready makes what a new folder lacks and tidies what an old one has too much of.
func (st *state) ready() error {
	if st.meta.Secret == "" {
		secret := make([]byte, 32)
		_, _ = rand.Read(secret)
		now := time.Now()
		meta := metaRecord{
			Secret: hex.EncodeToString(secret), User: st.ids.next(now).String(),
			TokenID: st.ids.next(now).String(), Created: now.UnixMilli(),
		}
		app := st.newApplication("Demo application")
		meta.Default = app.id.String()
		st.meta = meta
		if err := st.journal.add(&record{Meta: &meta}); err != nil {
			return err
		}
	}
	var err error
	if st.secret, err = hex.DecodeString(st.meta.Secret); err != nil {
		return fmt.Errorf("the key of the state folder is damaged: %w", err)
	}
	if err := st.journal.flush(); err != nil {
		return err
	}
	if live := len(st.entries) + len(st.apps); st.journal.lines > 2*live+1000 {
		if err := st.compact(); err != nil {
			return err
		}
	}
	return st.objects.sweep()
}

// apply takes over one line of the journal.
func (st *state) apply(r *record) error {
	switch {
	case r.Meta != nil:
		st.meta = *r.Meta
	case r.App != nil:
		id, ok := parseID(r.App.ID)
		if !ok {
			return fmt.Errorf("application %q is damaged", r.App.ID)
		}
		if st.apps[id] == nil {
			st.addApplication(id, r.App.Name, r.App.Created)
		}
	case r.Entry != nil:
		return st.applyEntry(r.Entry)
	case r.Gone != "":
		if id, ok := parseID(r.Gone); ok && st.entries[id] != nil {
			st.drop(st.entries[id])
		}
	case r.Ticket != "":
		st.used[r.Ticket] = true
	}
	return nil
}

func (st *state) applyEntry(r *entryRecord) error {
	e, err := r.entry(st.intern)
	if err != nil {
		return err
	}
	appID, _ := parseID(r.App)
	app := st.apps[appID]
	if app == nil || app.space(r.Space) == nil {
		return fmt.Errorf("entry %s belongs to no application", r.ID)
	}
	if folder := app.space(r.Space).folders[e.parent]; folder != nil {
		e.parent = folder.key
	}
	st.last = max(st.last, e.updated)
	st.objects.retain(e.object)
	st.objects.retain(e.incoming)
	if old := st.entries[e.id]; old != nil {
		st.drop(old)
	}
	st.entries[e.id] = e
	app.space(r.Space).add(e)
	return nil
}

func (st *state) intern(s string) string {
	if known, ok := st.words[s]; ok {
		return known
	}
	st.words[s] = s
	return s
}

// compact rewrites the journal without its history.
func (st *state) compact() error {
	return st.journal.rewrite(func(add func(*record) error) error {
		if err := add(&record{Meta: &st.meta}); err != nil {
			return err
		}
		for _, app := range st.applications() {
			if err := add(app.record()); err != nil {
				return err
			}
		}
		for _, e := range st.entries {
			if err := add(&record{Entry: e.record()}); err != nil {
				return err
			}
		}
		for ticket := range st.used {
			if err := add(&record{Ticket: ticket}); err != nil {
				return err
			}
		}
		return nil
	})
}

// update runs change under the lock and writes what it noted to the journal.
func (st *state) update(change func() error) error {
	st.mu.Lock()
	defer st.mu.Unlock()
	err := change()
	if failed := st.journal.flush(); failed != nil {
		return failed
	}
	return err
}

// now is the present in milliseconds, never earlier than a time given before.
func (st *state) now() int64 {
	st.last = max(st.last, time.Now().UnixMilli())
	return st.last
}

func (st *state) newID() objectID { return st.ids.next(time.Now()) }

// add gives e its id and dates and makes it visible.
func (st *state) add(sp *space, e *entry) error {
	e.id = st.newID()
	e.created = st.now()
	e.updated = e.created
	st.objects.retain(e.object)
	st.objects.retain(e.incoming)
	st.entries[e.id] = e
	sp.add(e)
	return st.save(e)
}

// save notes e as it is now.
func (st *state) save(e *entry) error {
	return st.journal.add(&record{Entry: e.record()})
}

// touch notes e as it is now, updated now.
func (st *state) touch(e *entry) error {
	e.space.touch(e, st.now())
	return st.save(e)
}

// remove forgets one entry and its bytes.
func (st *state) remove(e *entry) error {
	st.drop(e)
	return st.journal.add(&record{Gone: e.id.String()})
}

// removeAll forgets many entries.
func (st *state) removeAll(list []*entry) error {
	if len(list) > 1000 {
		list[0].space.forgetOrders()
	}
	for _, e := range list {
		if st.entries[e.id] != e {
			continue
		}
		if err := st.remove(e); err != nil {
			return err
		}
	}
	return nil
}

func (st *state) drop(e *entry) {
	delete(st.entries, e.id)
	e.space.drop(e)
	st.objects.release(e.object)
	st.objects.release(e.incoming)
}

// setObject makes object, to which the caller holds a reference, the bytes of e.
func (st *state) setObject(e *entry, object string) {
	if e.object != object {
		st.objects.release(e.object)
		e.object = object
	} else {
		st.objects.release(object)
	}
	e.size, e.etag = sizeOf(object), etagOf(object)
}

func (st *state) newApplication(name string) *application {
	app := st.addApplication(st.newID(), name, st.now())
	_ = st.journal.add(app.record())
	return app
}

func (st *state) addApplication(id objectID, name string, created int64) *application {
	app := &application{id: id, name: name, created: created}
	app.public, app.private = newSpace(app, public), newSpace(app, private)
	st.apps[id] = app
	return app
}

func (a *application) record() *record {
	return &record{App: &applicationRecord{ID: a.id.String(), Name: a.name, Created: a.created}}
}

// applications returns all applications, oldest first.
func (st *state) applications() []*application {
	all := make([]*application, 0, len(st.apps))
	for _, app := range st.apps {
		all = append(all, app)
	}
	slices.SortFunc(all, func(a, b *application) int {
		return slices.Compare(a.id[:], b.id[:])
	})
	return all
}

func (st *state) close() {
	st.mu.Lock()
	defer st.mu.Unlock()
	_ = st.journal.flush()
	st.journal.close()
}
