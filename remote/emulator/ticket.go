package emulator

import (
	"crypto/hmac"
	"crypto/rand"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strings"
	"time"
)

// ticket is the permission to post one file's content to the store.
type ticket struct {
	URL    string            `json:"url"`
	Fields map[string]string `json:"fields"`
}

// maxUpload is what a signed upload may have at most, in bytes (5 GiB).
const maxUpload = 5 << 30

// buckets of the two spaces.
var buckets = map[string]string{public: "losant-files", private: "losant-private-files"}

const (
	algorithm = "AWS4-HMAC-SHA256"
	amzLayout = "20060102T150405Z"
)

// policy is what the store checks a form against. A condition is an object with
// one field that must be equal, or ["eq", "$field", value], ["starts-with",
// "$field", prefix] or ["content-length-range", least, most].
type policy struct {
	Expiration string `json:"expiration"`
	Conditions []any  `json:"conditions"`
}

// ticket makes a ticket for the content of e. Its key names the entry, so an
// upload means an id and not a path, and is different every time.
func (s *Server) ticket(e *entry) *ticket {
	nonce := make([]byte, 8)
	_, _ = rand.Read(nonce)
	now := time.Now().UTC()
	f := map[string]string{
		"Content-Type":     e.contentType,
		"key":              fmt.Sprintf("%s/%s/%s", e.space.app.id, e.id, hex.EncodeToString(nonce)),
		"bucket":           buckets[e.space.kind],
		"X-Amz-Algorithm":  algorithm,
		"X-Amz-Credential": credential(now),
		"X-Amz-Date":       now.Format(amzLayout),
	}
	p := policy{Expiration: now.Add(s.sw.duration("ticket-ttl")).Format(timeLayout)}
	for _, name := range []string{"Content-Type", "key", "bucket", "X-Amz-Algorithm", "X-Amz-Credential", "X-Amz-Date"} {
		p.Conditions = append(p.Conditions, map[string]string{name: f[name]})
	}
	least := 0
	if s.sw.is("zero-bytes", "reject") {
		least = 1
	}
	p.Conditions = append(p.Conditions, []any{"content-length-range", least, int64(maxUpload)})
	text, _ := json.Marshal(p)
	f["Policy"] = base64.StdEncoding.EncodeToString(text)
	f["X-Amz-Signature"] = hex.EncodeToString(s.sign(f["Policy"]))
	return &ticket{URL: s.store.url + "/" + f["bucket"] + "/", Fields: f}
}

func credential(now time.Time) string {
	return "EMULATOR/" + now.Format("20060102") + "/us-east-1/s3/aws4_request"
}

// checkPolicy holds a form's fields to the policy they bring. It returns the
// least and the most bytes the file may have.
func (s *Server) checkPolicy(form map[string]string) (least, most int64, err error) {
	text, ok := form["policy"]
	if !ok {
		return 0, 0, storeErrorf(403, "AccessDenied", "Access Denied")
	}
	signature, err := hex.DecodeString(form["x-amz-signature"])
	if err != nil || !hmac.Equal(signature, s.sign(text)) {
		return 0, 0, storeErrorf(403, "SignatureDoesNotMatch", "The request signature we calculated does not match "+
			"the signature you provided. Check your key and signing method.")
	}
	raw, err := base64.StdEncoding.DecodeString(text)
	var p policy
	if err == nil {
		err = json.Unmarshal(raw, &p)
	}
	var end time.Time
	if err == nil {
		end, err = time.Parse(timeLayout, p.Expiration)
	}
	if err != nil {
		return 0, 0, storeErrorf(400, "InvalidPolicyDocument", "Invalid Policy: %v", err)
	}
	if !time.Now().Before(end) {
		return 0, 0, denied("Policy expired.")
	}
	most = maxUpload
	named := map[string]bool{"policy": true, "x-amz-signature": true}
	for _, condition := range p.Conditions {
		switch c := condition.(type) {
		case map[string]any:
			for name, want := range c {
				named[strings.ToLower(name)] = true
				if form[strings.ToLower(name)] != want {
					return 0, 0, denied(`Policy Condition failed: ["eq", "$%s", "%v"]`, name, want)
				}
			}
		case []any:
			if len(c) == 3 && c[0] == "content-length-range" {
				low, _ := c[1].(float64)
				high, _ := c[2].(float64)
				least, most = int64(low), int64(high)
			}
		}
	}
	for name := range form {
		if !named[name] && !strings.HasPrefix(name, "x-ignore-") {
			return 0, 0, denied("Extra input fields: %s", name)
		}
	}
	return least, most, nil
}
