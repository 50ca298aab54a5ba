package cmd

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"losantfs/remote"
)

// findApplication returns the application with the given id or name, or the only
// one the token sees when want is empty. It makes one call to the service.
func (s service) findApplication(ctx context.Context, c *remote.Client, want string) (remote.Application, error) {
	if remote.ValidID(want) {
		return s.applicationByID(ctx, c, want)
	}
	all, err := c.Applications(ctx)
	switch {
	case isForbidden(err):
		return remote.Application{}, fmt.Errorf("the token from %s may not list applications: give the id of the application", s.token.source())
	case err != nil:
		return remote.Application{}, s.explain(err)
	case want != "":
		return applicationByName(all, want)
	case len(all) == 1:
		return all[0], nil
	case len(all) == 0:
		return remote.Application{}, fmt.Errorf("the token from %s sees no application at %s", s.token.source(), s.apiURL)
	}
	return remote.Application{}, fmt.Errorf("which application? The token sees %d:%s", len(all), applicationList(all))
}

func (s service) applicationByID(ctx context.Context, c *remote.Client, id string) (remote.Application, error) {
	a, err := c.Application(ctx, id)
	switch {
	case err == nil:
		return a, nil
	case isForbidden(err):
		// The rights to files do not include the one to read the name; whether
		// there are any shows when the files are listed.
		return remote.Application{ID: id, Name: "application"}, nil
	case remote.KindOf(err) != remote.NotFound:
		return remote.Application{}, s.explain(err)
	}
	err = fmt.Errorf("there is no application %s at %s, or the token from %s does not see it", id, s.apiURL, s.token.source())
	if all, listErr := c.Applications(ctx); listErr == nil && len(all) > 0 {
		err = fmt.Errorf("%w. It sees:%s", err, applicationList(all))
	}
	return remote.Application{}, err
}

// applicationByName looks for the exact name first, then without regard to case.
func applicationByName(all []remote.Application, name string) (remote.Application, error) {
	for _, same := range []func(string) bool{
		func(s string) bool { return s == name },
		func(s string) bool { return strings.EqualFold(s, name) },
	} {
		found := slices.DeleteFunc(slices.Clone(all), func(a remote.Application) bool { return !same(a.Name) })
		switch len(found) {
		case 0:
		case 1:
			return found[0], nil
		default:
			return remote.Application{}, fmt.Errorf("%d applications are named %q; give the id of one:%s", len(found), name, applicationList(found))
		}
	}
	err := fmt.Errorf("there is no application named %q", name)
	if len(all) > 0 {
		err = fmt.Errorf("%w. The token sees:%s", err, applicationList(all))
	}
	return remote.Application{}, err
}

// applicationList is one line for each application, up to a screenful.
func applicationList(all []remote.Application) string {
	const most = 20
	var b strings.Builder
	for i, a := range all {
		if i == most {
			fmt.Fprintf(&b, "\n  and %d more", len(all)-most)
			break
		}
		fmt.Fprintf(&b, "\n  %s  %s", printable(a.ID), printable(a.Name))
	}
	return b.String()
}

// isForbidden reports whether a right is missing, rather than the token wrong.
func isForbidden(err error) bool {
	e, ok := errors.AsType[*remote.Error](err)
	return ok && e.Kind == remote.Denied && e.Status == http.StatusForbidden
}

// explain says what to do about a failed call.
func (s service) explain(err error) error {
	e, ok := errors.AsType[*remote.Error](err)
	switch {
	case isForbidden(err):
		return fmt.Errorf("the token from %s lacks a right: reading files takes the scopes files.get, file.get, privateFiles.get and privateFile.get, or all.Application.read (%w)",
			s.token.source(), err)
	case ok && e.Kind == remote.Denied:
		return fmt.Errorf("%s does not accept the token from %s: it is wrong or has expired (%w): %s", s.apiURL, s.token.source(), err,
			cmp.Or(s.token.another, s.token.renewal))
	case remote.Temporary(err):
		return fmt.Errorf("%s does not answer as it should: check the network and the API URL, or try again later (%w)", s.apiURL, err)
	}
	return err
}
