package integration

import (
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"strings"
	"testing"
)

// finding is one line of losantfs doctor.
type finding struct {
	Level, Check, Text, Todo string
	Repaired                 bool
}

// findings are those of one run, and whether it found no problem.
type findings struct {
	t      *testing.T
	Checks []finding
	OK     bool
}

// doctor runs losantfs doctor on the application of the drive.
func (d *drive) doctor(t *testing.T, args ...string) findings {
	t.Helper()
	out, errs, err := d.run(append([]string{"doctor", "--json", d.app}, args...)...)
	all := findings{t: t}
	if jsonErr := json.Unmarshal([]byte(out), &all); jsonErr != nil {
		t.Fatalf("%v, %v\n%s%s", jsonErr, err, out, errs)
	}
	exit := 0
	if e, ok := errors.AsType[*exec.ExitError](err); ok {
		exit = e.ExitCode()
	}
	if want := map[bool]int{true: 0, false: 1}[all.OK]; exit != want {
		t.Errorf("exit code %d, want %d", exit, want)
	}
	if strings.Contains(out+errs, d.emu.Token()) {
		t.Error("the token is shown")
	}
	return all
}

// find returns what a check says in whose text, or what to do, a text is. An empty
// level is any.
func (f findings) find(level, check, text string) (finding, bool) {
	for _, c := range f.Checks {
		if c.Check == check && (level == "" || c.Level == level) && (strings.Contains(c.Text, text) || strings.Contains(c.Todo, text)) {
			return c, true
		}
	}
	return finding{}, false
}

// want checks that something is found, with its level.
func (f findings) want(level, check, text string) finding {
	f.t.Helper()
	c, ok := f.find(level, check, text)
	if !ok {
		f.t.Errorf("no %s of %s with %q; the doctor says:", level, check, text)
		for _, c := range f.Checks {
			f.t.Logf("%+v", c)
		}
	}
	if level == "problem" && f.OK {
		f.t.Error("it says that all is well")
	}
	if (level == "problem" || level == "warning") && c.Todo == "" {
		f.t.Errorf("it does not say what to do about %q", c.Text)
	}
	return c
}

func (f findings) wantRepaired(check, text string) {
	f.t.Helper()
	if c := f.want("ok", check, text); !c.Repaired {
		f.t.Errorf("%s is not repaired: %+v", text, c)
	}
}

func TestDoctorOfAHealthyDrive(t *testing.T) {
	d := mounted(t, sample)
	d.sh("cat public/f private/p; echo -n new > public/new")
	d.flush()
	f := d.doctor(t)
	if !f.OK {
		t.Error("it finds a problem")
	}
	f.want("ok", "fuse", "can be mounted")
	f.want("ok", "state", "of room")
	f.want("ok", "cache", "of room")
	f.want("ok", "mounts", d.mnt+" is online, owed: nothing")
	f.want("ok", "token", "LOSANT_API_TOKEN")
	f.want("ok", "api", d.emu.URL()+" answers, in ")
	f.want("ok", "clock", " off")
	f.want("ok", "application", d.app)
	for _, space := range []string{"public", "private"} {
		f.want("ok", space, "can be listed and changed")
		f.want("ok", space, "content can be fetched, in ")
	}
	f.want("ok", "owed", "no changes")
	f.want("ok", "cache", "3 files (16 B) are right")
	out, errs, err := d.run("doctor")
	if err != nil || !strings.Contains(out, "\nok       api          "+d.emu.URL()) || strings.Count(out, "\n") != len(f.Checks) {
		t.Errorf("for people: %v\n%s%s", err, out, errs)
	}
	d.stop()
	d.doctor(t).want("ok", "mounts", "no process of yours serves a drive")
}

func TestDoctorOfTheService(t *testing.T) {
	const notRead = "drives are without them"
	for name, c := range map[string]struct {
		switches           []string
		scopes             []string
		level, check, text string
		level2, text2      string // of the same check
	}{
		"down":                  {switches: []string{"down", "true"}, level: "problem", check: "api", text: "does not answer"},
		"not the API":           {switches: []string{"garbage-count", "1000", "garbage-status", "200"}, level: "problem", check: "api", text: "not the API's"},
		"clock behind":          {switches: []string{"clock", "10m"}, level: "problem", check: "clock", text: "behind"},
		"clock ahead":           {switches: []string{"clock", "-10m"}, level: "problem", check: "clock", text: "ahead"},
		"clock a little off":    {switches: []string{"clock", "3m"}, level: "ok", check: "clock", text: "off"},
		"no private files":      {switches: []string{"private-files", "405"}, level: "skipped", check: "private", text: "no such files"},
		"no content":            {switches: []string{"error-ops", "content", "error-count", "1000"}, level: "problem", check: "public", text: "the content of f cannot be fetched"},
		"token that reads":      {scopes: []string{"all.Application.read"}, level: "warning", check: "public", text: "not changed", level2: "ok", text2: "can be fetched"},
		"token of public files": {scopes: []string{"files.*", "file.*"}, level: "warning", check: "private", text: notRead},
		"token without files":   {scopes: []string{"application.get"}, level: "warning", check: "public", text: notRead},
		"token that sees two":   {level: "ok", check: "application", text: "Demo application"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			emu := newEmulator(t)
			sample(emu)
			d := newDrive(t, emu, os.Geteuid())
			if c.scopes != nil {
				d.env = []string{"LOSANT_API_TOKEN=" + emu.NewToken(0, c.scopes...)}
			}
			for i := 0; i < len(c.switches); i += 2 {
				d.set(c.switches[i], c.switches[i+1])
			}
			f := d.doctor(t)
			f.want(c.level, c.check, c.text)
			if f.OK != (c.level != "problem") {
				t.Errorf("ok: %v", f.OK)
			}
			if c.text2 != "" {
				f.want(c.level2, c.check, c.text2)
			}
		})
	}
}
