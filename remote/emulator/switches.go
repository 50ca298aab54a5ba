package emulator

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// Switch is one doubt about the service, or one fault to inject.
type Switch struct {
	Name    string `json:"name"`
	Value   string `json:"value"`
	Default string `json:"default"`
	Help    string `json:"help"`
}

// switchSpec describes a switch: parse turns its text into what the code reads
// (a time.Duration, int64, float64, bool or string), or says what it accepts.
type switchSpec struct {
	initial string
	parse   func(string) (any, error)
	help    string
}

// switches holds the present values. It is safe for concurrent use.
type switches struct {
	mu     sync.Mutex
	text   map[string]string
	values map[string]any
	random *rand.Rand
}

func newSwitches() *switches {
	sw := &switches{text: map[string]string{}, values: map[string]any{}}
	for name, spec := range switchSpecs {
		if err := sw.set(name, spec.initial); err != nil {
			panic(err) // the table contradicts itself
		}
	}
	return sw
}

func (sw *switches) set(name, value string) error {
	spec, ok := switchSpecs[name]
	if !ok {
		known := strings.Join(slices.Sorted(maps.Keys(switchSpecs)), ", ")
		return fmt.Errorf("unknown switch %q; the switches are %s", name, known)
	}
	value = strings.TrimSpace(value)
	parsed, err := spec.parse(value)
	if err != nil {
		return fmt.Errorf("switch %s does not accept %q: %w", name, value, err)
	}
	sw.mu.Lock()
	defer sw.mu.Unlock()
	sw.text[name], sw.values[name] = value, parsed
	if name == "seed" {
		sw.random = rand.New(rand.NewPCG(uint64(parsed.(int64)), 0))
	}
	return nil
}

// list returns all switches sorted by name.
func (sw *switches) list() []Switch {
	sw.mu.Lock()
	defer sw.mu.Unlock()
	all := make([]Switch, 0, len(switchSpecs))
	for _, name := range slices.Sorted(maps.Keys(switchSpecs)) {
		spec := switchSpecs[name]
		all = append(all, Switch{Name: name, Value: sw.text[name], Default: spec.initial, Help: spec.help})
	}
	return all
}

// value reads a switch as a T. A name or type the table lacks is a mistake in this package.
func value[T any](sw *switches, name string) T {
	sw.mu.Lock()
	defer sw.mu.Unlock()
	return sw.values[name].(T)
}

func (sw *switches) duration(name string) time.Duration { return value[time.Duration](sw, name) }
func (sw *switches) number(name string) int64           { return value[int64](sw, name) }
func (sw *switches) on(name string) bool                { return value[bool](sw, name) }
func (sw *switches) is(name, choice string) bool        { return value[string](sw, name) == choice }
func (sw *switches) string(name string) string          { return value[string](sw, name) }

// take uses up one of a counted fault.
func (sw *switches) take(name string) bool {
	sw.mu.Lock()
	defer sw.mu.Unlock()
	n := sw.values[name].(int64)
	if n <= 0 {
		return false
	}
	sw.values[name], sw.text[name] = n-1, strconv.FormatInt(n-1, 10)
	return true
}

// roll decides by chance whether a fault of the given rate happens now.
func (sw *switches) roll(name string) bool {
	sw.mu.Lock()
	defer sw.mu.Unlock()
	rate := sw.values[name].(float64)
	return rate > 0 && sw.random.Float64() < rate
}

// delay is the latency of the next answer.
func (sw *switches) delay() time.Duration {
	sw.mu.Lock()
	defer sw.mu.Unlock()
	d := sw.values["latency"].(time.Duration)
	if jitter := sw.values["jitter"].(time.Duration); jitter > 0 {
		d += time.Duration(sw.random.Int64N(int64(jitter)))
	}
	return d
}

// hits says whether faults apply to op now.
func (sw *switches) hits(op string) bool {
	ops := sw.string("error-ops")
	if ops == "" {
		return true
	}
	for name := range strings.SplitSeq(ops, ",") {
		if strings.TrimSpace(name) == op {
			return true
		}
	}
	return false
}
