package cmd

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"slices"
	"time"

	"losantfs/remote"
)

// serviceTime is how long one question to the service may take.
const serviceTime = 15 * time.Second

// maxClockOff is how far the clock may be off: what is signed for some minutes can
// then seem to be good no more, or not yet.
const maxClockOff = 5 * time.Minute

// checkService looks at the token, the API, the clock and the application.
func (d *doctor) checkService(ctx context.Context) {
	dir, _ := os.Getwd()
	s, err := findService(d.wanted, dir, slog.New(slog.DiscardHandler))
	for _, f := range credentialsFiles() {
		d.checkMode(f.file.path, isOwnCredentials(f.file.path))
	}
	none, isNone := errors.AsType[*noTokenError](err)
	switch {
	case err == nil:
		d.checkToken(s)
	case isNone:
		d.say(isProblem, "token", none.text, none.todo)
	default:
		d.say(isProblem, "token", err.Error(), "mend or remove what is wrong")
		s.token = nil // it must not go there
	}
	get := func() (string, error) { return "", errors.New("there is none") }
	if s.token != nil {
		get = s.token.get
	}
	c, err := remote.New(remote.Config{BaseURL: s.apiURL, Token: get, Timeout: serviceTime, UserAgent: "losantfs/" + buildVersion()})
	if err != nil {
		d.failed("api", err)
		return
	}
	defer c.Close()
	reached := d.checkAPI(ctx, s, c)
	d.checkClock(c)
	if reached && s.token != nil {
		d.checkApplication(ctx, s, c)
	}
}

// checkToken says where the token comes from and for how long it is good. Whether
// the service accepts it shows later.
func (d *doctor) checkToken(s service) {
	source := s.token.source()
	if d.tokenFile != "" {
		d.checkMode(source, false)
	}
	text, _ := s.token.get()
	from := "the one from " + source + " is used"
	switch end := claimsOf(text).expires; {
	case end.IsZero():
		d.say(isOK, "token", from+"; it does not say that it expires", "")
	case time.Now().After(end):
		d.say(isProblem, "token", fmt.Sprintf("%s; it expired on %s", from, end.Local().Format(time.DateTime)), s.token.renewal)
	case time.Until(end) < nearExpiry:
		d.say(isWarning, "token", fmt.Sprintf("%s; it expires on %s", from, end.Local().Format(time.DateTime)), s.token.renewal)
	default:
		d.say(isOK, "token", fmt.Sprintf("%s; it expires on %s", from, end.Local().Format(time.DateTime)), "")
	}
}

// checkAPI asks a question that needs no token, and reports whether there was an
// answer.
func (d *doctor) checkAPI(ctx context.Context, s service, c *remote.Client) bool {
	began := time.Now()
	_, err := c.SSODomain(ctx, "doctor@example.com")
	took := time.Since(began).Round(time.Millisecond)
	if e, ok := errors.AsType[*remote.Error](err); err == nil || ok && e.Status != 0 && !remote.Temporary(err) {
		d.say(isOK, "api", fmt.Sprintf("%s answers, in %v", s.apiURL, took), "")
		return true
	}
	todo := "check the network, the proxy and the API URL"
	if bad, ok := errors.AsType[x509.CertificateInvalidError](err); ok && bad.Reason == x509.Expired {
		todo = "check the clock of this machine: it is " + time.Now().Format(time.DateTime)
	}
	d.say(isProblem, "api", fmt.Sprintf("%s does not answer as it should (%v)", s.apiURL, err), todo)
	return false
}

// checkClock compares the clocks.
func (d *doctor) checkClock(c *remote.Client) {
	ahead, known := c.ClockAhead()
	off := ahead.Abs()
	switch {
	case !known:
		d.say(isSkipped, "clock", "the service has not said what time it is", "")
	case off <= maxClockOff:
		d.say(isOK, "clock", fmt.Sprintf("it is %v off", off), "")
	case ahead > 0:
		d.say(isProblem, "clock", fmt.Sprintf("this machine's clock is %v behind the service's: times are wrong, and what is signed may be refused", off), setClock)
	default:
		d.say(isProblem, "clock", fmt.Sprintf("this machine's clock is %v ahead of the service's: times are wrong, and what is signed may be refused", off), setClock)
	}
}

// checkApplication looks for the application, and at its files.
func (d *doctor) checkApplication(ctx context.Context, s service, c *remote.Client) {
	all, err := c.Applications(ctx)
	d.asked = err == nil
	for _, a := range all {
		d.names[owedName(c.URL(), a.ID)] = a.Name
	}
	if remote.KindOf(err) == remote.Denied && !isForbidden(err) {
		d.say(isProblem, "token", fmt.Sprintf("the service refuses it (%v)", err), s.token.renewal)
		return
	}
	app, err := s.findApplication(ctx, c, s.application)
	switch {
	case err != nil && s.application == "" && len(all) != 1:
		d.say(isSkipped, "application", fmt.Sprintf("the token sees %s", countText(int64(len(all)), "application")), "losantfs doctor APPLICATION looks at one")
		return
	case err != nil:
		d.failed("application", err)
		return
	}
	d.names[owedName(c.URL(), app.ID)] = app.Name
	d.say(isOK, "application", fmt.Sprintf("%s (%s)", app.Name, app.ID), "")
	text, _ := s.token.get()
	for _, space := range bothSpaces {
		d.checkSpace(ctx, c.Files(app.ID, space), claimsOf(text))
	}
}

// scopeNames are what the rights to a space begin with: those to all of it, and
// those to one entry.
var scopeNames = map[remote.Space][2]string{
	remote.Public: {"files", "file"}, remote.Private: {"privateFiles", "privateFile"},
}

// checkSpace lists some files and fetches a byte of one.
func (d *doctor) checkSpace(ctx context.Context, f *remote.Files, rights claims) {
	check := string(f.Space())
	names := scopeNames[f.Space()]
	page, err := f.List(ctx, remote.ListOptions{Type: "file", Status: remote.Completed, SortField: "lastUpdated", Desc: true, PerPage: 20})
	switch kind := remote.KindOf(err); {
	case isForbidden(err):
		d.say(isWarning, check, "the token may not list these files, so drives are without them",
			fmt.Sprintf("make one with the scopes %s.get and %s.get", names[0], names[1]))
		return
	case kind == remote.NotFound, kind == remote.Unsupported:
		d.say(isSkipped, check, "this installation has no such files", "")
		return
	case err != nil:
		d.failed(check, err)
		return
	}
	text := fmt.Sprintf("%s can be listed", countText(int64(page.TotalCount), "file"))
	switch {
	case rights.scopes == nil:
		d.say(isOK, check, text+"; the token does not show whether they can be changed", "")
	case rights.mayWrite(names[0], names[1]):
		d.say(isOK, check, text+" and changed, as far as the token shows", "")
	default:
		d.say(isWarning, check, text+" but not changed, as far as the token shows",
			fmt.Sprintf("mount with --read-only, or make one with %s.post, %[2]s.patch, %[2]s.move and %[2]s.delete", names[0], names[1]))
	}
	at := slices.IndexFunc(page.Items, func(e remote.Entry) bool { return e.Size > 0 && e.HasContent() })
	if at < 0 {
		d.say(isSkipped, check, "there is no file whose content could be fetched", "")
		return
	}
	began := time.Now()
	ctx, cancel := context.WithTimeout(ctx, serviceTime)
	defer cancel()
	if err := f.Download(page.Items[at]).Fetch(ctx, 0, 1, io.Discard); err != nil {
		d.say(isProblem, check, fmt.Sprintf("the content of %s cannot be fetched (%v)", page.Items[at].Name, err),
			"check whether a firewall or a proxy lets requests for files through")
		return
	}
	d.say(isOK, check, fmt.Sprintf("content can be fetched, in %v", time.Since(began).Round(time.Millisecond)), "")
}
