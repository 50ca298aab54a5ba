package cmd

import (
	"io"
	"sync"
	"sync/atomic"

	"github.com/vbauerster/mpb/v8"
	"github.com/vbauerster/mpb/v8/decor"
)

// progress shows on a terminal how much is owed, as a bar that fills. Elsewhere it
// shows nothing. It is safe for concurrent use.
type progress struct {
	out  io.Writer // nil where there is nothing to show it on
	text atomic.Pointer[string]

	mu   sync.Mutex
	bars *mpb.Progress // nil before something is owed
	bar  *mpb.Bar
	most int64 // work there was at once so far
}

// changeWork is what a change costs beside its bytes, in bytes: the calls for it
// take about the time of that many.
const changeWork = 64 << 10

func newProgress(out io.Writer) *progress {
	if !isTerminal(out) {
		out = nil
	}
	return &progress{out: out}
}

// show moves the bar to what is owed now.
func (p *progress) show(now owedSum) {
	left := now.left()
	text := " " + left.String() + " left"
	p.text.Store(&text) // not under the lock: the bar draws itself while it is moved
	p.mu.Lock()
	defer p.mu.Unlock()
	work := left.Bytes + left.Owed*changeWork
	p.most = max(p.most, work)
	if p.out == nil || p.most == 0 {
		return
	}
	if p.bars == nil {
		p.start()
	}
	p.bar.SetTotal(p.most, false)
	p.bar.SetCurrent(p.most - work)
}

func (p *progress) start() {
	p.bars = mpb.New(mpb.WithOutput(p.out), mpb.WithAutoRefresh())
	p.bar = p.bars.AddBar(0, mpb.BarWidth(30),
		mpb.PrependDecorators(decor.Name("sending ")),
		mpb.AppendDecorators(decor.Any(func(decor.Statistics) string { return *p.text.Load() })))
}

// end takes the bar away.
func (p *progress) end() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.bars == nil {
		return
	}
	p.bar.Abort(true)
	p.bars.Wait()
	p.bars, p.bar, p.most = nil, nil, 0
}
