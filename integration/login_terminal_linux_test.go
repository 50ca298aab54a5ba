package integration

import (
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// terminal is a person at a terminal in which a program runs.
type terminal struct {
	t      *testing.T
	master *os.File
	slave  *os.File
	screen syncBuffer
	cmd    *exec.Cmd
}

// atTerminal starts the program at a new terminal.
func (d *drive) atTerminal(t *testing.T, args ...string) *terminal {
	t.Helper()
	master, err := os.OpenFile("/dev/ptmx", os.O_RDWR|syscall.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	if err := unix.IoctlSetPointerInt(int(master.Fd()), unix.TIOCSPTLCK, 0); err != nil {
		t.Fatal(err)
	}
	n, err := unix.IoctlGetInt(int(master.Fd()), unix.TIOCGPTN)
	if err != nil {
		t.Fatal(err)
	}
	slave, err := os.OpenFile(fmt.Sprintf("/dev/pts/%d", n), os.O_RDWR|syscall.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	tty := &terminal{t: t, master: master, slave: slave, cmd: d.command(binary, args...)}
	tty.cmd.Stdin, tty.cmd.Stdout, tty.cmd.Stderr = slave, slave, slave
	tty.cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
	if err := tty.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		buf := make([]byte, 4096)
		for {
			n, err := master.Read(buf)
			_, _ = tty.screen.Write(buf[:n])
			if err != nil {
				return
			}
		}
	}()
	t.Cleanup(func() {
		_ = tty.cmd.Process.Kill()
		_ = tty.cmd.Wait()
		slave.Close()
		master.Close()
	})
	return tty
}

// sees waits until the screen shows a text, and clears it.
func (tty *terminal) sees(text string) {
	tty.t.Helper()
	for deadline := time.Now().Add(20 * time.Second); !strings.Contains(tty.screen.String(), text); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			tty.t.Fatalf("the screen lacks %q:\n%s", text, tty.screen.String())
		}
	}
	tty.screen.Reset()
}

// answers waits for a question and types the answer, which must be seen or not.
func (tty *terminal) answers(question, answer string, seen bool) {
	tty.t.Helper()
	tty.sees(question)
	if echo := tty.echoes(seen); echo != seen {
		tty.t.Errorf("%s: what is typed is shown: %v, want %v", question, echo, seen)
	}
	if _, err := tty.master.WriteString(answer); err != nil {
		tty.t.Fatal(err)
	}
}

// echoes reports whether the terminal shows what is typed; it waits for what is
// wanted, as the program prints its question before it reads.
func (tty *terminal) echoes(want bool) (echo bool) {
	for range 200 {
		state, err := unix.IoctlGetTermios(int(tty.slave.Fd()), unix.TCGETS)
		if err != nil {
			tty.t.Fatal(err)
		}
		if echo = state.Lflag&unix.ECHO != 0; echo == want {
			return echo
		}
		time.Sleep(10 * time.Millisecond)
	}
	return echo
}

// ends waits for the program and returns its exit code.
func (tty *terminal) ends() int {
	tty.t.Helper()
	_ = tty.cmd.Wait()
	return tty.cmd.ProcessState.ExitCode()
}

func TestLoginAtATerminal(t *testing.T) {
	const email, password, code = "demo@example.com", "demo", "123456"
	const askEmail, askPassword, askToken = "Email address", "Password: ", "API token: "
	token := func(d *drive) string { return d.emu.NewToken(0, "all.Application") }
	for name, c := range map[string]struct {
		switches []string
		types    func(*drive, *terminal)
		exit     int
		says     string // at the end
	}{
		"password": {types: func(_ *drive, tty *terminal) {
			tty.answers(askEmail, email+"\n", true)
			tty.answers(askPassword, password+"\n", false)
		}, says: "logged in to "},
		"second factor that is asked for": {switches: []string{"two-factor", "told"}, types: func(_ *drive, tty *terminal) {
			tty.answers(askEmail, email+"\n", true)
			tty.answers(askPassword, password+"\n", false)
			tty.answers("Code of the second factor: ", code+"\n", true)
		}, says: " as demo@example.com"},
		"second factor that is not asked for": {switches: []string{"two-factor", "untold"}, types: func(_ *drive, tty *terminal) {
			tty.answers(askEmail, email+"\n", true)
			tty.answers(askPassword, password+"\n", false)
			tty.answers("If the account has a second factor, its code (or nothing): ", code+"\n", true)
		}, says: " as demo@example.com"},
		"wrong password": {types: func(_ *drive, tty *terminal) {
			tty.answers(askEmail, email+"\n", true)
			tty.answers(askPassword, "SECRET\n", false)
			tty.answers("its code (or nothing): ", "\n", true)
		}, exit: 1, says: "Invalid email or password"},
		"single sign-on": {switches: []string{"sso-domain", "example.com"}, types: func(_ *drive, tty *terminal) {
			tty.answers(askEmail, email+"\n", true)
		}, exit: 1, says: "single sign-on"},
		"pasted token": {types: func(d *drive, tty *terminal) {
			tty.answers(askEmail, "\n", true)
			tty.answers(askToken, token(d)+"\n", false)
		}, says: "mount with the id of one"},
		"token for an address": {types: func(d *drive, tty *terminal) {
			d.wantCalls("a token for an address", nil, func() {
				tty.answers(askEmail, token(d)+"\n", true)
				tty.ends()
			})
		}, exit: 1, says: "leave the address empty, then paste it"},
		"wrong token": {types: func(_ *drive, tty *terminal) {
			tty.answers(askEmail, "\n", true)
			tty.answers(askToken, "SECRET.SECRET.SECRET\n", false)
		}, exit: 1, says: "does not accept this token"},
		"interrupt": {types: func(_ *drive, tty *terminal) {
			tty.answers(askEmail, email+"\n", true)
			tty.answers(askPassword, "SECRE\x03", false)
		}, exit: 1, says: "interrupted"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := newDrive(t, newEmulator(t), os.Geteuid())
			d.env = []string{"LOSANT_API_TOKEN="}
			for i := 0; i < len(c.switches); i += 2 {
				d.set(c.switches[i], c.switches[i+1])
			}
			tty := d.atTerminal(t, "login")
			c.types(d, tty)
			tty.sees(c.says)
			if exit := tty.ends(); exit != c.exit {
				t.Errorf("exit code %d, want %d", exit, c.exit)
			}
			if !tty.echoes(true) {
				t.Error("the terminal does not show any more what is typed")
			}
			if strings.Contains(tty.screen.String(), "SECRET") {
				t.Errorf("the secret is on the screen:\n%s", tty.screen.String())
			}
			_, err := os.Stat(d.ownCredentials())
			if stored := err == nil; stored != (c.exit == 0) {
				t.Errorf("a token was stored: %v", stored)
			}
			if out, errs, err := d.run("apps"); c.exit == 0 && name != "pasted token" && (err != nil || !strings.Contains(out, d.app)) {
				t.Errorf("apps after the login: %v, %s%s", err, out, errs)
			}
		})
	}
}
