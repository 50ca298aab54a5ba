package emulator

import (
	"bytes"
	"fmt"
	"image"
	"image/color"
	"image/jpeg"
	"image/png"
	"math"
)

// sampleLogo is a leaf on a disc, as a PNG.
func sampleLogo() ([]byte, error) {
	const size = 256
	img := image.NewNRGBA(image.Rect(0, 0, size, size))
	for y := range size {
		for x := range size {
			dx, dy := float64(x)-size/2, float64(y)-size/2
			switch {
			case math.Hypot(dx-60, dy) < 100 && math.Hypot(dx+60, dy) < 100:
				img.Set(x, y, color.NRGBA{90, 190, 90, 255})
			case math.Hypot(dx, dy) < 120:
				img.Set(x, y, color.NRGBA{20, 70, 60, 255})
			}
		}
	}
	var b bytes.Buffer
	err := png.Encode(&b, img)
	return b.Bytes(), err
}

// samplePhoto is a landscape at dusk, as a JPEG.
func samplePhoto() ([]byte, error) {
	const width, height = 640, 400
	img := image.NewRGBA(image.Rect(0, 0, width, height))
	for y := range height {
		for x := range width {
			down := float64(y) / height
			c := color.RGBA{uint8(60 + 180*down), uint8(60 + 90*down), uint8(130 - 40*down), 255}
			if math.Hypot(float64(x)-430, float64(y)-230) < 40 {
				c = color.RGBA{255, 220, 150, 255}
			}
			for ridge := range 3 {
				f := float64(ridge)
				top := 250 + 45*f + 30*math.Sin(float64(x)/(90-18*f)+2*f)
				if float64(y) > top {
					c = color.RGBA{uint8(70 - 22*f), uint8(60 - 16*f), uint8(90 - 26*f), 255}
				}
			}
			img.Set(x, y, c)
		}
	}
	var b bytes.Buffer
	err := jpeg.Encode(&b, img, &jpeg.Options{Quality: 85})
	return b.Bytes(), err
}

// samplePDF is a document of one page with a title and a line of text.
func samplePDF(title, line string) []byte {
	page := fmt.Sprintf("BT /F1 24 Tf 72 760 Td (%s) Tj /F1 12 Tf 0 -40 Td (%s) Tj ET", title, line)
	objects := []string{
		"<< /Type /Catalog /Pages 2 0 R >>",
		"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
		"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents 4 0 R /Resources << /Font << /F1 5 0 R >> >> >>",
		fmt.Sprintf("<< /Length %d >>\nstream\n%s\nendstream", len(page), page),
		"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
	}
	var b bytes.Buffer
	b.WriteString("%PDF-1.4\n")
	var offsets []int
	for i, object := range objects {
		offsets = append(offsets, b.Len())
		fmt.Fprintf(&b, "%d 0 obj\n%s\nendobj\n", i+1, object)
	}
	table := b.Len()
	fmt.Fprintf(&b, "xref\n0 %d\n0000000000 65535 f \n", len(objects)+1)
	for _, offset := range offsets {
		fmt.Fprintf(&b, "%010d 00000 n \n", offset)
	}
	fmt.Fprintf(&b, "trailer\n<< /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n", len(objects)+1, table)
	return b.Bytes()
}
