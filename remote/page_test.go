package remote

import (
	"fmt"
	"strings"
	"testing"
)

// BenchmarkPage reads a page of 1,000 files as the service sends it.
func BenchmarkPage(b *testing.B) {
	var items []string
	for i := range MaxPerPage {
		items = append(items, fmt.Sprintf(`{"id":"6b02613a309b11ed%08x","applicationId":"6b02613a309b11ed01000003","creationDate":"2026-11-22T03:28:00.637Z",`+
			`"lastUpdated":"2026-11-22T03:28:00.637Z","authorId":"6b02613a309b11ed01000001","authorType":"user","status":"completed","name":"f%03d","type":"file",`+
			`"parentDirectory":"/d%02d/","fileSize":1000,"contentType":"application/octet-stream","s3etag":"0123456789abcdef0123456789abcdef",`+
			`"url":"https://files.example.com/6b02613a309b11ed01000003/d%02d/f%03d","_type":"file"}`, i, i, i%100, i%100, i))
	}
	page := `{"items":[` + strings.Join(items, ",") + `],"applicationId":"6b02613a309b11ed01000003","count":1000,"totalCount":10100,"page":0,"perPage":1000}`
	b.SetBytes(int64(len(page)))
	b.ReportAllocs()
	for b.Loop() {
		var p Page
		if err := p.read(strings.NewReader(page)); err != nil || len(p.Items) != MaxPerPage {
			b.Fatal(err)
		}
	}
}
