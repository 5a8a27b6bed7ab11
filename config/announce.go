// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package config

import (
	"time"

	"github.com/goccy/go-yaml/ast"
)

// rawAnnounce is the section announce, at the top or in a router.
type rawAnnounce struct {
	mark
	Repeat  repeat          `yaml:"repeat" jsonschema_description:"How many rounds of gratuitous ARP and unsolicited neighbour advertisements follow on becoming Active; the first leaves at once. 1 to 100, default 5."`
	Delay   announceDelay   `yaml:"delay" jsonschema_description:"The time from one round to the next. 10ms to 1h, default 1s."`
	Refresh announceRefresh `yaml:"refresh" jsonschema_description:"One more round every so often while Active, for switches and neighbours that forget. 1s to 24h, or 0s for never. Default 1m."`
	Rate    rate            `yaml:"rate" jsonschema_description:"The most announcements per second on an interface. 1 to 1000000, or 0 for no limit. Default 0."`
}

func (a *rawAnnounce) decode(r *reader, key mark, n ast.Node) {
	a.mark = r.fields(key, n, a)
}

type (
	repeat          struct{ number }
	announceDelay   struct{ duration }
	announceRefresh struct{ duration }
	rate            struct{ number }
)

func (v *repeat) decode(r *reader, key mark, n ast.Node) {
	v.decodeRange(r, key, n, 1, 100, between("the number of rounds", 1, 100))
}

func (v *announceDelay) decode(r *reader, key mark, n ast.Node) {
	v.decodeRange(r, key, n, 10*time.Millisecond, time.Hour)
}

func (v *announceRefresh) decode(r *reader, key mark, n ast.Node) {
	v.duration.decode(r, key, n)
	if v.ok && v.v != 0 && (v.v < time.Second || v.v > 24*time.Hour) {
		v.ok = false
		r.bad(v.mark, shortDuration(v.v)+" is out of range", "it is 1s to 24h, or 0s for never")
	}
}

func (v *rate) decode(r *reader, key mark, n ast.Node) {
	v.decodeRange(r, key, n, 0, 1_000_000, "the rate is 1 to 1000000 per second, or 0 for no limit")
}

// defaultAnnounce is how announcements are made if the file doesn't say.
var defaultAnnounce = Announce{Repeat: 5, Delay: time.Second, Refresh: time.Minute}

// announce fills what the section leaves out from defaults.
func announce(raw rawAnnounce, defaults Announce) Announce {
	return Announce{
		Repeat:  raw.Repeat.or(defaults.Repeat),
		Delay:   raw.Delay.or(defaults.Delay),
		Refresh: raw.Refresh.or(defaults.Refresh),
		Rate:    raw.Rate.or(defaults.Rate),
	}
}
