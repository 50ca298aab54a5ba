package emulator

import (
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

// switchSpecs are all switches. Each names something that is not known about
// the service, with the likelier behaviour as its default, or a fault.
var switchSpecs = map[string]switchSpec{
	"latency":      {"0s", duration, "time added to every answer of the API, the store and the content hosts"},
	"jitter":       {"0s", duration, "further random time of up to this much added to every answer"},
	"seed":         {"1", number(0), "seed of all random decisions; setting it starts the sequence again"},
	"down":         {"false", boolean, "every host resets its connections; only /_emulator on the API address still answers"},
	"error-ops":    {"", operations, "comma list of operations the error, drop, garbage and hang switches apply to; empty: all"},
	"error-rate":   {"0", rate, "share of the calls (0 to 1) answered by error-status, without doing the work"},
	"error-count":  {"0", number(0), "that many next calls are answered by error-status, without doing the work"},
	"error-status": {"503", httpStatus, "HTTP status of an injected error"},
	"retry-after":  {"", anything, "value of the header Retry-After on answers 429 and 503; empty: no header"},
	"drop-rate":    {"0", rate, "share of the calls (0 to 1) whose work is done and whose connection then closes without an answer"},
	"drop-count":   {"0", number(0), "that many next calls are done and then dropped without an answer"},
	"hang-count":   {"0", number(0), "that many next calls are never answered"},
	"garbage-count": {"0", number(0),
		"that many next API calls are answered by HTML; with a garbage-status of 500 or more the work is done first"},
	"garbage-status": {"502", httpStatus, "HTTP status of a garbage answer"},
	"truncate-rate":  {"0", rate, "share of the contents (0 to 1) cut half way, with the connection closed"},
	"truncate-count": {"0", number(0), "that many next contents are cut half way"},
	"corrupt-count":  {"0", number(0), "that many next contents have one wrong byte, under the right length and ETag"},

	"conflict-status":  {"400", choice("400", "409"), "status of creating a name that exists"},
	"per-page-max":     {"1000", number(1), "most entries one page of a listing holds, whatever was asked for"},
	"total-count":      {"right", choice("right", "wrong"), "wrong: totalCount of a listing is one too high"},
	"list-depth":       {"children", choice("children", "recursive"), "what a listing with a directory holds"},
	"list-fail-page":   {"-1", number(-1), "page of a listing that is always answered 500; -1: none"},
	"list-private-url": {"true", boolean, "whether listings carry the URLs of private files"},
	"move-onto-existing": {"reject", choice("reject", "overwrite"),
		"moving onto a name that exists; overwrite merges directories"},
	"directory-move": {"job", choice("job", "instant"), "job: a directory's children move one after the other, after the answer"},
	"move-delay":     {"0s", duration, "time a file's move takes, and each step of a directory's job"},
	"delete":         {"instant", choice("instant", "async"), "async: entries show the status deleting for a while"},
	"delete-delay":   {"0s", duration, "how long an async deletion takes"},
	"reuse-deleting": {"conflict", choice("conflict", "allow"), "creating a name whose entry is still deleting"},
	"completion-lag": {"0s", duration, "time between the store's answer and the entry's status completed"},
	"tickets":        {"reusable", choice("reusable", "single-use"), "whether an upload ticket works more than once"},
	"ticket-ttl":     {"1h", duration, "life of an upload ticket"},
	"reupload-read": {"old", choice("old", "missing"),
		"what the content hosts have between a PATCH and the completion of its upload"},
	"patch-size":       {"ignored", choice("ignored", "applied"), "whether the fileSize of a PATCH shows before the upload"},
	"zero-bytes":       {"accept", choice("accept", "reject"), "uploading a file without bytes"},
	"cdn-ttl":          {"0s", duration, "how long the CDN serves what it fetched once, per path and query; 0s: no caching"},
	"cdn-etag":         {"md5", choice("md5", "none", "weak"), "ETag of the CDN"},
	"cdn-range":        {"honour", choice("honour", "ignore"), "ignore: the CDN answers a Range with 200 and the whole file"},
	"url-ttl":          {"", optionalDuration, "life of every signed URL, in place of 900 s and of urlTTL; empty: as asked"},
	"private-files":    {"on", choice("on", "404", "405"), "an installation without private files answers 404 or 405"},
	"names":            {"reject", choice("reject", "sanitise"), "forbidden names at create and move"},
	"case-sensitive":   {"true", boolean, "whether names that differ only in case are different"},
	"redirect-api":     {"", baseURL, "URL every API call is redirected to (307, with its path and query); empty: none"},
	"redirect-content": {"false", boolean, "contents are first redirected (302) to another path of the same host"},
	"two-factor": {"off", choice("off", "told", "untold"),
		"whether the user's login needs the code 123456; untold: the answer to one without a code does not say so"},
	"sso-domain": {"", anything, "domain of email addresses whose users sign in elsewhere and have no password; empty: none"},
	"clock":      {"0s", signedDuration, "how far the clock of the API's header Date is ahead; may be negative"},
}

func anything(s string) (any, error) { return s, nil }

func duration(s string) (any, error) {
	d, err := time.ParseDuration(s)
	if err != nil || d < 0 {
		return nil, errors.New("a duration such as 0s, 250ms or 1h is needed")
	}
	return d, nil
}

func signedDuration(s string) (any, error) {
	d, err := time.ParseDuration(s)
	if err != nil {
		return nil, errors.New("a duration such as 10m or -1h is needed")
	}
	return d, nil
}

// optionalDuration is negative where the text is empty.
func optionalDuration(s string) (any, error) {
	if s == "" {
		return time.Duration(-1), nil
	}
	return duration(s)
}

func boolean(s string) (any, error) {
	if s != "true" && s != "false" {
		return nil, errors.New("true or false is needed")
	}
	return s == "true", nil
}

func rate(s string) (any, error) {
	f, err := strconv.ParseFloat(s, 64)
	if err != nil || !(f >= 0 && f <= 1) {
		return nil, errors.New("a number from 0 to 1 is needed")
	}
	return f, nil
}

func number(least int64) func(string) (any, error) {
	return func(s string) (any, error) {
		n, err := strconv.ParseInt(s, 10, 64)
		if err != nil || n < least {
			return nil, fmt.Errorf("a whole number of at least %d is needed", least)
		}
		return n, nil
	}
}

func httpStatus(s string) (any, error) {
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil || n < 200 || n > 599 {
		return nil, errors.New("an HTTP status from 200 to 599 is needed")
	}
	return n, nil
}

func choice(accepted ...string) func(string) (any, error) {
	return func(s string) (any, error) {
		if !slices.Contains(accepted, s) {
			return nil, fmt.Errorf("one of %s is needed", strings.Join(accepted, ", "))
		}
		return s, nil
	}
}

func operations(s string) (any, error) {
	if s == "" {
		return s, nil
	}
	for op := range strings.SplitSeq(s, ",") {
		if !slices.Contains(allOps, strings.TrimSpace(op)) {
			return nil, fmt.Errorf("a comma list of %s is needed", strings.Join(allOps, ", "))
		}
	}
	return s, nil
}

func baseURL(s string) (any, error) {
	if s == "" {
		return s, nil
	}
	u, err := url.Parse(s)
	if err != nil || u.Scheme == "" || u.Host == "" {
		return nil, errors.New("an absolute URL is needed")
	}
	return strings.TrimRight(s, "/"), nil
}
