//go:build programs

package integration

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"losantfs/remote/emulator"
)

// TestVendorClient drives the emulator with losant-rest, the vendor's own client:
// what the vendor's code accepts as the service, losantfs may take for it too.
func TestVendorClient(t *testing.T) {
	for _, program := range []string{"node", "npm"} {
		if _, err := exec.LookPath(program); err != nil {
			t.Fatalf("%s is needed to run the vendor's client; install Node.js 20 or later: %v", program, err)
		}
	}
	dir := t.TempDir()
	install := exec.CommandContext(t.Context(), "npm", "install", "--no-audit", "--no-fund", "--prefix", dir, "losant-rest@2")
	install.Dir = dir
	if out, err := install.CombinedOutput(); err != nil {
		t.Fatalf("npm cannot install losant-rest (is the npm registry reachable?): %v\n%s", err, out)
	}

	s, err := emulator.Start(emulator.Config{Dir: filepath.Join(dir, "state")})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	// The script must wait as it would for the real service.
	for name, value := range map[string]string{"completion-lag": "200ms", "move-delay": "100ms"} {
		if err := s.Set(name, value); err != nil {
			t.Fatal(err)
		}
	}
	client := exec.CommandContext(t.Context(), "node", filepath.Join("testdata", "vendor_client.js"))
	client.Env = append(os.Environ(),
		"NODE_PATH="+filepath.Join(dir, "node_modules"),
		"LOSANT_API_URL="+s.URL(), "LOSANT_API_TOKEN="+s.Token(), "APPLICATION_ID="+s.Application())
	out, err := client.CombinedOutput()
	t.Logf("%s", out)
	if err != nil {
		t.Fatalf("the vendor's client does not agree with the emulator: %v", err)
	}

	n := s.Counts()
	for _, op := range []string{"list", "create", "get", "patch", "move", "upload", "delete", "form", "content"} {
		if n.Calls[op] < 2 {
			t.Errorf("%s was called %d times, not once for each space", op, n.Calls[op])
		}
	}
	if n.Leaks != 0 {
		t.Errorf("the token left the API host %d times", n.Leaks)
	}
	for _, space := range []string{"public", "private"} {
		if left := s.Items(s.Application(), space); len(left) != 0 {
			t.Errorf("%s files are left: %+v", space, left)
		}
	}
}
