// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package proof

import (
	"strings"

	"github.com/vicar-ha/vicar/config"
)

// failure is one thing that goes wrong.
type failure struct {
	what string // for people
	list listed
	dead int // the node that dies, or -1
	// gone is the voter that dies, a node, a witness or the table; empty without a
	// guard.
	gone  string
	turns []place
	// link, if any, is the interface that fails on the node down.
	link string
	down int
}

// listed is how the checks are named behind a failure.
type listed uint8

const (
	unlisted listed = iota
	bracketed
	plainly
)

// place is a check on a node.
type place struct{ node, check int }

// singles are all single failures, the plainest ways to say them first: of those
// that come to the same in an election only the first counts.
func (m *model) singles() []failure {
	var all []failure
	for i, n := range m.nodes {
		all = append(all, failure{what: n.Name + " dies", dead: i, gone: m.voter(n.Name), list: bracketed, turns: m.lookers(i)})
	}
	for _, name := range m.witnesses {
		all = append(all, failure{what: name + " dies", dead: -1, gone: name})
	}
	if m.table != "" {
		all = append(all, failure{what: "the table " + m.table + " is out of reach", dead: -1, gone: "table " + m.table})
	}
	for c, check := range m.checks {
		for i, n := range m.nodes {
			if !check.looked[i] || m.virtualHost(check.targets[i]) {
				continue
			}
			f := failure{what: check.name + check.turn() + n.Name, dead: -1, turns: []place{{i, c}}}
			if t := check.targets[i]; t.whole && !check.reverse {
				f.link, f.down = t.link, i
			}
			all = append(all, f)
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
	links map[string]string // by what, if it is an interface that fails
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

func (b *bundles) addLink(what, link string, p place) {
	if b.links == nil {
		b.links = make(map[string]string)
	}
	b.links[what] = link
	b.add(what, p)
}

// shared are the failures of what several checks have in common: a target on
// one node or everywhere, the way to a host, an interface, a node's network.
// What is at a virtual address is the same for all nodes.
func (m *model) shared() []failure {
	// From the small to the large.
	var target, host, link, network, everywhere, hosts bundles
	for c, check := range m.checks {
		for i, n := range m.nodes {
			if check.looked[i] {
				t, p := check.targets[i], place{i, c}
				if m.virtualHost(t) {
					m.bundleVirtual(t, p, &everywhere, &hosts)
					continue
				}
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
			f := failure{what: what, list: bracketed, dead: -1, turns: b.turns[what]}
			if link := b.links[what]; link != "" {
				f.link, f.down = link, f.turns[0].node
			}
			if strings.HasSuffix(what, reachesNone) {
				f.list = plainly
			}
			all = append(all, f)
		}
	}
	return all
}

// reachesNone ends what is said of a node that has lost all that it looks at in
// the network.
const reachesNone = " reaches none of"

// bundleVirtual puts the place with what it shares with all that look at a
// virtual address.
func (m *model) bundleVirtual(t target, p place, everywhere, hosts *bundles) {
	if m.checks[p.check].reverse {
		everywhere.add(t.name+" passes everywhere", p)
		return
	}
	everywhere.add(t.name+" fails everywhere", p)
	hosts.add(t.host+" is down", p)
}

// bundleNode puts the place with what it shares on its node alone.
func (m *model) bundleNode(n config.Node, t target, p place, target, link *bundles) {
	reverse := m.checks[p.check].reverse
	switch {
	case t.link != "" && !reverse: // see below
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
		link.addLink(t.link+" fails on "+n.Name, t.link, p)
	} else if t.bind.Interface != "" && !m.local(p.node, t) {
		link.addLink(t.bind.Interface+" fails on "+n.Name, t.bind.Interface, p)
	}
}

// bundleHost puts the place with what it shares in the network.
func (m *model) bundleHost(n config.Node, t target, p place, host, network, everywhere, hosts *bundles) {
	if t.shared {
		everywhere.add(t.name+" is down everywhere", p)
	}
	if t.loopback() {
		return
	}
	everywhere.add(t.name+" fails everywhere", p)
	if m.local(p.node, t) {
		return
	}
	host.add(n.Name+" loses "+t.host, p)
	network.add(n.Name+reachesNone, p)
	if m.owner(t.host) < 0 { // else the node dies
		hosts.add(t.host+" is down", p)
	}
}

// mark makes the failure one of those at hand, or with -1 not any more.
func (m *model) mark(f *failure, by int) {
	if f.dead >= 0 {
		m.dead[f.dead] += by
	}
	switch {
	case f.link == "":
	case by > 0:
		m.down[f.down] = append(m.down[f.down], f.link)
	default:
		m.down[f.down] = m.down[f.down][:len(m.down[f.down])-1]
	}
	for _, p := range f.turns {
		m.turned[p.node][p.check] += by
	}
}
