package remote

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"time"
)

// Kind says what an error means for the caller, whatever its cause.
type Kind int

const (
	Unreachable Kind = iota + 1 // no answer, a 5xx, or an answer that is not the API's: worth trying later
	Throttled                   // 429: worth trying later, more slowly
	NotFound                    // 404
	Exists                      // 409, the name is taken
	Busy                        // the entry is being uploaded, moved or deleted
	Denied                      // 401 or 403: only another token or right helps
	Invalid                     // 400 or 422: the request will never work
	TooLarge                    // 413 or the store's EntityTooLarge
	Unsupported                 // 405: this installation lacks the call
	Changed                     // the content is no longer of the version asked for
	Corrupt                     // the bytes do not match their checksum
	Expired                     // a ticket or signed URL no longer holds: ask for a new one
)

var kindNames = map[Kind]string{
	Unreachable: "unreachable", Throttled: "throttled", NotFound: "not found", Exists: "exists",
	Busy: "busy", Denied: "denied", Invalid: "invalid", TooLarge: "too large",
	Unsupported: "unsupported", Changed: "changed", Corrupt: "corrupt", Expired: "expired",
}

func (k Kind) String() string { return kindNames[k] }

// Error is the failure of one call.
type Error struct {
	Kind    Kind
	Op      string // the operation as counted by [Client.Requests], e.g. "list"
	Status  int    // HTTP status, 0 when there was no answer
	Type    string // the service's own error type, e.g. "Validation"
	Message string // for people; never holds a token or a signed URL
	// Ambiguous is set when a call that changes something may have been
	// carried out although no good answer came: look before repeating it.
	Ambiguous  bool
	RetryAfter time.Duration // what the service asked for, 0 when it did not
	Err        error         // the cause, where there is one
	unsent     bool          // it would have had to wait for too long
}

func (e *Error) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s: %s", e.Op, e.Kind)
	if e.Message != "" {
		b.WriteString(": " + e.Message)
	}
	if e.Status != 0 {
		fmt.Fprintf(&b, " (HTTP %d)", e.Status)
	}
	if e.Err != nil {
		b.WriteString(": " + e.Err.Error())
	}
	return b.String()
}

func (e *Error) Unwrap() error { return e.Err }

// Is matches the io/fs sentinels.
func (e *Error) Is(target error) bool {
	switch target {
	case fs.ErrNotExist:
		return e.Kind == NotFound
	case fs.ErrExist:
		return e.Kind == Exists
	case fs.ErrPermission:
		return e.Kind == Denied
	case fs.ErrInvalid:
		return e.Kind == Invalid
	}
	return false
}

// KindOf returns the kind of err, 0 when err is nil or not of this package.
// A deadline that passed while waiting for the service is [Unreachable].
func KindOf(err error) Kind {
	var e *Error
	if errors.As(err, &e) {
		return e.Kind
	}
	if errors.Is(err, context.DeadlineExceeded) {
		return Unreachable
	}
	return 0
}

// Temporary reports whether the same call may succeed later without anyone
// changing anything: the service is away, slow or asks for patience.
func Temporary(err error) bool {
	switch KindOf(err) {
	case Unreachable, Throttled, Busy:
		return true
	}
	return false
}

func kindOfStatus(status int) Kind {
	switch {
	case status == 401 || status == 403:
		return Denied
	case status == 404 || status == 410:
		return NotFound
	case status == 405:
		return Unsupported
	case status == 409:
		return Exists
	case status == 413:
		return TooLarge
	case status == 423:
		return Busy
	case status == 429:
		return Throttled
	case status >= 400 && status < 500 && status != 408:
		return Invalid
	}
	return Unreachable
}
