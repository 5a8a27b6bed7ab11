// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package proof

import (
	"cmp"
	"fmt"
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
	failures []failure

	// What has failed at the moment: how many failures at hand turn the check on
	// the node, and how many kill the node.
	turned [][]int
	dead   []int
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
	m := &model{index: make(map[string]int)}
	for _, n := range c.Nodes {
		if !n.Witness {
			m.nodes = append(m.nodes, n)
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
	m.dead = make([]int, len(m.nodes))
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

// local tells whether the node looks at itself.
func (m *model) local(node int, t target) bool {
	return t.loopback() || m.owner(t.host) == node
}

// unit is what moves together: a sync group's routers, or a router that is in
// none. The agent has the same.
type unit struct {
	group   string
	routers []config.Router
	tracks  []track.Track // the group's, then the routers', each check once
}

// unitsOf are the configuration's, by the first of their routers' names.
func unitsOf(c *config.Config) []unit {
	var us []unit
	grouped := make(map[string]bool)
	for _, g := range c.SyncGroups {
		u := unit{group: g.Name, tracks: slices.Clone(g.Tracks)}
		for _, name := range g.Routers {
			grouped[name] = true
			if i := slices.IndexFunc(c.Routers, func(r config.Router) bool { return r.Name == name }); i >= 0 {
				u.routers = append(u.routers, c.Routers[i])
			}
		}
		if len(u.routers) > 0 {
			us = append(us, u)
		}
	}
	for _, r := range c.Routers {
		if !grouped[r.Name] {
			us = append(us, unit{routers: []config.Router{r}})
		}
	}
	for i := range us {
		for _, r := range us[i].routers {
			us[i].track(r.Tracks)
		}
	}
	slices.SortStableFunc(us, func(a, b unit) int { return cmp.Compare(slices.Min(a.names()), slices.Min(b.names())) })
	return us
}

// track adds those whose check is not there yet.
func (u *unit) track(tracks []track.Track) {
	for _, t := range tracks {
		if !slices.ContainsFunc(u.tracks, func(o track.Track) bool { return o.Check == t.Check }) {
			u.tracks = append(u.tracks, t)
		}
	}
}

func (u unit) names() []string {
	names := make([]string, len(u.routers))
	for i, r := range u.routers {
		names[i] = r.Name
	}
	return names
}

// primary is the address that breaks ties for the node (RFC 9568 section
// 6.4.3): its first of the first router's first family.
func (u unit) primary(n config.Node) netip.Addr {
	families := u.routers[0].Families()
	for _, a := range n.Addresses {
		if len(families) > 0 && a.Is4() == (families[0] == 4) {
			return a
		}
	}
	return n.Addresses[0]
}

// alike is the same for units for which everything comes out the same.
func (u unit) alike(m *model) string {
	order := make([]int, len(m.nodes))
	priorities := make([]uint8, len(m.nodes))
	for i, n := range m.nodes {
		order[i], priorities[i] = i, u.routers[0].Priority[n.Name]
	}
	slices.SortFunc(order, func(a, b int) int { return u.primary(m.nodes[a]).Compare(u.primary(m.nodes[b])) })
	return fmt.Sprintf("%v %v %v %+v", u.routers[0].Preempt, order, priorities, u.tracks)
}
