package emulator

import (
	"crypto/hmac"
	"encoding/hex"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// defaultURLLife is how long a signed URL works unless urlTTL asks otherwise.
const defaultURLLife = 900 * time.Second

// urlLife is how long the signed URLs of an answer work; 0: they are left out.
func (s *Server) urlLife(query url.Values) time.Duration {
	asked := defaultURLLife
	if seconds, err := strconv.ParseInt(query.Get("urlTTL"), 10, 64); err == nil && seconds >= 0 {
		asked = time.Duration(min(seconds, 7*24*3600)) * time.Second // S3 signs for a week at most
	}
	if fixed := s.sw.duration("url-ttl"); fixed >= 0 && asked > 0 {
		return fixed
	}
	return asked
}

// urlOf is where the content of e is: a URL that never changes for public
// files, a signed one that works for a while for private files.
func (s *Server) urlOf(e *entry, life time.Duration) string {
	path := contentPath(e)
	if e.space.kind == public {
		return s.public.url + path
	}
	return s.signURL(path, time.Now().UTC(), life)
}

// contentPath is the path of e on its content host, every name encoded.
func contentPath(e *entry) string {
	var b strings.Builder
	b.WriteString("/")
	b.WriteString(e.space.app.id.String())
	if key := folderKey(e.parent); key != "/" {
		for name := range strings.SplitSeq(key[1:len(key)-1], "/") {
			b.WriteString("/")
			b.WriteString(url.PathEscape(name))
		}
	}
	b.WriteString("/")
	b.WriteString(url.PathEscape(e.name))
	return b.String()
}

// expiresParam is the exact end of a signed URL in milliseconds since 1970.
// X-Amz-Expires counts whole seconds, which is too coarse for tests.
const expiresParam = "x-emulator-expires"

func (s *Server) signURL(path string, now time.Time, life time.Duration) string {
	// The parameters stand in sorted order and need no further encoding but here.
	query := "X-Amz-Algorithm=" + algorithm +
		"&X-Amz-Credential=" + url.QueryEscape(credential(now)) +
		"&X-Amz-Date=" + now.Format(amzLayout) +
		"&X-Amz-Expires=" + strconv.FormatInt(int64((life+time.Second-1)/time.Second), 10) +
		"&X-Amz-SignedHeaders=host" +
		"&" + expiresParam + "=" + strconv.FormatInt(now.Add(life).UnixMilli(), 10)
	signature := hex.EncodeToString(s.sign("GET\n" + path + "\n" + query))
	return s.private.url + path + "?" + query + "&X-Amz-Signature=" + signature
}

// checkSignature refuses what signURL did not make, and what is over.
func (s *Server) checkSignature(r *http.Request, path string) error {
	query, text, ok := strings.Cut(r.URL.RawQuery, "&X-Amz-Signature=")
	if !ok {
		return storeErrorf(http.StatusForbidden, "AccessDenied", "Access Denied")
	}
	signature, err := hex.DecodeString(text)
	// A URL is signed for GET alone, as S3 does it: HEAD does not match.
	if err != nil || !hmac.Equal(signature, s.sign(r.Method+"\n"+path+"\n"+query)) {
		return storeErrorf(http.StatusForbidden, "SignatureDoesNotMatch", "The request signature we calculated does not "+
			"match the signature you provided. Check your key and signing method.")
	}
	end, err := strconv.ParseInt(r.URL.Query().Get(expiresParam), 10, 64)
	if err != nil || time.Now().UnixMilli() >= end {
		return storeErrorf(http.StatusForbidden, "AccessDenied", "Request has expired")
	}
	return nil
}
