package watch

import (
	"testing"
	"time"
)

// The first poll is the first page of a listing of all, which is not listed once more.
func TestFirstPollLearnsAll(t *testing.T) {
	watching(t, func(s *fakeService) { s.fill("/a/", 40); s.fill("/b/", 3); s.learn = true }, func(p *place) {
		<-p.w.Polled()
		p.same("/", "/a/", "/b/")
		p.calls(calls{pages: 1, alls: 1})
		p.list("/", "/a/", "/b/")
		p.polls(3)
		p.calls(calls{polls: 3})
		p.s.rm("/a/f00001", 0)
		p.s.put("/b/f00002", 0)
		p.polls(1)
		p.same("/", "/a/", "/b/")
		p.tells("/a/f00001 /b/f00002")
	})
}

// What changes while the first poll reads all is not missed.
func TestChangesWhileAllIsLearnt(t *testing.T) {
	for name, change := range map[string]func(s *fakeService){
		"made":             func(s *fakeService) { s.put("/a/new", 0) },
		"changed":          func(s *fakeService) { s.put("/a/f00002", 0) },
		"removed":          func(s *fakeService) { s.rm("/a/f00001", 0) },
		"removed and made": func(s *fakeService) { s.rm("/a/f00001", 0); s.put("/b/new", 0) },
		"moved":            func(s *fakeService) { s.mv("/a/f00001", "/b/moved", 0) },
	} {
		for _, at := range []time.Duration{1, 3, 5, 7} { // the first page is as of 2 s, the rest as of 6 s
			watching(t, func(s *fakeService) {
				s.fill("/a/", 40)
				s.fill("/b/", 3)
				s.learn, s.latency = true, 4*time.Second
			}, func(p *place) {
				time.Sleep(at * time.Second)
				change(p.s)
				<-p.w.Polled()
				p.s.set(func() { p.s.latency = 0 })
				p.list("/", "/a/", "/b/")
				p.polls(1)
				p.same("/", "/a/", "/b/")
				if t.Failed() {
					t.Fatalf("%s after %d s", name, at)
				}
			})
		}
	}
}
