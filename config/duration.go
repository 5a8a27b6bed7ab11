// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package config

import (
	"fmt"
	"regexp"
	"strings"
	"time"

	"github.com/goccy/go-yaml/ast"
)

// durationPattern is Go's notation of a duration without its odd forms.
const durationPattern = `^([0-9]+(\.[0-9]+)?(us|µs|ms|s|m|h))+$`

var durationRegexp = regexp.MustCompile(durationPattern)

// duration is a time with its unit: 100ms, 1.5s, 1m30s.
type duration struct{ scalar[time.Duration] }

func (d *duration) decode(r *reader, key mark, n ast.Node) { d.decodeUnit(r, key, n, 0) }

// decodeUnit is decode for a duration that is low at least: what would be too short is not
// advised.
func (d *duration) decodeUnit(r *reader, key mark, n ast.Node, low time.Duration) {
	units := func(raw string) string {
		if low >= time.Second {
			return "write " + raw + "s"
		}
		return fmt.Sprintf("write %sms or %ss", raw, raw)
	}
	d.mark = r.at(n, key.path)
	switch n := n.(type) {
	case *ast.IntegerNode, *ast.FloatNode:
		raw := n.GetToken().Value
		r.bad(d.mark, raw+" has no unit", units(raw))
	case *ast.StringNode:
		v, err := time.ParseDuration(n.Value)
		switch {
		case n.Value == "0" || isDecimal(n.Value):
			r.bad(d.mark, shown(n.Value)+" has no unit", units(n.Value))
		case err == nil && v < 0:
			r.bad(d.mark, n.Value+" is negative", "")
		case err != nil || !durationRegexp.MatchString(n.Value):
			r.bad(d.mark, shown(n.Value)+" is not a duration", durationHint(n.Value))
		default:
			d.set(v)
		}
	default:
		r.bad(d.mark, describe(n)+" is here", "a duration is needed, as in 100ms or 30s")
	}
}

// decodeRange takes a duration from low to high.
func (d *duration) decodeRange(r *reader, key mark, n ast.Node, low, high time.Duration) {
	d.decodeUnit(r, key, n, low)
	if d.ok && (d.v < low || d.v > high) {
		d.ok = false
		r.bad(d.mark, shortDuration(d.v)+" is out of range", "it is "+shortDuration(low)+" to "+shortDuration(high))
	}
}

// durationHint guesses what was meant by a unit that doesn't exist.
func durationHint(s string) string {
	const units = "the units are us, ms, s, m and h, as in 100ms or 1m30s"
	fields := strings.Fields(s)
	digits := strings.TrimRight(strings.ToLower(strings.Join(fields, "")), "abcdefghijklmnopqrstuvwxyz")
	unit := strings.ToLower(strings.Join(fields, ""))[len(digits):]
	short := map[string]string{
		"us": "us", "usec": "us",
		"ms": "ms", "msec": "ms", "msecs": "ms", "millis": "ms", "millisecond": "ms", "milliseconds": "ms",
		"s": "s", "sec": "s", "secs": "s", "second": "s", "seconds": "s",
		"m": "m", "min": "m", "mins": "m", "minute": "m", "minutes": "m",
		"h": "h", "hr": "h", "hour": "h", "hours": "h",
	}[unit]
	if short == "" {
		return units
	}
	if _, err := time.ParseDuration(digits + short); err != nil {
		return units
	}
	return "write " + digits + short
}

// shortDuration is a duration without the zeros of Duration.String: 1m, not
// 1m0s.
func shortDuration(d time.Duration) string {
	s := d.String()
	if strings.HasSuffix(s, "m0s") {
		s = strings.TrimSuffix(s, "0s")
	}
	if strings.HasSuffix(s, "h0m") {
		s = strings.TrimSuffix(s, "0m")
	}
	return s
}
