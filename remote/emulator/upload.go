package emulator

import (
	"errors"
	"io"
	"mime/multipart"
	"net/http"
)

// maxDirect is what the API's own upload call takes at most, in bytes.
const maxDirect = 10 << 20

// arrivedLocked notes bytes that came in for e. What it returns lets them become
// the content of e after the completion lag; it is called without the lock.
func (s *Server) arrivedLocked(e *entry, in *incoming) (func(), error) {
	object, err := s.st.objects.keep(in)
	if err != nil {
		return nil, err
	}
	s.st.objects.release(e.incoming)
	e.incoming = object
	lag := s.sw.duration("completion-lag")
	if lag == 0 {
		return nil, s.completeLocked(e)
	}
	if err := s.st.save(e); err != nil {
		return nil, err
	}
	return func() { s.completeLater(e, object) }, nil
}

// completeLater is the event of the store that reaches the service late.
func (s *Server) completeLater(e *entry, object string) {
	s.spawn(func() {
		if !s.sleep(s.sw.duration("completion-lag")) {
			return
		}
		s.report(s.st.update(func() error {
			if s.st.entries[e.id] != e || e.incoming != object || e.status == deleting {
				return nil // gone, or overtaken by a later upload
			}
			return s.completeLocked(e)
		}))
	})
}

// completeLocked makes the bytes that came in the content of e.
func (s *Server) completeLocked(e *entry) error {
	if object := e.incoming; object != "" {
		e.incoming = ""
		s.st.setObject(e, object)
	}
	if e.status == pending {
		e.status = completed
	}
	e.rewriting = false
	return s.st.touch(e)
}

// upload answers POST on an item's /upload: the content in the call itself, in
// the part "file" for public and "privateFile" for private files.
func (c *call) upload() (int, []byte, error) {
	in, err := c.readUpload()
	if err != nil {
		return 0, nil, err
	}
	defer in.discard()
	if in.size == 0 && c.s.sw.is("zero-bytes", "reject") {
		return 0, nil, invalid("file", "must not be empty")
	}
	var body []byte
	var later func()
	err = c.s.st.update(func() error {
		e, err := c.writableLocked()
		if err != nil {
			return err
		}
		e.status = pending
		if later, err = c.s.arrivedLocked(e, in); err != nil {
			return err
		}
		body = c.s.appendEntry(nil, e, c.form())
		return nil
	})
	if err == nil && later != nil {
		later()
	}
	return http.StatusOK, body, err
}

func (c *call) readUpload() (*incoming, error) {
	field := "file"
	if c.space.kind == private {
		field = "privateFile"
	}
	reader, err := c.r.MultipartReader()
	if err != nil {
		return nil, invalid("body", "should be multipart/form-data")
	}
	for {
		part, err := reader.NextRawPart()
		if errors.Is(err, io.EOF) {
			return nil, invalid(field, "is required")
		}
		if err != nil {
			return nil, invalid("body", "is not well-formed multipart/form-data")
		}
		if part.FormName() == field {
			return c.s.receivePart(reader, part)
		}
	}
}

// receivePart stores one part and reads the form to its end.
func (s *Server) receivePart(reader *multipart.Reader, part io.Reader) (*incoming, error) {
	in, err := s.st.objects.receive()
	if err != nil {
		return nil, err
	}
	if _, err = in.ReadFrom(io.LimitReader(part, maxDirect+1)); err == nil {
		if in.size > maxDirect {
			in.discard()
			return nil, errTooLarge
		}
		for err == nil {
			_, err = reader.NextRawPart()
		}
		if errors.Is(err, io.EOF) {
			return in, nil
		}
	}
	in.discard()
	return nil, invalid("body", "ended unexpectedly")
}
