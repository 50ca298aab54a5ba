package remote_test

import (
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"losantfs/remote"
)

func TestListAll(t *testing.T) {
	for _, space := range spaces {
		s := newService(t)
		want := map[string]string{} // parents by id
		for i := range 250 {
			parent := []string{"/", "/a/", "/a/b/"}[i%3]
			want[s.PutFile(s.Application(), string(space), fmt.Sprintf("%s%03d", parent, i), []byte("x"))] = parent
		}
		check := func(calls int64) {
			t.Helper()
			all, err := s.files(space).ListAll(t.Context())
			if err != nil || len(all) != len(want)+2 {
				t.Fatalf("%d entries, %v; want %d", len(all), err, len(want)+2)
			}
			for _, e := range all {
				if want[e.ID] != e.Parent && !e.Dir {
					t.Errorf("%s%s does not belong there", e.Parent, e.Name)
				}
			}
			s.calls("list", calls)
		}
		s.with()
		check(1)
		s.with("per-page-max", "100")
		check(3)
		s.with("total-count", "wrong")
		check(4) // an empty page proves the end
		s.with("total-count", "right", "list-fail-page", "2")
		_, err := s.files(space).ListAll(t.Context())
		wantKind(t, err, remote.Unreachable)
	}
	if all, err := newService(t).files(remote.Private).ListAll(t.Context()); err != nil || len(all) != 0 {
		t.Errorf("an empty space: %v, %v", all, err)
	}
}

// As many entries go as come while the pages are read, so the total stays: a rename
// elsewhere looks like that. What is listed must be as it was at one moment.
func TestEntriesReplacedBetweenTwoPages(t *testing.T) {
	const n, size = 12, 4
	for _, replaced := range []int{1, 2, size, 2 * size} {
		for first := range n - replaced + 1 {
			for at := 2; at <= 4; at++ { // the request before which it happens
				states := [][]int{{}, {}}
				for i := n + replaced - 1; i >= 0; i-- {
					if i < n {
						states[0] = append(states[0], i)
					}
					if i < first || i >= first+replaced {
						states[1] = append(states[1], i)
					}
				}
				var mu sync.Mutex
				calls := 0
				f, _ := odd(t, 3*time.Second, func(w http.ResponseWriter, r *http.Request) {
					mu.Lock()
					calls++
					now := states[0]
					if calls >= at {
						now = states[1]
					}
					mu.Unlock()
					datedPage(w, r, now, size, "desc")
				})
				all, err := f.ListAll(t.Context())
				got := []int{}
				for _, e := range all {
					i, _ := strconv.Atoi(e.Name[1:])
					got = append(got, i)
				}
				slices.SortFunc(got, func(a, b int) int { return b - a })
				if err != nil || !slices.Equal(got, states[0]) && !slices.Equal(got, states[1]) {
					t.Errorf("%d from %d replaced before request %d: %v, %v", replaced, first, at, got, err)
				}
			}
		}
	}
}

func TestServiceThatKnowsNoOrder(t *testing.T) {
	f, _ := odd(t, 3*time.Second, func(w http.ResponseWriter, r *http.Request) {
		datedPage(w, r, []int{4, 3, 2, 1, 0}, 2, "none")
	})
	if all, err := f.ListAll(t.Context()); err != nil || len(all) != 5 {
		t.Errorf("%d entries, %v; want 5", len(all), err)
	}
}

// datedPage is a page of entries that were made one second after the other, in the
// order that was asked for where the service knows it.
func datedPage(w http.ResponseWriter, r *http.Request, all []int, size int, knows string) {
	page, _ := strconv.Atoi(r.URL.Query().Get("page"))
	all = slices.Clone(all)
	if q := r.URL.Query(); q.Get("sortField") != "creationDate" || q.Get("sortDirection") != knows {
		slices.Sort(all)
	}
	var items []string
	for i := page * size; i < len(all) && i < (page+1)*size; i++ {
		made := time.Unix(int64(all[i]), 0).UTC().Format(time.RFC3339)
		items = append(items, strings.Replace(oddItem(all[i]), `"type"`, fmt.Sprintf(`"creationDate":%q,"type"`, made), 1))
	}
	fmt.Fprintf(w, `{"items":[%s],"totalCount":%d,"perPage":%d}`, strings.Join(items, ","), len(all), size)
}

func TestListingHasOneDeadline(t *testing.T) {
	f, _ := odd(t, 300*time.Millisecond, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Query().Get("page") != "0" {
			time.Sleep(90 * time.Millisecond) // below the deadline of one request
		}
		oddPage(w, r, slices.Repeat([]int{0}, 60), 1, 60, 1)
	})
	began := time.Now()
	_, err := f.ListDirectory(t.Context(), "/")
	wantKind(t, err, remote.Unreachable)
	if d := time.Since(began); d > time.Second {
		t.Errorf("the error came after %v", d)
	}
}

func TestListingOfAServiceThatCannotCount(t *testing.T) {
	for _, total := range []int{1 << 20, 1 << 40, 1<<63 - 1} {
		f, _ := odd(t, 300*time.Millisecond, func(w http.ResponseWriter, r *http.Request) { oddPage(w, r, []int{0, 1}, 1, total, 1) })
		if _, err := f.ListAll(t.Context()); err == nil {
			t.Errorf("a service that counts %d entries: no error", total)
		}
	}
}
