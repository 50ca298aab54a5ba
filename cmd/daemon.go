package cmd

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
)

// readyVariable tells the process that --daemon leaves behind which file it
// reports over. It resolves everything else again from the same command line and
// environment, so that no token passes between the two.
const readyVariable = "LOSANTFS_READY_FD"

// daemonReport is what the daemon says once: the line that it is ready, or why it
// is not.
type daemonReport struct {
	Ready string `json:"ready,omitempty"`
	Error string `json:"error,omitempty"`
}

// startDaemon starts this program again in a session of its own, waits until the
// drive is ready and prints the line that says so.
func startDaemon(ctx context.Context, logFile string, out io.Writer) error {
	exe, err := os.Executable()
	if err != nil {
		return err
	}
	if logFile == "" {
		state, err := stateFolder()
		if err != nil {
			return err
		}
		logFile = filepath.Join(state, "losantfs.log")
	}
	log, err := openLog(logFile)
	if err != nil {
		return err
	}
	defer log.Close()
	r, w, err := os.Pipe()
	if err != nil {
		return err
	}
	defer r.Close()
	c := exec.Command(exe, os.Args[1:]...)
	c.Env = append(os.Environ(), readyVariable+"=3")
	c.ExtraFiles = []*os.File{w}
	c.Stderr = log // also for what the runtime prints when the program crashes
	c.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	err = c.Start()
	w.Close()
	if err != nil {
		return err
	}
	stop := context.AfterFunc(ctx, func() { _ = c.Process.Signal(syscall.SIGTERM) })
	defer stop()
	var report daemonReport
	switch err := json.NewDecoder(r).Decode(&report); {
	case err != nil:
		_ = c.Wait()
		return fmt.Errorf("the background process ended before the drive was ready: see %s", logFile)
	case report.Error != "":
		_ = c.Wait()
		return fmt.Errorf("%s\n(the log is %s)", strings.TrimSpace(report.Error), logFile)
	}
	_, err = fmt.Fprintln(out, report.Ready)
	return err
}

// daemon is the process that startDaemon left behind.
type daemon struct{ pipe *os.File }

// daemonChild returns the daemon if this process is one.
func daemonChild() *daemon {
	fd, err := strconv.Atoi(os.Getenv(readyVariable))
	if err != nil {
		return nil
	}
	_ = os.Unsetenv(readyVariable)
	syscall.CloseOnExec(fd) // no helper keeps the parent waiting
	return &daemon{os.NewFile(uintptr(fd), "ready")}
}

// ready lets the parent go.
func (d *daemon) ready(line string) {
	d.send(daemonReport{Ready: line})
	// The folder it was started in is not to be kept busy.
	_ = os.Chdir("/")
}

// report tells the parent of an error if it still waits, and passes it on.
func (d *daemon) report(err error) error {
	if err != nil {
		d.send(daemonReport{Error: err.Error()})
	}
	return err
}

func (d *daemon) send(r daemonReport) {
	_ = json.NewEncoder(d.pipe).Encode(r)
	_ = d.pipe.Close()
}
