// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package proof

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/vicar-ha/vicar/checks"
	"github.com/vicar-ha/vicar/config"
	"github.com/vicar-ha/vicar/track"
	"github.com/vicar-ha/vicar/vrrp/wire"
)

// cluster is a configuration with one router, web, whose nodes lb-1, lb-2 ... have
// the priorities, and the addresses 192.0.2.11, .12 ...
func cluster(priorities ...uint8) *config.Config {
	c := &config.Config{Cluster: "test"}
	for i := range priorities {
		c.Nodes = append(c.Nodes, config.Node{
			Name:      fmt.Sprintf("lb-%d", i+1),
			Addresses: []netip.Addr{netip.AddrFrom4([4]byte{192, 0, 2, byte(11 + i)})},
		})
	}
	return addRouter(c, "web", priorities...)
}

// addRouter adds one with an address of its own.
func addRouter(c *config.Config, name string, priorities ...uint8) *config.Config {
	n := byte(len(c.Routers))
	r := config.Router{
		Name: name, VRID: 51 + n, Version: wire.V3, Interval: time.Second, Preempt: true, Priority: make(map[string]uint8),
		Addresses: []netip.Prefix{netip.PrefixFrom(netip.AddrFrom4([4]byte{192, 0, 2, 100 + n}), 24)},
	}
	for i, p := range priorities {
		r.Priority[c.Nodes[i].Name] = p
	}
	c.Routers = append(c.Routers, r)
	return c
}

// local looks at a service on the node itself, one of its own for each name.
func local(name string) checks.Kind {
	return checks.Process{Name: name, Min: 1}
}

// with adds a check that the router web tracks: weight, "fault", "yield", or one of
// these with "reverse" behind it.
func with(c *config.Config, name string, kind checks.Kind, weight string) *config.Config {
	c.Checks = append(c.Checks, config.Check{Check: checks.Check{Name: name, Kind: kind}})
	c.Routers[0].Tracks = append(c.Routers[0].Tracks, tracked(name, weight))
	return c
}

func tracked(name, weight string) track.Track {
	t := track.Track{Check: name}
	weight, t.Reverse = strings.CutSuffix(weight, " reverse")
	if t.Yield = weight == "yield"; !t.Yield && weight != "fault" {
		if _, err := fmt.Sscan(weight, &t.Weight); err != nil {
			panic(err)
		}
	}
	return t
}

// row is an outcome in short: the failure, the priorities, the holder, and who
// holds after the repair.
func row(o Outcome) string {
	var whats, standings []string
	for _, f := range o.Failures {
		whats = append(whats, f.What)
	}
	for _, s := range o.Standings {
		switch {
		case s.Dead:
			standings = append(standings, "dead")
		case len(s.Blocked) > 0 || s.Down != "":
			standings = append(standings, "out")
		default:
			standings = append(standings, fmt.Sprint(s.Priority))
		}
	}
	holder := o.Holder
	if holder == "" {
		holder = "nobody"
	}
	if len(o.Tied) > 0 {
		holder += " or " + strings.Join(o.Tied, " or ")
	}
	return fmt.Sprintf("%s: %s: %s, then %s", strings.Join(whats, " + "), strings.Join(standings, " "), holder, o.Repaired)
}

func rows(outcomes []Outcome) []string {
	var all []string
	for _, o := range outcomes {
		all = append(all, row(o))
	}
	return all
}

// line is a finding in short.
func line(f Finding) string {
	return fmt.Sprintf("%s %s: %s; %s", f.Severity, f.Kind, f.Text, f.Remedy)
}

func lines(findings []Finding) []string {
	var all []string
	for _, f := range findings {
		all = append(all, line(f))
	}
	return all
}

// electionOf is the configuration's one election.
func electionOf(c *config.Config) *election {
	units := unitsOf(c)
	return newModel(c, units).elections(units)[0]
}

// from is the election with start as the holder when all is well.
func (e *election) from(start int) Election {
	var tied []int
	if e.preempt {
		tied = slices.DeleteFunc(slices.Clone(e.starts), func(i int) bool { return i == start })
	}
	shown := Election{Preempt: e.preempt, Well: e.result(nil, e.well, start, tied)}
	for i, a := range e.hits {
		shown.Outcomes = append(shown.Outcomes, e.outcome(e.last(start, a)))
		for _, b := range e.hits[i+1:] {
			shown.Pairs = append(shown.Pairs, e.outcome(e.last(start, a, b)), e.outcome(e.last(start, b, a)))
		}
	}
	return shown
}

// only is the report's one election.
func only(t *testing.T, r Report) Election {
	t.Helper()
	if len(r.Elections) != 1 {
		t.Fatalf("%d elections, want 1", len(r.Elections))
	}
	return r.Elections[0]
}
