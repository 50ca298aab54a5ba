package integration

import (
	"encoding/json"
	"errors"
	"fmt"
	"path"
	"strings"
	"sync"
	"syscall"
	"time"
)

// modelRun is one run: programs, the model, and what is compared.
type modelRun struct {
	*lab
	plan     *plan
	tb       *quiet
	folder   string
	model    *entry
	programs []*program
}

// guarded does the run, and turns what helpers complain of into its error.
func (r *modelRun) guarded() (err error) {
	defer func() {
		switch p := recover(); {
		case p == nil:
		case p == any(r.tb):
			err = r.tb.wrong
		default:
			panic(p)
		}
		err = errors.Join(err, r.tb.wrong)
	}()
	r.folder = r.mount(r.tb, r.plan.mount)
	r.begin()
	r.set(r.plan.switches)
	for i, ph := range r.plan.phases {
		if err := r.work(ph.work); err != nil {
			return err
		}
		if err := r.compare(fmt.Sprintf("after phase %d", i), false); err != nil {
			return err
		}
		time.Sleep(time.Duration(ph.pause) * time.Millisecond)
		if err := r.event(ph); err != nil {
			return err
		}
	}
	return r.converge()
}

// begin makes the model and the programs.
func (r *modelRun) begin() {
	r.model = newFolder()
	for n := range r.plan.phases[0].work {
		p := &program{n: n, dir: r.d.path(r.folder), model: r.model, stable: map[string]string{}, settle: r.plan.settle(), log: r.log}
		r.programs = append(r.programs, p)
	}
	for n := range 3 {
		owner := &program{n: n, stable: map[string]string{}}
		if n < len(r.programs) {
			owner = r.programs[n]
		}
		for name, size := range seeds {
			at := r.model
			file := owner.at(name)
			for part := range strings.SplitSeq(path.Dir(file), "/") {
				if at.children[part] == nil {
					at.children[part] = newFolder()
				}
				at = at.children[part]
			}
			at.children[path.Base(file)] = &entry{data: seedContent(file, size)}
			for p := file; strings.Contains(p, "/"); p = path.Dir(p) {
				owner.stable[p] = r.d.id("/" + r.folder + "/" + p)
			}
		}
	}
}

func (r *modelRun) set(switches []string) {
	for i := 0; i < len(switches); i += 2 {
		r.log("set %s to %q", switches[i], switches[i+1])
		r.d.set(switches[i], switches[i+1])
	}
}

// reset sets switches back: those that make calls fail, or all.
func (r *modelRun) reset(all bool) {
	for _, s := range r.d.emu.Switches() {
		if s.Value != s.Default && (all || strings.HasPrefix(s.Name, "error-") || strings.HasPrefix(s.Name, "drop-") ||
			strings.HasPrefix(s.Name, "garbage-") || strings.HasPrefix(s.Name, "truncate-")) {
			r.d.set(s.Name, s.Default)
		}
	}
}

// work has all programs do their operations at the same time.
func (r *modelRun) work(ops [][]op) error {
	var busy sync.WaitGroup
	for i, p := range r.programs {
		busy.Go(func() { p.run(ops[i]) })
	}
	done := make(chan struct{})
	go func() {
		busy.Wait()
		close(done)
	}()
	select {
	case <-done:
	case <-time.After(90 * time.Second):
		r.log("HUNG: the drive is ended and shows its goroutines")
		_ = r.d.cmd.Process.Signal(syscall.SIGQUIT)
		<-r.d.exited
		r.d.cmd = nil
		r.d.unmountLeftover()
		<-done
		return errors.New("a call hangs")
	}
	var wrong error
	for _, p := range r.programs {
		wrong = errors.Join(wrong, p.wrong)
	}
	return wrong
}

// event does what happens between two phases.
func (r *modelRun) event(ph phase) error {
	switch ph.then {
	case "set":
		r.set(ph.fault)
	case "flush":
		r.reset(false)
		return r.flush()
	case "kill", "remount":
		return r.again(ph.then == "kill", ph.deep)
	}
	return nil
}

// again ends the drive and mounts it anew.
func (r *modelRun) again(kill, deep bool) error {
	r.reset(false) // a mount needs the service
	if !kill {     // which waits for open files
		if err := r.closeAll(); err != nil {
			return err
		}
	}
	r.stop(kill)
	for _, p := range r.programs {
		p.killed()
	}
	r.start(r.plan.mount)
	for _, p := range r.programs {
		if err := p.adopt(r.model, ""); err != nil {
			return fmt.Errorf("after a remount: %w", err)
		}
	}
	return r.compare("after a remount", deep)
}

// compare compares all that the drive shows with the model, if deep with content.
func (r *modelRun) compare(when string, deep bool) error {
	p := r.programs[0]
	wrong := p.compareFolder("", r.model)
	r.model.each("", func(path string, e *entry) { wrong = errors.Join(wrong, p.compare(path, e, 0, deep)) })
	if wrong != nil {
		return fmt.Errorf("%s, the drive differs: %w", when, wrong)
	}
	return nil
}

func (r *modelRun) flush() error {
	r.log("flush")
	if out, errs, err := r.d.run("flush", r.d.mnt, "--timeout", "20s"); err != nil {
		return fmt.Errorf("flush: %w: %s%s", err, out, errs)
	}
	return nil
}

func (r *modelRun) closeAll() (wrong error) {
	for _, p := range r.programs {
		for i := range p.open {
			wrong = errors.Join(wrong, p.closeSlot(i))
		}
	}
	return wrong
}

// converge closes everything, waits until nothing is owed, and compares the service
// with the model.
func (r *modelRun) converge() error {
	wrong := r.closeAll()
	r.reset(false)
	if wrong = errors.Join(wrong, r.flush()); wrong != nil {
		return wrong
	}
	if err := r.owesNothing(); err != nil {
		return err
	}
	// It may be completing and deleting for itself.
	for end := time.Now().Add(5 * time.Second); ; time.Sleep(5 * time.Millisecond) {
		if wrong = r.compareService(); wrong == nil {
			break
		}
		if time.Now().After(end) {
			return fmt.Errorf("the service differs: %w", wrong)
		}
	}
	if err := r.compare("at the end", true); err != nil {
		return err
	}
	if r.plan.remount {
		if err := r.again(false, true); err != nil {
			return err
		}
	}
	r.reset(true)
	r.d.emu.Remove(r.d.app, "public", "/"+r.folder)
	return r.logIsFine()
}

// owesNothing asks the drive what is owed and what is in conflict: nothing is.
func (r *modelRun) owesNothing() error {
	out, errs, err := r.d.run("status", r.d.mnt, "--json")
	if err != nil {
		return fmt.Errorf("status: %w: %s", err, errs)
	}
	var s struct {
		Mounts []struct {
			Owed      int
			Conflicts []struct{ Path string }
		}
	}
	if err := json.Unmarshal([]byte(out), &s); err != nil || len(s.Mounts) != 1 || s.Mounts[0].Owed != 0 || len(s.Mounts[0].Conflicts) != 0 {
		return fmt.Errorf("the status is %s, %w", out, err)
	}
	return nil
}

func (r *modelRun) compareService() error {
	want, ids := map[string]*entry{}, map[string]string{}
	r.model.each("", func(path string, e *entry) {
		if !localOnly(path) {
			want[path] = e
		}
	})
	for _, p := range r.programs {
		for path, id := range p.stable {
			ids["/"+path] = id
		}
	}
	var wrong error
	seen := map[string]bool{}
	for _, it := range r.d.emu.Items(r.d.app, "public") {
		at, ok := strings.CutPrefix(it.Path(), "/"+r.folder+"/")
		if !ok {
			continue
		}
		at = "/" + at
		e := want[at]
		switch id := ids[at]; {
		case e == nil || seen[at]:
			wrong = errors.Join(wrong, fmt.Errorf("it has %s %s (%s) too much, there twice: %v", at, it.ID, it.Status, seen[at]))
		case e.dir != (it.Type == "directory") || it.Status != "completed":
			wrong = errors.Join(wrong, fmt.Errorf("%s is a %s %s", at, it.Status, it.Type))
		case id != "" && id != it.ID:
			wrong = errors.Join(wrong, fmt.Errorf("the id of %s changed from %s to %s", at, id, it.ID))
		case !e.dir:
			data, _ := r.d.emu.Content(r.d.app, "public", it.Path())
			wrong = errors.Join(wrong, sameBytes(at, data, e.data))
		}
		seen[at] = true
	}
	for at := range want {
		if !seen[at] {
			wrong = errors.Join(wrong, fmt.Errorf("it lacks %s", at))
		}
	}
	return wrong
}

// logIsFine looks for what the drive must not log.
func (r *modelRun) logIsFine() error {
	r.keepLog()
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, bad := range []string{"panic", "DATA RACE", "level=ERROR", "conflict "} {
		if strings.Contains(r.record.String(), bad) {
			return fmt.Errorf("the log has %q", bad)
		}
	}
	return nil
}
