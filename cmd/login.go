package cmd

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"losantfs/remote"
)

func newLoginCommand() *cobra.Command {
	var l login
	var apiURL string
	c := &cobra.Command{
		Use:   "login",
		Short: "Store an API token for all drives of this user",
		Long: `Store an API token for all drives of this user, also for those that are mounted.

It asks for the email address and the password of an account, and for the code of
its second factor; these are not stored. Accounts that sign in through another
site (single sign-on) have no password here: make an API token in the account's
settings, or one of the application, leave the address empty, then paste it.

Without a terminal, or where the token is too long for one line of it (1,024
characters on macOS), it is read from the standard input:

  losantfs login --token-stdin < FILE

The API is the one of --api-url, LOSANT_API_URL or WEGNOLOGY_API_URL. The token is
checked before it is stored, in a file of your own.`,
		Example: `  losantfs login
  losantfs login --api-url https://api.app.wnology.io`,
		Args:              cobra.NoArgs,
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(c *cobra.Command, _ []string) error {
			l.apiURL = cmp.Or(givenURL(apiURL), remote.LosantURL)
			l.ask = prompt{os.Stdin, c.ErrOrStderr()}
			return l.run(c.Context(), c.OutOrStdout())
		},
	}
	c.Flags().StringVar(&apiURL, "api-url", "", "`URL` of the API (default "+remote.LosantURL+")")
	c.Flags().BoolVar(&l.fromStdin, "token-stdin", false, "read an API token from the standard input")
	return c
}

// login gets a token and stores it.
type login struct {
	apiURL    string
	fromStdin bool
	ask       prompt
}

func (l *login) run(ctx context.Context, out io.Writer) error {
	if err := protectMemory(); err != nil {
		return err
	}
	text, err := l.token(ctx)
	if err != nil {
		return err
	}
	if text, err = checkToken(text); err != nil {
		return err
	}
	who, err := l.whose(ctx, text)
	if err != nil {
		return err
	}
	path, err := changeCredentials(func(byURL map[string]string) { byURL[l.apiURL] = text })
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "logged in to %s %s; the token is in %s\n", l.apiURL, who, path)
	if claims := claimsOf(text); !claims.expires.IsZero() {
		fmt.Fprintf(out, "It expires on %s.\n", claims.expires.Local().Format(time.DateTime))
	}
	if name := tokenVariable(l.apiURL); name != "" {
		fmt.Fprintf(out, "%s is set and goes before it: unset %s\n", name, name)
	}
	return nil
}

// token asks for a token, or for what the service gives one for.
func (l *login) token(ctx context.Context) (string, error) {
	person := term.IsTerminal(int(l.ask.in.Fd()))
	switch {
	case l.fromStdin && !person:
		text, err := io.ReadAll(io.LimitReader(l.ask.in, maxTokenFile))
		return string(text), err
	case !person:
		return "", fmt.Errorf(`there is no terminal to ask for a password: pipe an API token in,
losantfs login --api-url %s --token-stdin < FILE, or log in from a terminal`, shellWord(l.apiURL))
	case l.fromStdin:
		return l.ask.secret(ctx, "API token: ")
	}
	c, err := l.client("")
	if err != nil {
		return "", err
	}
	defer c.Close()
	fmt.Fprintf(l.ask.out, "Logging in to %s\n", l.apiURL)
	email, err := l.ask.line(ctx, "Email address (or nothing, to paste an API token): ")
	if email = strings.TrimSpace(email); err != nil || email == "" {
		if err == nil {
			return l.ask.secret(ctx, "API token: ")
		}
		return "", err
	}
	if !strings.Contains(email, "@") { // it may be a token, which must not be shown or become part of a URL
		return "", errors.New("this is not an email address: to paste an API token, leave the address empty, then paste it")
	}
	switch elsewhere, err := c.SSODomain(ctx, email); {
	case remote.Temporary(err):
		return "", l.explain(err)
	case elsewhere: // an installation may lack the question
		return "", fmt.Errorf(`the account of %s signs in through another site (single sign-on) and has no password here:
make a user API token in the account's settings, or an API token of the application, and
run losantfs login again with nothing for the email address`, printable(email))
	}
	password, err := l.ask.secret(ctx, "Password: ")
	if err != nil {
		return "", err
	}
	return l.authenticate(ctx, c, email, password)
}

// authenticate exchanges the password for a token. The vendor's tool asks for the
// same scope and life.
func (l *login) authenticate(ctx context.Context, c *remote.Client, email, password string) (string, error) {
	with := remote.Login{Email: email, Password: password, RequestedScopes: []string{"all.User.cli"}, TokenTTL: new(int64)}
	session, err := c.Authenticate(ctx, with)
	if question := codeQuestion(err); question != "" {
		code, askErr := l.ask.line(ctx, question)
		if askErr != nil {
			return "", askErr
		}
		if with.TwoFactorCode = strings.TrimSpace(code); with.TwoFactorCode != "" {
			session, err = c.Authenticate(ctx, with)
		}
	}
	switch e, ok := errors.AsType[*remote.Error](err); {
	case err == nil:
		return session.Token, nil
	case ok && e.Status >= 400 && e.Status < 500:
		return "", fmt.Errorf("%s refuses the login: %s", l.apiURL, printable(e.Message))
	}
	return "", l.explain(err)
}

// codeQuestion is how to ask for the code of the second factor after a login
// without one failed, "" where it would not help. It is not known whether the
// service says that the code was missing.
func codeQuestion(err error) string {
	e, ok := errors.AsType[*remote.Error](err)
	said := ok && strings.Contains(strings.ToLower(e.Type+e.Message), "factor")
	switch {
	case said:
		return "Code of the second factor: "
	case ok && e.Type != "AccountLocked" && (e.Status == 400 || e.Status == 401 || e.Status == 403):
		return "That was refused. If the account has a second factor, its code (or nothing): "
	}
	return ""
}

// client returns a client with a token, "" for calls that need none.
func (l *login) client(text string) (*remote.Client, error) {
	return remote.New(remote.Config{
		BaseURL: l.apiURL, Token: func() (string, error) { return text, nil }, UserAgent: "losantfs/" + buildVersion(),
	})
}

// whose asks the service whose a token is, and fails when it is of no use.
func (l *login) whose(ctx context.Context, text string) (string, error) {
	c, err := l.client(text)
	if err != nil {
		return "", err
	}
	defer c.Close()
	me, err := c.Me(ctx)
	if err == nil {
		return "as " + printable(me.Email), nil
	}
	if isForbidden(err) {
		// A token of an application sees no user.
		var all []remote.Application
		if all, err = c.Applications(ctx); err == nil {
			return fmt.Sprintf("with a token that sees %s", countText(int64(len(all)), "application")), nil
		}
	}
	if isForbidden(err) {
		return "with a token that may not list applications: mount with the id of one", nil
	}
	return "", l.explain(err)
}

func (l *login) explain(err error) error {
	if remote.KindOf(err) == remote.Denied {
		return fmt.Errorf("%s does not accept this token: it is wrong, has expired or was revoked (%w)", l.apiURL, err)
	}
	return (service{apiURL: l.apiURL}).explain(err)
}
