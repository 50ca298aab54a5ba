package remote_test

import (
	"cmp"
	"fmt"
	"maps"
	"math/rand/v2"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"losantfs/remote"
)

// changing is a service whose entries change between the answers to a listing in the
// order of the last change.
type changing struct {
	mu      sync.Mutex
	r       *rand.Rand
	clock   int
	next    int
	updated map[int]int // the time of the last change, by entry
	left    int         // changes that are still to come
}

const changingPage = 4

func (s *changing) change() {
	there := slices.Sorted(maps.Keys(s.updated))
	s.clock += s.r.IntN(2) // several in one moment
	switch s.r.IntN(3) {
	case 0:
		s.updated[s.next] = s.clock
		s.next++
	case 1:
		delete(s.updated, there[s.r.IntN(len(there))])
	case 2:
		s.updated[there[s.r.IntN(len(there))]] = s.clock
	}
}

func (s *changing) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for s.left > 0 && s.r.IntN(3) == 0 {
		s.left--
		s.change()
	}
	there := slices.Collect(maps.Keys(s.updated))
	slices.SortFunc(there, func(a, b int) int { return cmp.Or(cmp.Compare(s.updated[b], s.updated[a]), cmp.Compare(a, b)) })
	page, _ := strconv.Atoi(r.URL.Query().Get("page"))
	from := min(page*changingPage, len(there))
	var items []string
	for _, i := range there[from:min(from+changingPage, len(there))] {
		at := time.Unix(int64(s.updated[i]), 0).UTC().Format(time.RFC3339)
		items = append(items, fmt.Sprintf(`{"id":%q,"name":"n%d","parentDirectory":"/","type":"file","status":"completed","lastUpdated":%q}`, oddID(i), i, at))
	}
	fmt.Fprintf(w, `{"items":[%s],"totalCount":%d,"perPage":%d}`, strings.Join(items, ","), len(there), changingPage)
}

// What follows a first page is whole only when nothing is missed that was there when that
// was made, and nothing else is there. What has changed since is as it was then, or newer
// than all that was there.
func TestRestIsAsOfTheFirstPage(t *testing.T) {
	wholes, parts := 0, 0
	for seed := range uint64(300) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			if restIsAsOfTheFirst(t, rand.New(rand.NewPCG(seed, 1))) {
				wholes++
			} else {
				parts++
			}
		})
	}
	if wholes == 0 || parts == 0 {
		t.Errorf("%d listings were whole, %d were not", wholes, parts)
	}
}

// restIsAsOfTheFirst reports whether what follows a first page was whole.
func restIsAsOfTheFirst(t *testing.T, r *rand.Rand) bool {
	s := &changing{r: r, updated: map[int]int{}}
	for range 5 + r.IntN(25) {
		s.clock++
		s.updated[s.next] = s.clock
		s.next++
	}
	f, _ := odd(t, 3*time.Second, s.ServeHTTP)
	first, err := f.List(t.Context(), remote.ListOptions{SortField: "lastUpdated", Desc: true})
	if err != nil {
		t.Fatal(err)
	}
	then, newest := maps.Clone(s.updated), s.clock
	s.mu.Lock()
	s.left = r.IntN(4)
	s.mu.Unlock()
	all, whole, err := f.ListRest(t.Context(), first)
	if err != nil {
		t.Fatal(err)
	}
	if !whole {
		return false
	}
	got := map[int]int{}
	for _, e := range all {
		i, _ := strconv.Atoi(e.Name[1:])
		got[i] = int(e.Updated.Unix())
		if at, ok := then[i]; ok && got[i] > newest {
			got[i] = at
		}
	}
	if !maps.Equal(got, then) {
		t.Errorf("%v, want %v", got, then)
	}
	return true
}
