// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package proof

import (
	"net/netip"
	"slices"

	"github.com/vicar-ha/vicar/config"
	"github.com/vicar-ha/vicar/track"
)

// model is a configuration as the failures see it, and the failures at hand.
// Nodes and checks go by their index.
type model struct {
	nodes    []config.Node // without witnesses
	checks   []check       // by name
	index    map[string]int
	virtual  map[netip.Addr]int // the unit that has the address
	config   *config.Config
	failures []failure

	// Without a guard there are no voters, a majority is 0 and witnesses don't
	// matter.
	voters, majority int
	witnesses        []string
	table            string // the guard's, or empty

	// What has failed at the moment: how many failures at hand turn the check on
	// the node, how many kill the node, and which of its interfaces are down.
	turned [][]int
	dead   []int
	down   [][]string
}

// check is a check that is tracked.
type check struct {
	name    string
	targets []target // by node
	// looked tells on which nodes it is run.
	looked []bool
	// reverse: nothing tracks it but in reverse, so it is well while it fails.
	reverse bool
}

func newModel(c *config.Config, units []unit) *model {
	m := &model{index: make(map[string]int), virtual: make(map[netip.Addr]int), config: c, voters: len(c.Voters()), majority: c.Majority(), table: c.Guard.Table}
	for _, n := range c.Nodes {
		switch {
		case !n.Witness:
			m.nodes = append(m.nodes, n)
		case m.voters > 0:
			m.witnesses = append(m.witnesses, n.Name)
		}
	}
	for i, u := range units {
		for _, r := range u.routers {
			for _, p := range slices.Concat(r.Addresses, r.Exclude) {
				m.virtual[p.Addr()] = i
			}
		}
	}
	plain, tracked := make(map[string]bool), make(map[string]bool)
	for _, u := range units {
		for _, t := range u.tracks {
			tracked[t.Check] = true
			plain[t.Check] = plain[t.Check] || !t.Reverse
		}
	}
	for _, c := range c.Checks {
		if tracked[c.Name] {
			m.add(c, !plain[c.Name])
		}
	}
	m.dead, m.down = make([]int, len(m.nodes)), make([][]string, len(m.nodes))
	m.turned = make([][]int, len(m.nodes))
	for i := range m.turned {
		m.turned[i] = make([]int, len(m.checks))
	}
	m.failures = m.singles()
	return m
}

func (m *model) add(from config.Check, reverse bool) {
	c := check{name: from.Name, reverse: reverse, targets: make([]target, len(m.nodes)), looked: make([]bool, len(m.nodes))}
	for i, n := range m.nodes {
		kind := from.Kind
		if k, own := from.Kinds[n.Name]; own {
			kind = k
		}
		if kind != nil {
			c.targets[i], c.looked[i] = targetOf(kind), true
		}
	}
	m.index[c.name] = len(m.checks)
	m.checks = append(m.checks, c)
}

// state is how the check stands on the node at the moment.
func (m *model) state(node, check int) track.State {
	well := m.turned[node][check] == 0
	if well == m.checks[check].reverse {
		return track.Failing
	}
	return track.Passing
}

// owner is the node that a host is, or -1.
func (m *model) owner(host string) int {
	return slices.IndexFunc(m.nodes, func(n config.Node) bool {
		a, err := netip.ParseAddr(host)
		return n.Name == host || err == nil && slices.Contains(n.Addresses, a)
	})
}

// virtualHost tells whether the look goes to a virtual address, which is
// wherever its router is: the same thing for all nodes. An owner's own is its.
func (m *model) virtualHost(t target) bool {
	_, virtual := m.virtual[t.hostAddress()]
	return virtual && m.owner(t.host) < 0
}

// local tells whether the node looks at itself.
func (m *model) local(node int, t target) bool {
	return t.loopback() || m.owner(t.host) == node
}
