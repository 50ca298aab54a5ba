package tree

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	"losantfs/remote"
)

// FuzzNewListing shows what a service sends, whatever it is: each name once, and only
// names that a file can have. What is not shown is counted.
func FuzzNewListing(f *testing.F) {
	f.Add([]byte(`[{"id":"61f1f1f1f1f1f1f1f1f1f1f1","name":"a"},{"id":"61f1f1f1f1f1f1f1f1f1f1f2","name":"a","type":"directory"}]`))
	f.Add([]byte(`[{"id":"../../etc/passwd","name":"a"},{"id":"61f1f1f1f1f1f1f1f1f1f1f2","name":"../x"},{},null]`))
	f.Add([]byte(`[{"id":"61f1f1f1f1f1f1f1f1f1f1f1","name":"a","status":"moving","moveIntoId":"x"},{"id":"61f1f1f1f1f1f1f1f1f1f1f1","status":"deleting"}]`))
	f.Fuzz(func(t *testing.T, data []byte) {
		var entries []remote.Entry
		if json.Unmarshal(data, &entries) != nil {
			return
		}
		deleting := 0
		for _, e := range entries {
			if e.Status == remote.Deleting {
				deleting++
			}
		}
		l := newListing(pointers(entries), time.Now())
		if len(l.Entries())+l.Hidden+l.Moving+deleting != len(entries) {
			t.Errorf("of %d are %d shown, %d hidden, %d moving, %d deleted", len(entries), len(l.Entries()), l.Hidden, l.Moving, deleting)
		}
		if !slices.IsSortedFunc(l.Entries(), func(a, b remote.Entry) int { return strings.Compare(a.Name, b.Name) }) {
			t.Error("they are in no order")
		}
		for i, e := range l.Entries() {
			if !remote.ValidName(e.Name) || !remote.ValidID(e.ID) || i > 0 && e.Name == l.Entries()[i-1].Name {
				t.Errorf("shown is %+v", e)
			}
		}
	})
}
