package cmd

import (
	"context"
	"fmt"
	"slices"
	"sync"

	"losantfs/cache"
	"losantfs/remote"
)

// openApplication finds out which application is meant and opens its spaces, at the
// same time where it is known from an earlier mount.
func (d *drive) openApplication(ctx context.Context, s service) error {
	var app remote.Application
	var failed error
	found := make(chan struct{})
	go func() {
		defer close(found)
		app, failed = s.findApplication(ctx, d.client, s.application)
	}()
	known, isKnown := d.recallApplication(s.application)
	var opened error
	if isKnown {
		d.app.ID = known.ID
		opened = d.openSpaces(ctx, s)
	}
	<-found
	if remote.Temporary(failed) && isKnown {
		app, failed = known, nil
	}
	if failed != nil {
		return failed // it says more than what the spaces say
	}
	if app.ID != d.app.ID {
		d.closeSpaces()
		d.app, d.spaces, d.left, d.earlier = app, nil, nil, owedSum{}
		opened = d.openSpaces(ctx, s)
	}
	d.app = app
	if opened == nil {
		d.rememberApplication()
	}
	return opened
}

func (d *drive) closeSpaces() {
	for _, s := range slices.Concat(d.spaces, d.left) {
		s.Close()
	}
}

// openSpaces asks the service for each space that was asked for, which shows
// whether the token may read it, and has the root known. Of two spaces, one that this
// installation lacks or that the token may not read is left out.
func (d *drive) openSpaces(ctx context.Context, s service) error {
	earlier := make([]owedSum, len(d.o.spaces))
	for i, name := range d.o.spaces {
		space, err := d.openSpace(name)
		if err != nil {
			return err
		}
		d.spaces = append(d.spaces, space)
		earlier[i] = sumOf(d.changes(space, space.Owed("")))
	}
	errs := make([]error, len(d.spaces))
	var checks sync.WaitGroup
	for i, space := range d.spaces {
		checks.Go(func() {
			if errs[i] = space.Check(ctx); errs[i] == nil {
				_, errs[i] = space.List(ctx, "/")
			}
		})
	}
	checks.Wait()
	var shown []*cache.Space
	var failed error
	for i, space := range d.spaces {
		switch err := errs[i]; {
		case remote.Temporary(err) && space.Knows():
			d.log.Warn("the service cannot be reached: what was known of it is shown", "space", string(space.Name()), "error", err)
			errs[i] = nil
			fallthrough
		case err == nil:
			shown = append(shown, space)
			d.earlier.add(earlier[i])
		case !canLeaveOut(err):
			return s.explain(err)
		case failed == nil:
			failed = s.explainSpace(d.app, space.Name(), err)
		}
	}
	if len(shown) == 0 {
		return failed
	}
	for i, space := range d.spaces {
		if errs[i] != nil {
			space.Close()
		}
	}
	d.spaces = shown
	if failed != nil {
		d.log.Warn("not all files can be shown", "shown", spaceNames(d.names()), "reason", failed)
	}
	if !d.o.readOnly {
		d.earlier.add(d.openLeft())
	}
	return nil
}

// canLeaveOut reports whether a failed listing says that this space will never be
// seen, rather than that the service or the token fails.
func canLeaveOut(err error) bool {
	kind := remote.KindOf(err)
	return kind == remote.NotFound || kind == remote.Unsupported || isForbidden(err)
}

// explainSpace says why a space cannot be shown.
func (s service) explainSpace(a remote.Application, name remote.Space, err error) error {
	if isForbidden(err) {
		return s.explain(err)
	}
	return fmt.Errorf("%s has no %s files of the application %s (%w)", s.apiURL, name, a.ID, err)
}
