package outbox

import (
	"encoding/xml"
	"image"
	_ "image/gif"  // for their dimensions
	_ "image/jpeg" // the same
	_ "image/png"  // the same
	"io"
	"mime"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/gabriel-vasile/mimetype"
	_ "golang.org/x/image/webp" // the same

	"losantfs/remote"
)

const unknownType = "application/octet-stream"

// contentTypeOf returns the content type of a file: the one it has already, the
// one its name stands for, or what it looks like.
func contentTypeOf(name, known string, content io.Reader) string {
	if known != "" && known != unknownType {
		return known
	}
	if t := mime.TypeByExtension(strings.ToLower(filepath.Ext(name))); t != "" {
		t, _, _ = strings.Cut(t, ";")
		return t
	}
	t, err := mimetype.DetectReader(content)
	if err != nil {
		return unknownType
	}
	base, _, _ := strings.Cut(t.String(), ";")
	return base
}

// dimensionsOf returns the size of an image in pixels, as the vendor's own web
// application sends it, nil for what is no image.
func dimensionsOf(contentType string, content io.Reader) *remote.Dimensions {
	switch {
	case contentType == "image/svg+xml":
		return dimensionsOfSVG(content)
	case !strings.HasPrefix(contentType, "image/"):
		return nil
	}
	c, _, err := image.DecodeConfig(content)
	if err != nil {
		return nil
	}
	return &remote.Dimensions{Width: float64(c.Width), Height: float64(c.Height)}
}

// dimensionsOfSVG reads the width and height of the root element, or those of its
// view box.
func dimensionsOfSVG(content io.Reader) *remote.Dimensions {
	d := xml.NewDecoder(io.LimitReader(content, 1<<20))
	for {
		token, err := d.Token()
		if err != nil {
			return nil
		}
		e, ok := token.(xml.StartElement)
		if !ok {
			continue
		}
		if e.Name.Local != "svg" {
			return nil
		}
		a := map[string]string{}
		for _, attr := range e.Attr {
			a[attr.Name.Local] = attr.Value
		}
		w, h := pixels(a["width"]), pixels(a["height"])
		if box := strings.FieldsFunc(a["viewBox"], func(r rune) bool { return r == ' ' || r == ',' }); len(box) == 4 && (w == 0 || h == 0) {
			w, h = pixels(box[2]), pixels(box[3])
		}
		if w == 0 || h == 0 {
			return nil
		}
		return &remote.Dimensions{Width: w, Height: h}
	}
}

// pixels reads a length without a unit or in px, 0 for any other.
func pixels(s string) float64 {
	v, err := strconv.ParseFloat(strings.TrimSuffix(strings.TrimSpace(s), "px"), 64)
	if err != nil || v <= 0 || v > 1<<20 {
		return 0
	}
	return v
}
