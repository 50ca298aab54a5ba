package fs

import (
	"context"
	"errors"
	"log/slog"
	"os/exec"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"

	"losantfs/cache"
	"losantfs/cache/content"
	"losantfs/remote"
	"losantfs/remote/emulator"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var log = slog.New(slog.DiscardHandler)

func newClient(t *testing.T, emu *emulator.Server) *remote.Client {
	t.Helper()
	client, err := remote.New(remote.Config{BaseURL: emu.URL(), Timeout: time.Second, Logger: log,
		Token: func() (string, error) { return emu.Token(), nil }})
	if err != nil {
		t.Fatal(err)
	}
	return client
}

// A mount that was used in every way the read side has, also while the service
// is failing, leaves no goroutine behind.
func TestMountLeavesNoGoroutine(t *testing.T) {
	emu, err := emulator.Start(emulator.Config{Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	defer emu.Close()
	if err := emu.Samples(emu.Application()); err != nil {
		t.Fatal(err)
	}
	client := newClient(t, emu)
	defer client.Close()
	store, err := content.Open(t.TempDir(), 1<<30, log)
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	var spaces []*cache.Space
	for _, name := range []remote.Space{remote.Public, remote.Private} {
		s, err := cache.NewSpace(client.Files(emu.Application(), name), cache.Options{TTL: 100 * time.Millisecond, Content: store, Logger: log})
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		spaces = append(spaces, s)
	}
	mnt := t.TempDir()
	m, err := Mount(Options{Mountpoint: mnt, Application: emu.Application(), Spaces: spaces, Folders: true, Umask: 0o022, Logger: log})
	if err != nil {
		t.Fatal(err)
	}
	// In other processes, as a request of this one could wait for itself; also
	// the change of directory, which the new process would do before its exec.
	use := func(script string) error {
		cmd := exec.Command("sh", "-c", "cd "+mnt+" && "+script)
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Logf("%s: %v\n%s", script, err, out)
		}
		return err
	}
	if err := use("ls -lR > /dev/null && cat public/index.html private/firmware/*/* > /dev/null && head -c 1 public/images/* > /dev/null && df . > /dev/null"); err != nil {
		t.Error(err)
	}
	for name, value := range map[string]string{"hang-count": "3", "truncate-count": "3", "down": "true"} {
		if err := emu.Set(name, value); err != nil {
			t.Fatal(err)
		}
		_ = use("cat public/docs/*.pdf public/data/* public/css/* > /dev/null")
	}
	if err := m.Unmount(); err != nil {
		t.Error(err)
		if err := m.Detach(); err != nil {
			t.Error(err)
		}
	}
	m.Wait()
}

// A directory that cannot be listed again when it is rewound keeps what it had.
func TestRewindWithoutTheService(t *testing.T) {
	emu, err := emulator.Start(emulator.Config{Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	defer emu.Close()
	emu.PutFile(emu.Application(), "public", "/f", nil)
	client := newClient(t, emu)
	defer client.Close()
	s, err := cache.NewSpace(client.Files(emu.Application(), remote.Public), cache.Options{TTL: time.Hour, Logger: log})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	d := &dirNode{node: node{v: &volume{space: s, log: log}}}
	d.v.root = d.EmbeddedInode()
	fh, _, e := d.OpendirHandle(t.Context(), 0)
	if e != 0 {
		t.Fatal(e)
	}
	if err := emu.Set("down", "true"); err != nil {
		t.Fatal(err)
	}
	s.Forget("/")
	h := fh.(*dirHandle)
	if e := h.Seekdir(t.Context(), 0); e != syscall.EIO {
		t.Errorf("rewinding: %v, want EIO", e)
	}
	for _, want := range []string{".", "..", "f"} {
		if entry, e := h.Readdirent(t.Context()); e != 0 || entry == nil || entry.Name != want {
			t.Errorf("reading on: %v, %v, want %s", entry, e, want)
		}
	}
}

func TestErrnos(t *testing.T) {
	cancelled, cancel := context.WithCancel(context.Background())
	cancel()
	for _, c := range []struct {
		ctx  context.Context
		err  error
		want syscall.Errno
	}{
		{t.Context(), nil, 0},
		{t.Context(), errors.New("anything"), syscall.EIO},
		{t.Context(), syscall.ENOSPC, syscall.ENOSPC},
		{t.Context(), context.DeadlineExceeded, syscall.EIO},
		{t.Context(), &content.CorruptError{}, syscall.EIO},
		{cancelled, context.Canceled, syscall.EINTR},
	} {
		if got := errno(c.ctx, c.err); got != c.want {
			t.Errorf("errno(%v) = %v, want %v", c.err, got, c.want)
		}
	}
	for kind := remote.Unreachable; kind <= remote.Expired; kind++ {
		if _, ok := errnos[kind]; !ok {
			t.Errorf("%v has no errno", kind)
		}
	}
}
