// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package config

import (
	"time"

	"github.com/goccy/go-yaml/ast"
)

// defaultDamping fills what a router's damping leaves out.
var defaultDamping = Damping{Moves: 5, Within: time.Minute, Hold: 2 * time.Minute}

// damping is false, true for the defaults, or a mapping.
type damping struct{ scalar[Damping] }

// rawDamping is the mapping of damping.
type rawDamping struct {
	Moves  moves      `yaml:"moves" jsonschema_description:"How many times the router changes hands. 2 to 100, default 5."`
	Within dampingFor `yaml:"within" jsonschema_description:"The time within which these count. 1s to 24h, default 1m."`
	Hold   dampingFor `yaml:"hold" jsonschema_description:"How long the router then does not take over from another. 1s to 24h, default 2m."`
}

func (d *damping) decode(r *reader, key mark, n ast.Node) {
	d.mark = r.at(n, key.path)
	if isMapping(n) {
		var raw rawDamping
		r.fields(key, n, &raw)
		v := Damping{
			Moves:  raw.Moves.or(defaultDamping.Moves),
			Within: raw.Within.or(defaultDamping.Within),
			Hold:   raw.Hold.or(defaultDamping.Hold),
		}
		d.set(v)
		if v.Hold < v.Within && usable(raw.Hold.scalar) && usable(raw.Within.scalar) {
			r.warn(d.mark, "hold "+shortDuration(v.Hold)+" is shorter than within "+shortDuration(v.Within),
				"when it ends the moves before it still count, and the next one begins it again; write hold: "+shortDuration(v.Within)+" or more")
		}
		return
	}
	b, ok := n.(*ast.BoolNode)
	switch {
	case !ok:
		r.bad(d.mark, describe(n)+" is here", "write false, or a mapping as in {moves: 5, within: 1m, hold: 2m}")
	case b.Value:
		d.set(defaultDamping)
	default:
		d.set(Damping{})
	}
}

type (
	moves      struct{ number }
	dampingFor struct{ duration }
	listen     struct{ duration }
)

func (v *moves) decode(r *reader, key mark, n ast.Node) {
	v.decodeRange(r, key, n, 2, 100, between("the number of moves", 2, 100))
}

func (v *dampingFor) decode(r *reader, key mark, n ast.Node) {
	v.decodeRange(r, key, n, time.Second, 24*time.Hour)
}

func (v *listen) decode(r *reader, key mark, n ast.Node) {
	v.decodeRange(r, key, n, 0, time.Hour)
}
