// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package proof

import "github.com/vicar-ha/vicar/config"

// failure is one thing that goes wrong.
type failure struct {
	what  string // for people
	list  bool   // whether the checks are to be named behind it
	dead  int    // the node that dies, or -1
	turns []place
}

// place is a check on a node.
type place struct{ node, check int }

// singles are all single failures, the plainest ways to say them first: of those
// that come to the same in an election only the first counts.
func (m *model) singles() []failure {
	var all []failure
	for i, n := range m.nodes {
		all = append(all, failure{what: n.Name + " dies", dead: i, list: true, turns: m.lookers(i)})
	}
	for c, check := range m.checks {
		for i, n := range m.nodes {
			if check.looked[i] {
				all = append(all, failure{what: check.name + check.turn() + n.Name, dead: -1, turns: []place{{i, c}}})
			}
		}
	}
	return append(all, m.shared()...)
}

// turn says what happens when the check's result is not well any more.
func (c check) turn() string {
	if c.reverse {
		return " passes on "
	}
	return " fails on "
}

// lookers are the checks of other nodes that look at the node.
func (m *model) lookers(node int) []place {
	var turns []place
	for c, check := range m.checks {
		for i := range m.nodes {
			if i != node && check.looked[i] && !check.reverse && m.owner(check.targets[i].host) == node && !check.targets[i].loopback() {
				turns = append(turns, place{i, c})
			}
		}
	}
	return turns
}

// bundles are failures by what goes wrong, in the order of the first place.
type bundles struct {
	order []string
	turns map[string][]place
}

func (b *bundles) add(what string, p place) {
	if b.turns == nil {
		b.turns = make(map[string][]place)
	}
	if _, known := b.turns[what]; !known {
		b.order = append(b.order, what)
	}
	b.turns[what] = append(b.turns[what], p)
}

// shared are the failures of what several checks have in common: a target on
// one node or everywhere, the way to a host, an interface, a node's network.
func (m *model) shared() []failure {
	// From the small to the large.
	var target, host, link, network, everywhere, hosts bundles
	for c, check := range m.checks {
		for i, n := range m.nodes {
			if check.looked[i] {
				t, p := check.targets[i], place{i, c}
				m.bundleNode(n, t, p, &target, &link)
				if check.reverse {
					continue // what can't be reached does not pass
				}
				m.bundleHost(n, t, p, &host, &network, &everywhere, &hosts)
			}
		}
	}
	var all []failure
	for _, b := range []bundles{target, host, link, network, everywhere, hosts} {
		for _, what := range b.order {
			all = append(all, failure{what: what, list: true, dead: -1, turns: b.turns[what]})
		}
	}
	return all
}

// bundleNode puts the place with what it shares on its node alone.
func (m *model) bundleNode(n config.Node, t target, p place, target, link *bundles) {
	reverse := m.checks[p.check].reverse
	switch {
	case m.local(p.node, t) && reverse:
		target.add(t.name+" passes on "+n.Name, p)
	case m.local(p.node, t):
		target.add(t.name+" fails on "+n.Name, p)
	case !reverse:
		target.add(t.name+" fails from "+n.Name, p)
	}
	if reverse {
		return
	}
	if t.link != "" {
		link.add(t.link+" fails on "+n.Name, p)
	} else if t.bind.Interface != "" && !m.local(p.node, t) {
		link.add(t.bind.Interface+" fails on "+n.Name, p)
	}
}

// bundleHost puts the place with what it shares in the network.
func (m *model) bundleHost(n config.Node, t target, p place, host, network, everywhere, hosts *bundles) {
	if t.loopback() {
		return
	}
	everywhere.add(t.name+" fails everywhere", p)
	if m.local(p.node, t) {
		return
	}
	host.add(n.Name+" loses "+t.host, p)
	network.add(n.Name+" is cut off", p)
	if m.owner(t.host) < 0 { // else the node dies
		hosts.add(t.host+" is down", p)
	}
}

// mark makes the failure one of those at hand, or with -1 not any more.
func (m *model) mark(f *failure, by int) {
	if f.dead >= 0 {
		m.dead[f.dead] += by
	}
	for _, p := range f.turns {
		m.turned[p.node][p.check] += by
	}
}
