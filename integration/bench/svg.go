package main

import (
	"bytes"
	"encoding/xml"
	"fmt"
	"math"
	"strings"
)

// drawing writes an SVG with few words: the charts have a log scale, bars with their
// values, and colours for light and for dark pages, which no chart library at hand has
// together.
type drawing struct {
	b             strings.Builder
	width, height int
}

// The colours of the programs are told apart by the colour-blind too (Okabe and Ito,
// "Color Universal Design", 2008), and on both backgrounds.
const style = `text{font:12px system-ui,sans-serif;fill:#1f2328}.title{font-weight:600;font-size:14px}.small{font-size:11px}
.grid{stroke:#d0d7de;stroke-width:1}.losantfs{fill:#0072b2;stroke:#0072b2}.rclone{fill:#d55e00;stroke:#d55e00}
.loopback{fill:#009e73;stroke:#009e73}.native{fill:#8a8f98;stroke:#8a8f98}.curl{fill:#b0679a;stroke:#b0679a}
.line{fill:none;stroke-width:2}
@media (prefers-color-scheme:dark){text{fill:#e6edf3}.grid{stroke:#3d444d}.losantfs{fill:#4ba3dd;stroke:#4ba3dd}}`

func newDrawing(width, height int, title string) *drawing {
	d := &drawing{width: width, height: height}
	fmt.Fprintf(&d.b, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" width="%d" height="%d" role="img" aria-label="%s">`+"\n",
		width, height, width, height, escape(title))
	fmt.Fprintf(&d.b, "<style>%s</style>\n", style)
	d.text(0, 16, "title", "start", title)
	return d
}

func (d *drawing) text(x, y float64, class, anchor, s string) {
	fmt.Fprintf(&d.b, `<text x="%.1f" y="%.1f" class="%s" text-anchor="%s">%s</text>`+"\n", x, y, class, anchor, escape(s))
}

func (d *drawing) rect(x, y, width, height float64, class string) {
	fmt.Fprintf(&d.b, `<rect x="%.1f" y="%.1f" width="%.1f" height="%.1f" class="%s"/>`+"\n", x, y, width, height, class)
}

func (d *drawing) line(x1, y1, x2, y2 float64) {
	fmt.Fprintf(&d.b, `<line x1="%.1f" y1="%.1f" x2="%.1f" y2="%.1f" class="grid"/>`+"\n", x1, y1, x2, y2)
}

func (d *drawing) circle(x, y float64, class string) {
	fmt.Fprintf(&d.b, `<circle cx="%.1f" cy="%.1f" r="3" class="%s"/>`+"\n", x, y, class)
}

// path joins points, which are x and y in turn.
func (d *drawing) path(points []float64, class string) {
	fmt.Fprintf(&d.b, `<polyline class="%s line" points="`, class)
	for i := 0; i+1 < len(points); i += 2 {
		fmt.Fprintf(&d.b, "%.1f,%.1f ", points[i], points[i+1])
	}
	d.b.WriteString("\"/>\n")
}

func (d *drawing) bytes() []byte { return []byte(d.b.String() + "</svg>\n") }

func escape(s string) string {
	var b bytes.Buffer
	_ = xml.EscapeText(&b, []byte(s))
	return b.String()
}

// scale is a logarithmic axis from one power of ten to another.
type scale struct {
	low, high int     // exponents
	from, to  float64 // where they are
}

// scaleOf holds all values, which are positive.
func scaleOf(values []float64, from, to float64) scale {
	s := scale{low: math.MaxInt, high: math.MinInt, from: from, to: to}
	for _, v := range values {
		s.low, s.high = min(s.low, int(math.Floor(math.Log10(v)))), max(s.high, int(math.Ceil(math.Log10(v))))
	}
	if s.low >= s.high {
		s.high = s.low + 1
	}
	return s
}

func (s scale) at(v float64) float64 {
	return s.from + (math.Log10(v)-float64(s.low))/float64(s.high-s.low)*(s.to-s.from)
}

// ticks are the powers of ten on the axis.
func (s scale) ticks() (all []float64) {
	for e := s.low; e <= s.high; e++ {
		all = append(all, math.Pow10(e))
	}
	return all
}
