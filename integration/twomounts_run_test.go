package integration

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// TestTwoMounts has two machines change one tree at the same time in all ways, while
// answers are lost and the service is away for a while. Nobody ever reads a mixture,
// both see the same in the end, and what was saved is lost only to who has seen it.
//
// LOSANTFS_CHAOS=10m says how long, LOSANTFS_SEED repeats the choices of a run (not
// its races).
func TestTwoMounts(t *testing.T) {
	length, outages, outage := 12*time.Second, 1, 2*time.Second
	if s := os.Getenv("LOSANTFS_CHAOS"); s != "" {
		var err error
		if length, err = time.ParseDuration(s); err != nil {
			t.Fatal(err)
		}
		outages, outage = 3, 10*time.Second
	}
	seed := rand.Uint64()
	if s := os.Getenv("LOSANTFS_SEED"); s != "" {
		if _, err := fmt.Sscan(s, &seed); err != nil {
			t.Fatal(err)
		}
	}
	t.Logf("LOSANTFS_SEED=%d", seed)
	p := newPair(t)
	p.run(seed, length, outages, outage)
	p.converge()
	for _, m := range p.machines {
		t.Logf("%s: %d changes (the slowest took %v), %d reads, errors %v", m.name, m.changes, m.slowest, m.reads, m.errnos)
		for _, torn := range m.torn {
			p.fail(torn.file, m.name+": "+torn.text)
		}
		if m.changes < 20 || m.reads < 20 {
			t.Errorf("%s did too little", m.name)
		}
	}
}

// pair is two mounts of one application by two machines.
type pair struct {
	t        *testing.T
	v        *versions
	machines []*machine
}

func newPair(t *testing.T) *pair {
	p := &pair{t: t, v: &versions{all: map[string]*version{}}}
	emu := newEmulator(t)
	for _, name := range []string{"A", "B"} {
		d := newDrive(t, emu, os.Geteuid())
		d.mount("--space", "public", "--settle", "200ms", "--poll-interval", "200ms", "--timeout", "5s", "--log-level", "debug")
		p.machines = append(p.machines, &machine{drive: d, name: name, v: p.v, errnos: map[string]int{}, locks: map[string]*sync.RWMutex{}})
	}
	return p
}

// run has both machines work, with calls that fail.
func (p *pair) run(seed uint64, length time.Duration, outages int, outage time.Duration) {
	d := p.machines[0].drive
	d.set("seed", fmt.Sprint(seed%(1<<62)))
	d.set("drop-rate", "0.1")
	d.set("error-rate", "0.05")
	end := make(chan struct{})
	var busy sync.WaitGroup
	for i, m := range p.machines {
		for n := range 2 {
			w := &worker{machine: m, r: rand.New(rand.NewPCG(seed, uint64(10*i+n))), serial: 1_000_000 * n}
			busy.Go(func() { w.work(end) })
		}
		busy.Go(func() { m.watch(end, rand.New(rand.NewPCG(seed, uint64(10*i+9)))) })
	}
	began := time.Now()
	for n := 0; time.Since(began) < length; n++ {
		down := false
		for i := range outages {
			since := time.Since(began) - length*time.Duration(i+1)/time.Duration(outages+1)
			down = down || since > 0 && since < outage
		}
		d.set("down", fmt.Sprint(down))
		d.set("error-status", []string{"503", "429"}[n%2])
		time.Sleep(100 * time.Millisecond)
	}
	close(end)
	busy.Wait()
	d.set("down", "false")
	d.set("drop-rate", "0")
	d.set("error-rate", "0")
}

// converge waits until both machines show what the service has, and looks for what
// is lost.
func (p *pair) converge() {
	began := time.Now()
	var busy sync.WaitGroup
	for _, m := range p.machines {
		busy.Go(func() {
			// An upload of the other that came to nothing is waited for.
			if out, errs, err := m.run("flush", m.mnt, "--timeout", "3m"); err != nil {
				p.t.Errorf("%s: flush: %v\n%s%s", m.name, err, out, errs)
			}
		})
	}
	busy.Wait()
	p.t.Logf("flushed after %v", time.Since(began).Round(time.Second))
	d := p.machines[0].drive
	d.wantNoDuplicates()
	p.endAbandoned(d)
	service := d.service()
	for _, m := range p.machines {
		for end := time.Now().Add(20 * time.Second); differences(tree(&quiet{TB: p.t}, m.mnt), service) != "" && time.Now().Before(end); {
			time.Sleep(100 * time.Millisecond)
		}
		m.wantMount(service)
	}
	found := map[string]bool{}
	conflicts := 0
	for path, data := range service {
		if data == "dir" {
			continue
		}
		found[sumOf([]byte(data))] = true
		conflicts += strings.Count(path, "(conflict")
		if !p.v.of(keyOf(path), []byte(data)) {
			p.fail(keyOf(path), fmt.Sprintf("the service has %d bytes of no version as %s: %.60q", len(data), path, data))
		}
	}
	p.t.Logf("%d versions; in the end %d files and folders, %d conflicts", len(p.v.all), len(service), conflicts)
	p.wantFewLost(p.v.lost(found))
}

// wantFewLost allows for what cannot be helped: the service has no call with a
// condition, so between the last look at a file and the call that replaces or deletes
// it are milliseconds, in which the other machine may save it too. Of a file that
// only one changes nothing may be lost.
func (p *pair) wantFewLost(lost map[string]*version) {
	races := 0
	for _, sum := range slices.Sorted(maps.Keys(lost)) {
		text := fmt.Sprintf("lost: %.8s of %s by %s", sum, lost[sum].file, lost[sum].by)
		if lost[sum].file[0] == shared {
			if races++; races <= 1+len(p.v.all)/500 {
				p.t.Logf("%s\n%s", text, p.history(lost[sum].file))
				continue
			}
		}
		p.fail(lost[sum].file, text)
	}
}

// endAbandoned ends uploads that come to nothing any more, as nobody owes anything:
// a folder that is moved takes the entries along, but not what is on its way to them.
func (p *pair) endAbandoned(d *drive) {
	for _, it := range d.emu.Items(d.app, "public") {
		if it.Type == "directory" || it.Status == "completed" {
			continue
		}
		if data, ok := d.emu.Content(d.app, "public", it.Path()); ok {
			d.emu.PutFile(d.app, "public", it.Path(), data)
		} else {
			d.emu.Remove(d.app, "public", it.Path())
		}
		p.t.Logf("abandoned: %s", it.Path())
	}
}

// fail fails the test with all that was done to a file.
func (p *pair) fail(file, text string) { p.t.Errorf("%s\n%s", text, p.history(file)) }

// history is all that was done to a file, and logged of it.
func (p *pair) history(file string) string {
	history := p.v.history(file)
	for _, m := range p.machines {
		for line := range strings.Lines(m.stderr.String()) {
			if strings.Contains(line, file+".") || strings.Contains(line, file+" ") {
				history += strings.Replace(line, " ", " "+m.name+" ", 1)
			}
		}
	}
	return inOrder(history)
}
