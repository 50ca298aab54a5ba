package main

import (
	"slices"
	"strings"
)

// programs in the order of columns, bars and lines.
var programs = []string{losantfs, rclone, loopback, native, curl}

// bars is a chart of horizontal bars, a group of them for each thing that was done.
type bars struct {
	title, unit string
	groups      []barGroup
}

type barGroup struct {
	label string
	of    map[string]float64
}

func (c bars) draw() []byte {
	const width, left, right, bar, gap, top = 760, 250, 90, 15, 14, 60
	height := top + 30
	var all []float64
	for _, g := range c.groups {
		height += len(g.of)*bar + gap
		for _, v := range g.of {
			all = append(all, v)
		}
	}
	d := newDrawing(width, height, c.title)
	d.legend(c.has)
	axis := scaleOf(all, left, width-right)
	for _, t := range axis.ticks() {
		d.line(axis.at(t), top-8, axis.at(t), float64(height-22))
		d.text(axis.at(t), float64(height-8), "small", "middle", quantity(t, c.unit))
	}
	y := float64(top)
	for _, g := range c.groups {
		d.text(left-8, y+float64(len(g.of)*bar)/2+4, "", "end", g.label)
		for _, p := range programs {
			v, ok := g.of[p]
			if !ok {
				continue
			}
			d.rect(left, y+1, max(axis.at(v)-left, 1), bar-3, p)
			d.text(max(axis.at(v), left)+5, y+bar-4, "small", "start", quantity(v, c.unit))
			y += bar
		}
		y += gap
	}
	return d.bytes()
}

func (c bars) has(program string) bool {
	return slices.ContainsFunc(c.groups, func(g barGroup) bool { _, ok := g.of[program]; return ok })
}

// legend names the programs that are in a chart.
func (d *drawing) legend(has func(string) bool) {
	x := 0.0
	for _, p := range programs {
		if has(p) {
			d.rect(x, 28, 10, 10, p)
			d.text(x+15, 37, "small", "start", p)
			x += 35 + 7*float64(len(p))
		}
	}
}

// lines is a chart of how figures grow, both axes logarithmic.
type lines struct {
	title, xUnit, yUnit string
	of                  map[string][]point
}

func (c lines) draw() []byte {
	const width, height, left, right, top, bottom = 480, 300, 80, 60, 55, 40
	var xs, ys []float64
	for _, points := range c.of {
		for _, p := range points {
			xs, ys = append(xs, p.X), append(ys, p.Y)
		}
	}
	d := newDrawing(width, height, c.title)
	d.legend(func(p string) bool { return len(c.of[p]) > 0 })
	x, y := scaleOf(xs, left, width-right), scaleOf(ys, height-bottom, top)
	for _, t := range x.ticks() {
		d.line(x.at(t), top, x.at(t), height-bottom)
		d.text(x.at(t), height-bottom+16, "small", "middle", strings.TrimSpace(quantity(t, "")))
	}
	d.text((left+width-right)/2, height-6, "small", "middle", c.xUnit)
	for _, t := range y.ticks() {
		d.line(left, y.at(t), width-right, y.at(t))
		d.text(left-6, y.at(t)+4, "small", "end", quantity(t, c.yUnit))
	}
	for _, program := range programs {
		var points []float64
		for _, p := range c.of[program] {
			points = append(points, x.at(p.X), y.at(p.Y))
		}
		if len(points) == 0 {
			continue
		}
		d.path(points, program)
		for i := 0; i < len(points); i += 2 {
			d.circle(points[i], points[i+1], program)
		}
	}
	return d.bytes()
}
