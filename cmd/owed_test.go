package cmd

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"losantfs/cache/outbox"
)

func TestStaysOwed(t *testing.T) {
	if err := staysOwed("/mnt", owedSum{}, nil); err != nil {
		t.Errorf("nothing is owed, and yet: %v", err)
	}
	var still []owedChange
	for i := range 7 {
		still = append(still, owedChange{Path: fmt.Sprintf("/mnt/%d\x1b", i), State: outbox.Owed, Bytes: 1000})
	}
	still[0].State, still[0].Error = outbox.Failed, "too\nlarge"
	err := staysOwed("/mnt", sumOf(still), still)
	wantError(t, err, "/mnt is unmounted", "7 changes (7.0 kB) stay owed", "sent on the next mount:\n",
		"\n  /mnt/0\ufffd: failed: too\ufffdlarge\n", "/mnt/4\ufffd: owed\n  and 2 more")
	if strings.Contains(err.Error(), "/mnt/5") || strings.Contains(err.Error(), "\x1b") {
		t.Errorf("too much is shown: %v", err)
	}
	err = staysOwed("/mnt", owedSum{Owed: 1}, nil)
	wantError(t, err, "1 change stays owed")
	if strings.HasSuffix(err.Error(), ":") || strings.Contains(err.Error(), "more") {
		t.Errorf("a list without entries: %q", err)
	}
}

func TestSumOfOwed(t *testing.T) {
	s := sumOf([]owedChange{{Bytes: 10, Sent: 4}, {Bytes: 5}, {}})
	if s != (owedSum{3, 15, 4}) || s.left() != (owedSum{Owed: 3, Bytes: 11}) || s.String() != "3 changes (15 B)" {
		t.Errorf("%+v, left %+v, %s", s, s.left(), s)
	}
}

func TestProgress(t *testing.T) {
	none := newProgress(new(bytes.Buffer)) // no terminal
	none.show(owedSum{Owed: 3, Bytes: 5})
	none.end()
	var out bytes.Buffer
	p := &progress{out: &out}
	p.show(owedSum{})
	p.end()
	if out.Len() > 0 {
		t.Errorf("a bar for nothing: %q", out.String())
	}
	for i := range int64(200) {
		p.show(owedSum{Owed: 200 - i, Bytes: 1000})
	}
	if p.most != 200*changeWork+1000 || p.bar.Current() != 199*changeWork {
		t.Errorf("the bar is at %d of %d", p.bar.Current(), p.most)
	}
	p.show(owedSum{Owed: 1, Bytes: 1000, Sent: 400}) // within a change
	if p.bar.Current() != 199*changeWork+400 || *p.text.Load() != " 1 change (600 B) left" {
		t.Errorf("the bar is at %d: %q", p.bar.Current(), *p.text.Load())
	}
	p.end()
	p.end()
	if !strings.Contains(out.String(), "sending") || !strings.Contains(out.String(), " left") {
		t.Errorf("the bar is %q", out.String())
	}
}
