package main

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/dustin/go-humanize"
)

// series are the values of one program in one row, one for each run.
type series []float64

// median is the middle value; of an even number, the mean of the two in the middle.
func (s series) median() float64 {
	if len(s) == 0 {
		return math.NaN()
	}
	sorted := slices.Sorted(slices.Values(s))
	middle := len(sorted) / 2
	if len(sorted)%2 == 1 {
		return sorted[middle]
	}
	return (sorted[middle-1] + sorted[middle]) / 2
}

// percentile is the smallest value that p percent of the values do not exceed.
func (s series) percentile(p float64) float64 {
	sorted := slices.Sorted(slices.Values(s))
	at := int(math.Ceil(p / 100 * float64(len(sorted))))
	return sorted[max(at, 1)-1]
}

// text is the median with its unit, and the range where there was more than one run.
func (s series) text(unit string) string {
	if len(s) == 0 {
		return ""
	}
	text := quantity(s.median(), unit)
	if low, high := number(slices.Min(s)), number(slices.Max(s)); low != high {
		text += fmt.Sprintf(" (%s–%s)", low, high)
	}
	return text
}

func quantity(v float64, unit string) string {
	if unit == "" {
		return number(v)
	}
	return number(v) + " " + unit
}

// number has three significant digits, and commas from 10,000 on.
func number(v float64) string {
	switch size := math.Abs(v); {
	case math.IsNaN(v) || math.IsInf(v, 0):
		return "–"
	case size >= 1000:
		digits := math.Pow10(int(math.Log10(size)) - 2)
		return humanize.Comma(int64(math.Round(v/digits) * digits))
	case size >= 100:
		return fmt.Sprintf("%.0f", v)
	case size >= 10:
		return trimZeros(fmt.Sprintf("%.1f", v))
	case size >= 1:
		return trimZeros(fmt.Sprintf("%.2f", v))
	case size == 0:
		return "0"
	default:
		return trimZeros(fmt.Sprintf("%.3f", v))
	}
}

func trimZeros(s string) string {
	return strings.TrimSuffix(strings.TrimRight(s, "0"), ".")
}
