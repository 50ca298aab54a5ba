package emulator

import (
	"bufio"
	"errors"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"strings"
)

// maxFields is what all fields before the file may have together, in bytes.
const maxFields = 20 << 10

// serveStore answers one request to the object store. It knows one thing: the
// form post of a file, under S3's rules and with S3's errors.
func (s *Server) serveStore(a *answer, r *http.Request) {
	if r.Method != http.MethodPost {
		drain(r)
		writeStoreError(a, storeErrorf(http.StatusMethodNotAllowed, "MethodNotAllowed",
			"The specified method is not allowed against this resource."))
		return
	}
	s.perform(a, r, opForm, func(status int) { writeStoreError(a, injectedStore(status)) }, func() {
		etag, err := s.acceptForm(r)
		if err != nil {
			drain(r)
			writeStoreError(a, err)
			return
		}
		a.Header().Set("ETag", quote(etag))
		a.WriteHeader(http.StatusNoContent)
	})
}

// acceptForm checks a form, stores its file and tells the service about it.
func (s *Server) acceptForm(r *http.Request) (etag string, err error) {
	mediaType, params, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil || mediaType != "multipart/form-data" || params["boundary"] == "" {
		e := storeErrorf(http.StatusPreconditionFailed, "PreconditionFailed",
			"At least one of the pre-conditions you specified did not hold")
		e.Condition = "Bucket POST must be of the enclosure-type multipart/form-data"
		return "", e
	}
	if r.ContentLength < 0 {
		return "", storeErrorf(http.StatusLengthRequired, "MissingContentLength",
			"You must provide the Content-Length HTTP header.")
	}
	body := readers.Get().(*bufio.Reader) // that of package multipart takes 4 KiB at once
	defer readers.Put(body)
	body.Reset(r.Body)
	reader := multipart.NewReader(body, params["boundary"])
	form, file, err := s.readForm(reader)
	if err != nil {
		return "", err
	}
	least, most, err := s.checkForm(r, form)
	if err != nil {
		return "", err
	}
	in, err := s.st.objects.receive()
	if err != nil {
		return "", err
	}
	defer in.discard()
	if _, err := in.ReadFrom(io.LimitReader(file, most+1)); err != nil {
		return "", incompleteBody(err)
	}
	if in.size > most {
		return "", storeErrorf(http.StatusBadRequest, "EntityTooLarge", "Your proposed upload exceeds the maximum allowed size")
	}
	if in.size < least {
		return "", storeErrorf(http.StatusBadRequest, "EntityTooSmall", "Your proposed upload is smaller than the minimum allowed size")
	}
	// Fields after the file are ignored, but the form must have an end.
	for err == nil {
		_, err = reader.NextRawPart()
	}
	if !errors.Is(err, io.EOF) {
		return "", incompleteBody(err)
	}
	etag, size := etagOf(in.name()), in.size
	if err := s.stored(form, in); err != nil {
		return "", err
	}
	s.counts.add(func(n *Counts) { n.FormBytes += size })
	return etag, nil
}

func incompleteBody(err error) error {
	return storeErrorf(http.StatusBadRequest, "IncompleteBody",
		"The request body terminated unexpectedly (%v)", err)
}

// readForm reads the fields up to the file. Their names are in lower case.
func (s *Server) readForm(reader *multipart.Reader) (map[string]string, io.Reader, error) {
	form, left, leaked := map[string]string{}, int64(maxFields), false
	for {
		part, err := reader.NextRawPart()
		if errors.Is(err, io.EOF) {
			return nil, nil, storeErrorf(http.StatusBadRequest, "InvalidArgument",
				"POST requires exactly one file upload per request.")
		}
		if err != nil {
			return nil, nil, storeErrorf(http.StatusBadRequest, "MalformedPOSTRequest",
				"The body of your POST request is not well-formed multipart/form-data. (%v)", err)
		}
		name := strings.ToLower(part.FormName())
		if name == "file" {
			return form, part, nil
		}
		value, err := io.ReadAll(io.LimitReader(part, left+1))
		if err != nil {
			return nil, nil, incompleteBody(err)
		}
		if left -= int64(len(value)); left < 0 {
			return nil, nil, storeErrorf(http.StatusBadRequest, "MaxPostPreDataLengthExceeded",
				"Your POST request fields preceding the upload file were too large.")
		}
		if form[name] = string(value); holdsToken(form[name]) && !leaked {
			leaked = true
			s.leak()
		}
	}
}

// checkForm checks everything but the file.
func (s *Server) checkForm(r *http.Request, form map[string]string) (least, most int64, err error) {
	if form["key"] == "" {
		return 0, 0, storeErrorf(http.StatusBadRequest, "InvalidArgument",
			"Bucket POST must contain a field named 'key'.  If it is specified, please check the order of the fields.")
	}
	if least, most, err = s.checkPolicy(form); err != nil {
		return 0, 0, err
	}
	if strings.Trim(r.URL.Path, "/") != form["bucket"] {
		return 0, 0, storeErrorf(http.StatusNotFound, "NoSuchBucket", "The specified bucket does not exist")
	}
	if s.sw.is("tickets", "single-use") {
		s.st.mu.RLock()
		used := s.st.used[form["key"]]
		s.st.mu.RUnlock()
		if used {
			return 0, 0, storeErrorf(http.StatusForbidden, "AccessDenied", "Access Denied")
		}
	}
	return least, most, nil
}

// stored takes over a file that came in, and lets the service know after the
// lag. An entry that is gone meanwhile leaves the file without an owner.
func (s *Server) stored(form map[string]string, in *incoming) error {
	_, rest, _ := strings.Cut(form["key"], "/")
	text, _, _ := strings.Cut(rest, "/")
	id, _ := parseID(text)
	var upload func()
	err := s.st.update(func() error {
		if s.sw.is("tickets", "single-use") {
			if s.st.used[form["key"]] {
				return storeErrorf(http.StatusForbidden, "AccessDenied", "Access Denied")
			}
			s.st.used[form["key"]] = true
			if err := s.st.journal.add(&record{Ticket: form["key"]}); err != nil {
				return err
			}
		}
		e := s.st.entries[id]
		if e == nil || e.dir {
			return nil
		}
		var err error
		upload, err = s.arrivedLocked(e, in)
		return err
	})
	if err == nil && upload != nil {
		upload()
	}
	return err
}
