package emulator

import (
	"encoding/xml"
	"errors"
	"fmt"
	"net/http"
)

// apiError is an error answer of the API: {"type","message"} with a status.
type apiError struct {
	Status  int    `json:"-"`
	Type    string `json:"type"`
	Message string `json:"message"`
}

func (e *apiError) Error() string { return e.Type + ": " + e.Message }

// invalid is the service's answer to a field it does not accept.
func invalid(field, reason string, args ...any) error {
	return &apiError{http.StatusBadRequest, "Validation", field + " " + fmt.Sprintf(reason, args...)}
}

func notFound(title string) error {
	return &apiError{http.StatusNotFound, "NotFound", title + " was not found"}
}

var (
	errForbidden    = &apiError{http.StatusForbidden, "Forbidden", "Access is forbidden"}
	errBadToken     = &apiError{http.StatusUnauthorized, "Unauthorized", "Invalid access token"}
	errExpiredToken = &apiError{http.StatusUnauthorized, "Unauthorized", "Access token has expired"}
	errMethod       = &apiError{http.StatusMethodNotAllowed, "MethodNotAllowed", "Method not allowed"}
	errTooLarge     = &apiError{http.StatusRequestEntityTooLarge, "RequestTooLarge", "Request entity is too large"}
)

// asAPIError turns any error into an answer.
func asAPIError(err error) *apiError {
	if e, ok := errors.AsType[*apiError](err); ok {
		return e
	}
	return &apiError{http.StatusInternalServerError, "Unknown", err.Error()}
}

// injected is the answer of a fault on the API.
func injected(status int) error {
	return &apiError{status, http.StatusText(status), "An injected error"}
}

// storeError is an error answer of the object store: XML with one of S3's codes.
type storeError struct {
	XMLName   xml.Name `xml:"Error"`
	Status    int      `xml:"-"`
	Code      string
	Message   string
	Condition string `xml:",omitempty"`
	RequestID string `xml:"RequestId"`
	HostID    string `xml:"HostId"`
}

func (e *storeError) Error() string { return e.Code + ": " + e.Message }

func storeErrorf(status int, code, message string, args ...any) *storeError {
	return &storeError{Status: status, Code: code, Message: fmt.Sprintf(message, args...)}
}

// denied is the store's refusal of a form that does not keep to its policy.
func denied(message string, args ...any) error {
	return storeErrorf(http.StatusForbidden, "AccessDenied", "Invalid according to Policy: "+message, args...)
}

// writeStoreError answers in XML.
func writeStoreError(w http.ResponseWriter, err error) {
	e, ok := errors.AsType[*storeError](err)
	if !ok {
		e = storeErrorf(http.StatusInternalServerError, "InternalError", "%v", err)
	}
	copied := *e
	copied.RequestID, copied.HostID = "EMULATOR", "emulator"
	body, _ := xml.Marshal(&copied)
	w.Header().Set("Content-Type", "application/xml")
	w.WriteHeader(e.Status)
	_, _ = w.Write(append([]byte(xml.Header), body...))
}

// injectedStore is the answer of a fault on the store and the content hosts.
func injectedStore(status int) error {
	code := "InternalError"
	if status == http.StatusServiceUnavailable {
		code = "SlowDown"
	}
	return storeErrorf(status, code, "An injected error")
}
