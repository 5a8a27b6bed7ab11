// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package config

import (
	"fmt"

	"github.com/goccy/go-yaml/ast"

	"github.com/vicar-ha/vicar/track"
)

// rawTrack is an item of track: a check's name, or a mapping.
type rawTrack struct {
	mark
	Check   text    `yaml:"check" jsonschema:"required" jsonschema_description:"The check's name."`
	Weight  weight  `yaml:"weight" jsonschema_description:"Overrides the check's weight here."`
	Reverse boolean `yaml:"reverse" jsonschema_description:"Overrides the check's reverse here."`
}

func (t *rawTrack) decode(r *reader, key mark, n ast.Node) {
	t.mark = key
	if !isMapping(n) {
		r.value(&t.Check, key, n)
		return
	}
	r.fields(key, n, t)
	if !t.Check.present() {
		r.bad(key, "check is missing", "name the check, as in {check: haproxy, weight: -60}")
	}
}

// weight is what a check does to a router.
type weight struct{ scalar[effect] }

// effect is what a check adds to the priority, 0 for a fault, or that the router
// yields.
type effect struct {
	weight int
	yield  bool
}

// The weights that are words.
const (
	weightFault = "fault"
	weightYield = "yield"
)

func (w *weight) decode(r *reader, key mark, n ast.Node) {
	rule := fmt.Sprintf("a weight is -%d to %d, fault or yield", track.MaxWeight, track.MaxWeight)
	w.mark = r.at(n, key.path)
	if s, ok := n.(*ast.StringNode); ok && (s.Value == weightFault || s.Value == weightYield) {
		w.set(effect{yield: s.Value == weightYield})
		return
	}
	var v number
	v.decodeRange(r, key, n, -track.MaxWeight, track.MaxWeight, rule)
	switch {
	case !v.ok:
	case v.v == 0:
		r.bad(w.mark, "the weight 0 adds nothing", "write fault: a failure takes the router out (keepalived's weight 0)")
	default:
		w.set(effect{weight: v.v})
	}
}

// tracked is a track with its place.
type tracked struct {
	track.Track
	at mark
}

// tracks resolves a list of checks, without those that are wrong or twice.
func (r *reader) tracks(raw list[rawTrack], known knownChecks) []tracked {
	var tracks []tracked
	seen := make(map[string]mark)
	for _, t := range raw.items {
		if !t.Check.ok {
			continue
		}
		name := t.Check.v
		c, ok := known[name]
		if !ok {
			r.bad(t.Check.mark, "no check is called "+shown(name), known.didYouMean(name))
			continue
		}
		if first, twice := seen[name]; twice {
			r.bad(t.Check.mark, fmt.Sprintf("%s is already tracked on line %d", name, first.line), "remove one of them")
			continue
		}
		seen[name] = t.Check.mark
		does := t.Weight.or(c.raw.Weight.v)
		tracks = append(tracks, tracked{at: t.Check.mark, Track: track.Track{
			Check:   name,
			Weight:  does.weight,
			Yield:   does.yield,
			Reverse: t.Reverse.or(c.raw.Reverse.v),
		}})
	}
	return tracks
}

func plainTracks(tracks []tracked) []track.Track {
	var plain []track.Track
	for _, t := range tracks {
		plain = append(plain, t.Track)
	}
	return plain
}
