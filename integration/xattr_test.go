package integration

import (
	"strings"
	"testing"
)

// TestCopiesWithAttributes copies with extended attributes within the drive, out of
// it and back: those shown here describe another file then, and are no reason to
// fail.
func TestCopiesWithAttributes(t *testing.T) {
	wantPrograms(t, "rsync setfattr getfattr")
	d := dancing(t, filled(map[string]string{"/d/f": "text", "/d/sub/g": "g"}))
	want := map[string]string{"/d": "dir", "/d/f": "text", "/d/sub": "dir", "/d/sub/g": "g"}
	for _, c := range []struct{ to, script string }{
		{"/cp", `cp -a d cp`},
		{"/preserved", `cp -r --preserve=all d preserved`},
		{"/rsync", `rsync -aX d/ rsync`},
		{"/back", `rsync -aX d/ "$HOME/out" && getfattr -d "$HOME/out/f" 2> /dev/null | grep -q losant && rsync -aX "$HOME/out/" back`},
		{"/own", `cp -r d own && rsync -aX --ignore-times d/ own`},
		{"/foreign", `mkdir "$HOME/plain" && cp -r d/. "$HOME/plain" && rsync -aX "$HOME/plain/" foreign && rsync -aX --ignore-times "$HOME/plain/" foreign`},
		{"/mv", `cp -a d "$HOME/moved" && mv "$HOME/moved" mv`},
	} {
		if out, err := d.shell(c.script); err != nil || out != "" {
			t.Errorf("%s: %v, %s", c.script, err, out)
		}
		for _, p := range []string{"", "/f", "/sub", "/sub/g"} {
			want[c.to+p] = want["/d"+p]
		}
	}
	d.flush()
	d.wantService(want)
	if got, its := d.sh("getfattr --only-values -n user.losant.id cp/f"), d.id("/cp/f"); got != its {
		t.Errorf("the copy says that it is %s, but it is %s", got, its)
	}
	// Anything else would be lost, so it is refused.
	for script, says := range map[string]string{
		"setfattr -n user.mine -v 1 d/f": "not supported", "setfattr -n user.mine -v 1 d": "not supported", "setfattr -x user.mine d/f": "No such attribute",
		"setfattr -x user.losant.id d/f && getfattr -n user.losant.id d/f": "user.losant.id=",
	} {
		if out, _ := d.shell(script); !strings.Contains(out, says) {
			t.Errorf("%s says %q, want %q", script, out, says)
		}
	}
}
