package remote_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"losantfs/remote"
)

// odd is a service that answers as h does, and a client of it.
func odd(t *testing.T, timeout time.Duration, h http.HandlerFunc) (*remote.Files, *httptest.Server) {
	t.Helper()
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	c, err := remote.New(remote.Config{BaseURL: s.URL, Timeout: timeout, Token: func() (string, error) { return "token", nil }})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c.Files("a", remote.Private), s
}

func oddID(i int) string { return fmt.Sprintf("%024x", i+1) }

func oddItem(i int) string {
	return fmt.Sprintf(`{"id":%q,"name":"n%d","parentDirectory":"/","type":"file","status":"completed","fileSize":1}`, oddID(i), i)
}

// oddPage is one page of a listing.
func oddPage(w io.Writer, r *http.Request, all []int, size, total, perPage int) {
	page, _ := strconv.Atoi(r.URL.Query().Get("page"))
	var items []string
	for i := page * size; i < len(all) && i < (page+1)*size; i++ {
		items = append(items, oddItem(all[i]))
	}
	fmt.Fprintf(w, `{"items":[%s],"totalCount":%d,"perPage":%d}`, strings.Join(items, ","), total, perPage)
}

func TestEntryDeletedBetweenTwoPages(t *testing.T) {
	var calls atomic.Int64
	f, _ := odd(t, 3*time.Second, func(w http.ResponseWriter, r *http.Request) {
		all := []int{0, 1, 2, 3, 4, 5, 6, 7}
		if calls.Add(1) > 1 {
			all = []int{0, 2, 3, 4, 5, 6, 7}
		}
		oddPage(w, r, all, 4, len(all), 4)
	})
	all, err := f.ListDirectory(t.Context(), "/")
	if err != nil || len(all) != 7 {
		t.Errorf("%d entries, %v; want the 7 that are left", len(all), err)
	}
}

func TestPagesSmallerThanTheServiceSays(t *testing.T) {
	ids := make([]int, 250)
	for i := range ids {
		ids[i] = i
	}
	f, _ := odd(t, 3*time.Second, func(w http.ResponseWriter, r *http.Request) { oddPage(w, r, ids, 100, 250, 1000) })
	if all, err := f.ListDirectory(t.Context(), "/"); err != nil || len(all) != 250 {
		t.Errorf("%d entries, %v; want 250", len(all), err)
	}
}

// A service that counts too few hides nothing.
func TestServiceThatCountsTooFew(t *testing.T) {
	for _, total := range []int{0, 3, 4, 5, 8} {
		all := []int{0, 1, 2, 3, 4, 5, 6, 7, 8}
		f, _ := odd(t, time.Second, func(w http.ResponseWriter, r *http.Request) { oddPage(w, r, all, 4, total, 4) })
		got, err := f.ListDirectory(t.Context(), "/")
		if err != nil || len(got) != len(all) {
			t.Errorf("counted as %d: %d entries, %v, want %d", total, len(got), err, len(all))
		}
	}
}

func TestEmptyPageOfAFullDirectory(t *testing.T) {
	for _, empty := range []int64{1, 1000} { // answers
		var calls atomic.Int64
		f, _ := odd(t, 3*time.Second, func(w http.ResponseWriter, r *http.Request) {
			all := []int{0, 1}
			if calls.Add(1) <= empty {
				all = nil
			}
			oddPage(w, r, all, 100, 2, 100)
		})
		want := 2
		if empty > 1 { // the count is off
			want = 0
		}
		if all, err := f.ListDirectory(t.Context(), "/"); err != nil || len(all) != want {
			t.Errorf("after %d empty answers: %d entries, %v; want %d", empty, len(all), err, want)
		}
	}
}

func TestOddFieldsDoNotHideAListing(t *testing.T) {
	for _, fields := range []string{`"fileDimensions":{"width":24.5,"height":10}`, `"fileDimensions":"none"`, `"fileSize":"7"`, `"lastUpdated":"yesterday"`} {
		f, _ := odd(t, time.Second, func(w http.ResponseWriter, _ *http.Request) {
			fmt.Fprintf(w, `{"items":[%s],"totalCount":1}`, strings.Replace(oddItem(0), `"type"`, fields+`,"type"`, 1))
		})
		if all, err := f.ListDirectory(t.Context(), "/"); err != nil || len(all) != 1 {
			t.Errorf("%s: %d entries, %v", fields, len(all), err)
		}
	}
}

// oddContent is a file whose API entry and content are served by one odd service.
func oddContent(t *testing.T, timeout time.Duration, etag, status string, size int, h http.HandlerFunc) (*remote.Files, remote.Entry) {
	t.Helper()
	f, s := odd(t, timeout, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/c" {
			h(w, r)
			return
		}
		fmt.Fprintf(w, `{"id":%q,"name":"n","parentDirectory":"/","type":"file","status":%q,"s3etag":%q,"lastUpdated":"2026-01-01T00:00:00Z","fileSize":%d,"url":"http://%s/c?sig=new"}`,
			oddID(1), status, etag, size, r.Host)
	})
	updated, _ := time.Parse(time.RFC3339, "2026-01-01T00:00:00Z")
	return f, remote.Entry{ID: oddID(1), Size: int64(size), ETag: etag, Status: remote.Status(status), Updated: updated, URL: s.URL + "/c?sig=old"}
}

func refuseOld(w http.ResponseWriter, r *http.Request) bool {
	if r.URL.Query().Get("sig") == "old" {
		w.WriteHeader(http.StatusForbidden)
		return true
	}
	return false
}

func TestParallelReadsOfAnExpiredURL(t *testing.T) {
	const parts, size = 6, 600_000
	var together sync.WaitGroup
	together.Add(parts)
	f, e := oddContent(t, 6*time.Second, "x-2", "completed", size, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Query().Get("sig") == "old" {
			together.Done()
			together.Wait()
		}
		if !refuseOld(w, r) {
			http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(make([]byte, size)))
		}
	})
	d := f.Download(e)
	var all sync.WaitGroup
	for i := range parts {
		all.Go(func() {
			if err := d.Fetch(t.Context(), int64(i)*size/parts, size/parts, io.Discard); err != nil {
				t.Errorf("part %d: %v", i, err)
			}
		})
	}
	all.Wait()
}

func TestExpiredURLOfAFileBeingReplaced(t *testing.T) {
	f, e := oddContent(t, 3*time.Second, "x-2", "pending", 10, func(w http.ResponseWriter, r *http.Request) {
		if !refuseOld(w, r) {
			_, _ = io.WriteString(w, "0123456789")
		}
	})
	if err := f.Download(e).Fetch(t.Context(), 0, 10, io.Discard); err != nil {
		t.Error(err)
	}
}

func TestPartsOfTwoVersionsAreNotPutTogether(t *testing.T) {
	var n atomic.Int64
	f, e := oddContent(t, time.Second, "", "completed", 200, func(w http.ResponseWriter, r *http.Request) {
		b, tag := byte('A'), `"old"`
		if n.Add(1) > 1 {
			b, tag = 'B', `"new"`
		}
		w.Header().Set("ETag", tag)
		http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(bytes.Repeat([]byte{b}, 200)))
	})
	d := f.Download(e)
	var out bytes.Buffer
	if err := d.Fetch(t.Context(), 0, 100, &out); err != nil {
		t.Fatal(err)
	}
	if err := d.Fetch(t.Context(), 100, 100, &out); err == nil || bytes.Contains(out.Bytes(), []byte("B")) {
		t.Errorf("%v, %q", err, out.Bytes())
	}
}

func TestSignedURLIsNotTold(t *testing.T) {
	var referer string
	other := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		referer = r.Header.Get("Referer")
		_, _ = io.WriteString(w, "0123456789")
	}))
	defer other.Close()
	f, e := oddContent(t, 3*time.Second, "x-2", "completed", 10, func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, other.URL+"/x", http.StatusFound)
	})
	if err := f.Download(e).Fetch(t.Context(), 0, 10, io.Discard); err != nil || strings.Contains(referer, "sig") {
		t.Errorf("%v, the other host was told %q", err, referer)
	}

	started, stop := make(chan bool, 9), make(chan bool)
	defer close(stop)
	f, e = oddContent(t, 3*time.Second, "x-2", "completed", 10, func(http.ResponseWriter, *http.Request) {
		started <- true
		<-stop
	})
	ctx, cancel := context.WithCancel(t.Context())
	go func() { <-started; cancel() }()
	if err := f.Download(e).Fetch(ctx, 0, 10, io.Discard); err == nil || strings.Contains(err.Error(), "sig=") {
		t.Errorf("the error of a cancelled fetch: %v", err)
	}
}

// Who reads content would take it for the end of the file.
func TestLostAnswerIsNoEndOfFile(t *testing.T) {
	f, e := oddContent(t, time.Second, "x-2", "completed", 10, func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) })
	if err := f.Download(e).Fetch(t.Context(), 0, 10, io.Discard); remote.KindOf(err) != remote.Unreachable || errors.Is(err, io.EOF) {
		t.Errorf("a connection that is closed: %v", err)
	}
}

func TestLineThatBreaksOffAfterEachByte(t *testing.T) {
	var n atomic.Int64
	f, e := oddContent(t, 3*time.Second, "x-2", "completed", 10_000, func(w http.ResponseWriter, r *http.Request) {
		n.Add(1)
		from, to := 0, 9999
		_, _ = fmt.Sscanf(r.Header.Get("Range"), "bytes=%d-%d", &from, &to)
		w.Header().Set("Content-Range", fmt.Sprintf("bytes %d-%d/10000", from, to))
		w.Header().Set("Content-Length", strconv.Itoa(to-from+1))
		w.WriteHeader(http.StatusPartialContent)
		_, _ = w.Write([]byte("x"))
	})
	err := f.Download(e).Fetch(t.Context(), 0, 10_000, io.Discard)
	wantKind(t, err, remote.Unreachable)
	if n.Load() > 10 {
		t.Errorf("%d requests for a line that brings nothing forward", n.Load())
	}
}
