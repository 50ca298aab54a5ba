package remote_test

import (
	"bytes"
	"context"
	"crypto/md5"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"losantfs/remote"
	"losantfs/remote/emulator"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// service is an emulator and a client of it.
type service struct {
	*emulator.Server
	t      *testing.T
	client *remote.Client
}

func newService(t *testing.T) *service {
	t.Helper()
	emu, err := emulator.Start(emulator.Config{Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	s := &service{Server: emu, t: t}
	s.client = s.newClient(3*time.Second, emu.Token)
	t.Cleanup(func() {
		s.client.Close()
		if n := emu.Counts().Leaks; n != 0 {
			t.Errorf("the token went to a host that is not the API %d times", n)
		}
		if err := emu.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

func (s *service) newClient(timeout time.Duration, token func() string) *remote.Client {
	c, err := remote.New(remote.Config{BaseURL: s.URL(), Timeout: timeout,
		Token: func() (string, error) { return token(), nil }})
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(c.Close)
	return c
}

func (s *service) files(space remote.Space) *remote.Files {
	return s.client.Files(s.Application(), space)
}

// with sets switches of the emulator and forgets what it counted.
func (s *service) with(pairs ...string) *service {
	s.t.Helper()
	for i := 0; i < len(pairs); i += 2 {
		if err := s.Set(pairs[i], pairs[i+1]); err != nil {
			s.t.Fatal(err)
		}
	}
	s.ResetCounts()
	return s
}

func (s *service) calls(op string, want int64) {
	s.t.Helper()
	if got := s.Counts().Calls[op]; got != want {
		s.t.Errorf("%d %s calls, want %d", got, op, want)
	}
}

func wantKind(t *testing.T, err error, want remote.Kind) {
	t.Helper()
	if remote.KindOf(err) != want {
		t.Errorf("error %v, want kind %q", err, want)
	}
}

func randomBytes(n int) []byte {
	b := make([]byte, n)
	_, _ = rand.NewChaCha8([32]byte{byte(n)}).Read(b)
	return b
}

var spaces = []remote.Space{remote.Public, remote.Private}

func TestEveryCallInBothSpaces(t *testing.T) {
	for _, space := range spaces {
		t.Run(string(space), func(t *testing.T) {
			s := newService(t)
			f, ctx := s.files(space), t.Context()
			data := randomBytes(100_000)

			e, ticket, err := f.Create(ctx, remote.NewEntry{Name: "ä 100%?#.bin", Parent: "/a/b", Size: int64(len(data)), ContentType: "application/x-test"})
			if err != nil || e.Parent != "/a/b/" || e.Status != remote.Pending || e.HasContent() {
				t.Fatalf("Create: %+v, %v", e, err)
			}
			if err := f.Upload(ctx, ticket, e.Name, bytes.NewReader(data), int64(len(data)), md5Of(data)); err != nil {
				t.Fatal(err)
			}
			got, err := f.Get(ctx, e.ID)
			if err != nil || got.Status != remote.Completed || got.Size != int64(len(data)) || got.MD5() == "" || got.ContentType != "application/x-test" {
				t.Fatalf("Get: %+v, %v", got, err)
			}
			wantContent(t, f, got, data)

			data = randomBytes(50_000)
			patched, ticket, err := f.Patch(ctx, e.ID, int64(len(data)), "", nil)
			if err != nil || patched.ID != e.ID {
				t.Fatalf("Patch: %+v, %v", patched, err)
			}
			if err := f.Upload(ctx, ticket, e.Name, bytes.NewReader(data), int64(len(data)), md5Of(data)); err != nil {
				t.Fatal(err)
			}
			if got, err = f.Get(ctx, e.ID); err != nil {
				t.Fatal(err)
			}
			wantContent(t, f, got, data)

			moved, err := f.Move(ctx, e.ID, "/c/", "new")
			if err != nil || moved.ID == e.ID || moved.Parent != "/c/" || moved.Name != "new" {
				t.Fatalf("Move: %+v, %v", moved, err)
			}
			if moved, err = f.Get(ctx, moved.ID); err != nil {
				t.Fatal(err)
			}
			wantContent(t, f, moved, data)
			_, err = f.Get(ctx, e.ID)
			wantKind(t, err, remote.NotFound)

			dir, _, err := f.Create(ctx, remote.NewEntry{Name: "dir", Parent: "/c", Dir: true})
			if err != nil || !dir.Dir || dir.Status != remote.Completed {
				t.Fatalf("Create of a directory: %+v, %v", dir, err)
			}
			if _, _, err := f.Create(ctx, remote.NewEntry{Name: "dir", Parent: "/c", Dir: true}); err == nil {
				t.Error("a second directory of the same name was made")
			}
			if err := f.Delete(ctx, moved.ID); err != nil {
				t.Fatal(err)
			}
			wantKind(t, f.Delete(ctx, moved.ID), remote.NotFound)
			all, err := f.ListDirectory(ctx, "/c")
			if err != nil || len(all) != 1 || all[0].ID != dir.ID {
				t.Fatalf("ListDirectory: %+v, %v", all, err)
			}
		})
	}
}

func wantContent(t *testing.T, f *remote.Files, e remote.Entry, want []byte) {
	t.Helper()
	var got bytes.Buffer
	if err := f.Download(e).Fetch(t.Context(), 0, e.Size, &got); err != nil || !bytes.Equal(got.Bytes(), want) {
		t.Errorf("content of %s: %d bytes, %v; want %d", e.Name, got.Len(), err, len(want))
	}
}

func TestAccount(t *testing.T) {
	s := newService(t)
	if _, err := s.client.Me(t.Context()); err != nil {
		t.Error(err)
	}
	other := s.NewApplication("Second")
	apps, err := s.client.Applications(t.Context())
	if err != nil || len(apps) != 2 {
		t.Errorf("Applications: %+v, %v", apps, err)
	}
	if a, err := s.client.Application(t.Context(), other); err != nil || a.Name != "Second" || a.ID != other {
		t.Errorf("Application: %+v, %v", a, err)
	}
	_, err = s.client.Application(t.Context(), "000000000000000000000000")
	wantKind(t, err, remote.NotFound)
	session, err := s.client.Authenticate(t.Context(), remote.Login{Email: "demo@example.com", Password: "demo"})
	if err != nil || session.Token == "" {
		t.Errorf("Authenticate: %v", err)
	}
	_, err = s.client.Authenticate(t.Context(), remote.Login{Email: "demo@example.com", Password: "wrong"})
	wantKind(t, err, remote.Denied)
}

func TestListingIsWholeOrAnError(t *testing.T) {
	s := newService(t)
	want := map[string]bool{}
	for i := range 250 {
		want[s.PutFile(s.Application(), "public", fmt.Sprintf("/d/%03d", i), []byte("x"))] = true
	}
	s.PutFile(s.Application(), "public", "/d/below/x", []byte("x"))
	want[mustFind(t, s, "/d/below").ID] = true
	check := func(calls int64) {
		t.Helper()
		all, err := s.files(remote.Public).ListDirectory(t.Context(), "/d")
		if err != nil || len(all) != len(want) {
			t.Fatalf("%d entries, %v; want %d", len(all), err, len(want))
		}
		for _, e := range all {
			if !want[e.ID] {
				t.Errorf("%s/%s does not belong there", e.Parent, e.Name)
			}
		}
		s.calls("list", calls)
	}
	s.with()
	check(1)
	s.with("per-page-max", "100")
	check(3)
	s.with("per-page-max", "100", "total-count", "wrong")
	check(4) // an empty page proves the end
	s.with("total-count", "right", "list-depth", "recursive")
	check(3)
	s.with("list-depth", "children", "list-fail-page", "1")
	_, err := s.files(remote.Public).ListDirectory(t.Context(), "/d")
	wantKind(t, err, remote.Unreachable)
	s.with("list-fail-page", "-1")
	_, err = s.files(remote.Public).ListDirectory(t.Context(), "/absent")
	wantKind(t, err, remote.NotFound)
	if all, err := s.files(remote.Private).ListDirectory(t.Context(), "/"); err != nil || len(all) != 0 {
		t.Errorf("an empty root: %v, %v", all, err)
	}
}

func mustFind(t *testing.T, s *service, path string) emulator.Item {
	t.Helper()
	it, ok := s.Find(s.Application(), "public", path)
	if !ok {
		t.Fatalf("%s is not there", path)
	}
	return it
}

func TestSpaceThatTheInstallationLacks(t *testing.T) {
	s := newService(t)
	for status, want := range map[string]remote.Kind{"404": remote.NotFound, "405": remote.Unsupported} {
		s.with("private-files", status)
		_, err := s.files(remote.Private).ListDirectory(t.Context(), "/")
		wantKind(t, err, want)
		s.calls("list", 1)
	}
}

func TestWhatIsRepeated(t *testing.T) {
	s := newService(t)
	f, ctx := s.files(remote.Public), t.Context()
	id := s.PutFile(s.Application(), "public", "/a", []byte("x"))
	get := func() error { _, err := f.Get(ctx, id); return err }

	s.with("error-count", "2", "error-status", "503")
	if err := get(); err != nil {
		t.Error("two 503:", err)
	}
	s.calls("get", 3)

	s.with("error-count", "1", "error-status", "429", "retry-after", "1")
	began := time.Now()
	if err := get(); err != nil || time.Since(began) < time.Second {
		t.Errorf("429 with Retry-After: 1: %v after %v", err, time.Since(began))
	}
	s.with("error-count", "1", "error-status", "429", "retry-after", "3600")
	began = time.Now()
	err := get()
	wantKind(t, err, remote.Throttled)
	if time.Since(began) > time.Second {
		t.Error("waited for a Retry-After that is longer than the deadline")
	}
	s.calls("get", 1)

	// All calls of a client wait together: what follows needs another one.
	f = s.newClient(3*time.Second, s.Token).Files(s.Application(), remote.Public)
	s.with("error-count", "1", "error-status", "403", "retry-after", "")
	wantKind(t, get(), remote.Denied)
	s.calls("get", 1)
	s.with("error-count", "0", "garbage-count", "2")
	if err := get(); err != nil {
		t.Error("answers that are not JSON:", err)
	}
	s.with("drop-count", "1")
	if err := get(); err != nil {
		t.Error("a lost answer:", err)
	}
	s.with("garbage-count", "1", "garbage-status", "200")
	if err := get(); err != nil {
		t.Error("a page that is not the API:", err)
	}

	// What must not happen twice is not repeated, and says that it may have happened.
	s.with("drop-count", "1")
	_, _, err = f.Create(ctx, remote.NewEntry{Name: "new", Parent: "/", Dir: true})
	var e *remote.Error
	if !errors.As(err, &e) || !e.Ambiguous || e.Kind != remote.Unreachable {
		t.Errorf("a create whose answer was lost: %v, want it ambiguous", err)
	}
	s.calls("create", 1)
	s.with("drop-count", "1")
	if _, err = f.Move(ctx, id, "/", "b"); !errors.As(err, &e) || !e.Ambiguous {
		t.Errorf("a move whose answer was lost: %v, want it ambiguous", err)
	}
	s.calls("move", 1)
	s.with("error-count", "1", "error-status", "429")
	if _, _, err = f.Create(ctx, remote.NewEntry{Name: "new2", Parent: "/", Dir: true}); err != nil {
		t.Errorf("a create that was throttled: %v, want it repeated", err)
	}
	// Nor is what would destroy something that has come since it was looked for.
	for name, destroy := range map[string]func(id string) error{
		"delete": func(id string) error { return f.Delete(ctx, id) },
		"move":   func(id string) error { _, err := f.Move(ctx, id, "/", "c"); return err },
		"patch":  func(id string) error { _, _, err := f.Patch(ctx, id, 1, "", nil); return err },
	} {
		s.with("error-count", "1", "error-status", "503")
		before := s.Counts().Calls[name]
		if err := destroy(mustFind(t, s, "/b").ID); remote.KindOf(err) != remote.Unreachable {
			t.Errorf("a %s that failed: %v", name, err)
		}
		if n := s.Counts().Calls[name] - before; n != 1 {
			t.Errorf("%d calls of %s that failed, want 1", n, name)
		}
	}
}

func TestRefusedTokenIsNotSentAgain(t *testing.T) {
	s := newService(t)
	token := "wrong"
	c := s.newClient(3*time.Second, func() string { return token })
	for range 10 {
		_, err := c.Me(t.Context())
		wantKind(t, err, remote.Denied)
		if !errors.Is(err, fs.ErrPermission) || strings.Contains(err.Error(), token) {
			t.Errorf("the error is %v", err)
		}
	}
	s.calls("me", 1)
	token = s.Token()
	if _, err := c.Me(t.Context()); err != nil {
		t.Errorf("with a new token: %v", err)
	}
}

func TestDeadlines(t *testing.T) {
	s := newService(t)
	c := s.newClient(900*time.Millisecond, s.Token)
	id := s.PutFile(s.Application(), "public", "/a", randomBytes(1000))
	f := c.Files(s.Application(), remote.Public)
	e, err := f.Get(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	within := func(what string, call func() error) {
		t.Helper()
		began := time.Now()
		wantKind(t, call(), remote.Unreachable)
		if d := time.Since(began); d > 2*time.Second {
			t.Errorf("%s: the error came after %v", what, d)
		}
	}
	list := func() error { _, err := f.ListDirectory(t.Context(), "/"); return err }
	fetch := func() error { return f.Download(e).Fetch(t.Context(), 0, e.Size, io.Discard) }
	s.with("hang-count", "100")
	within("hanging API", list)
	within("hanging content host", fetch)
	s.with("hang-count", "0", "down", "true")
	within("dead API", list)
	within("dead content host", fetch)
	s.with("down", "false", "hang-count", "1")
	if err := list(); err != nil {
		t.Error("one hanging answer:", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := f.List(ctx, remote.ListOptions{}); !errors.Is(err, context.Canceled) {
		t.Errorf("a cancelled call: %v", err)
	}
}

func TestDownloadResumes(t *testing.T) {
	s := newService(t)
	data := randomBytes(3 << 20)
	for _, space := range spaces {
		s.PutFile(s.Application(), string(space), "/big", data)
		f := s.files(space)
		for _, switches := range [][]string{
			{"truncate-count", "2"}, {"drop-count", "2"}, {"error-count", "2", "error-status", "500"}, {"garbage-count", "1"},
			{"cdn-range", "ignore"}, {"cdn-etag", "none"}, {"cdn-etag", "weak"}, {"redirect-content", "true"},
		} {
			all, err := f.ListDirectory(t.Context(), "/")
			if err != nil {
				t.Fatal(err)
			}
			s.with("error-ops", "content").with(switches...)
			var got bytes.Buffer
			if err := f.Download(all[0]).Fetch(t.Context(), 1000, 2<<20, &got); err != nil || !bytes.Equal(got.Bytes(), data[1000:1000+2<<20]) {
				t.Errorf("%s, %v: %d bytes, %v", space, switches, got.Len(), err)
			}
			for _, sw := range s.Switches() {
				s.with(sw.Name, sw.Default)
			}
		}
	}
}

func TestExpiredURLIsRenewed(t *testing.T) {
	s := newService(t)
	data := randomBytes(1000)
	id := s.PutFile(s.Application(), "private", "/p", data)
	f := s.files(remote.Private)
	s.with("url-ttl", "1s")
	e, err := f.Get(t.Context(), id)
	if err != nil || e.URL == "" {
		t.Fatal(e, err)
	}
	d := f.Download(e)
	time.Sleep(1100 * time.Millisecond)
	s.with("url-ttl", "")
	for range 2 {
		var got bytes.Buffer
		if err := d.Fetch(t.Context(), 0, e.Size, &got); err != nil || !bytes.Equal(got.Bytes(), data) {
			t.Errorf("%d bytes, %v", got.Len(), err)
		}
	}
	s.calls("get", 1)
	s.calls("content", 3)

	// A listing without URLs costs one call for the file.
	e.URL = ""
	s.with()
	wantContent(t, f, e, data)
	s.calls("get", 1)
}

func TestStaleCDN(t *testing.T) {
	s := newService(t)
	f := s.files(remote.Public)
	s.with("cdn-ttl", "1h")
	id := s.PutFile(s.Application(), "public", "/f", []byte("the old bytes"))
	old, err := f.Get(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	wantContent(t, f, old, []byte("the old bytes"))
	s.PutFile(s.Application(), "public", "/f", []byte("the new bytes"))
	now, err := f.Get(t.Context(), id)
	if err != nil || now.Version() == old.Version() {
		t.Fatal(now, err)
	}
	wantContent(t, f, now, []byte("the new bytes"))
	// The old version is gone, whatever the CDN still says.
	s.with("cdn-ttl", "0s")
	var got bytes.Buffer
	wantKind(t, f.Download(old).Fetch(t.Context(), 0, old.Size, &got), remote.Changed)
	if got.Len() > 0 {
		t.Errorf("bytes of another version were handed out: %q", got.Bytes())
	}
	// Without an etag the size still tells some versions apart.
	s.with("cdn-etag", "none")
	s.PutFile(s.Application(), "public", "/f", []byte("longer than before"))
	wantKind(t, f.Download(now).Fetch(t.Context(), 0, now.Size, &got), remote.Changed)
}

func md5Of(data []byte) string { return fmt.Sprintf("%x", md5.Sum(data)) }

func TestUploadFailures(t *testing.T) {
	s := newService(t)
	f, ctx := s.files(remote.Public), t.Context()
	id := s.PutFile(s.Application(), "public", "/f", []byte("before"))
	upload := func(ticket remote.Ticket, data string) error {
		return f.Upload(ctx, ticket, "f", strings.NewReader(data), int64(len(data)), md5Of([]byte(data)))
	}
	patch := func() remote.Ticket {
		t.Helper()
		_, ticket, err := f.Patch(ctx, id, 5, "", nil)
		if err != nil {
			t.Fatal(err)
		}
		return ticket
	}
	s.with("tickets", "single-use")
	ticket := patch()
	if err := upload(ticket, "first"); err != nil {
		t.Fatal(err)
	}
	wantKind(t, upload(ticket, "again"), remote.Expired)
	s.with("tickets", "reusable", "ticket-ttl", "1s")
	ticket = patch()
	time.Sleep(1100 * time.Millisecond)
	wantKind(t, upload(ticket, "late!"), remote.Expired)
	s.with("ticket-ttl", "1h", "zero-bytes", "reject")
	wantKind(t, upload(patch(), ""), remote.Invalid)
	s.with("zero-bytes", "accept")
	if err := upload(patch(), ""); err != nil {
		t.Error("an empty file:", err)
	}
	// What was sent is not what was to be sent.
	wantKind(t, f.Upload(ctx, patch(), "f", strings.NewReader("other"), 5, md5Of([]byte("bytes"))), remote.Corrupt)
	ticket = patch()
	ticket.URL = "file:///etc/passwd"
	wantKind(t, upload(ticket, "x"), remote.Invalid)
}

func TestTokenStaysWithTheAPI(t *testing.T) {
	var got []string
	other := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		got = append(got, r.Header.Get("Authorization"))
	}))
	defer other.Close()
	s := newService(t)
	s.with("redirect-api", other.URL)
	_, err := s.client.Me(t.Context())
	if err == nil || !strings.Contains(err.Error(), "redirects") {
		t.Errorf("a redirect to another host: %v", err)
	}
	if len(got) != 0 {
		t.Errorf("the other host was asked %d times", len(got))
	}
	for url, ok := range map[string]bool{
		"https://api.losant.com": true, "https://api.app.wnology.io/": true, "http://127.0.0.1:1": true, "http://localhost:1": true,
		"http://api.losant.com": false, "api.losant.com": false, "ftp://x": false, "https://user:pw@x": false, "https://x/?a=b": false,
	} {
		if _, err := remote.New(remote.Config{BaseURL: url, Token: func() (string, error) { return "", nil }}); (err == nil) != ok {
			t.Errorf("API URL %s: %v", url, err)
		}
	}
}

func TestErrorsMatchIOFS(t *testing.T) {
	for kind, target := range map[remote.Kind]error{remote.NotFound: fs.ErrNotExist, remote.Exists: fs.ErrExist,
		remote.Denied: fs.ErrPermission, remote.Invalid: fs.ErrInvalid} {
		err := fmt.Errorf("wrapped: %w", &remote.Error{Kind: kind, Op: "x"})
		if !errors.Is(err, target) || errors.Is(err, io.EOF) {
			t.Errorf("%v does not match %v", err, target)
		}
	}
	if remote.KindOf(context.DeadlineExceeded) != remote.Unreachable || remote.KindOf(io.EOF) != 0 {
		t.Error("KindOf of foreign errors")
	}
}
