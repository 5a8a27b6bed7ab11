// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package proof

import (
	"cmp"
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"github.com/vicar-ha/vicar/config"
	"github.com/vicar-ha/vicar/track"
)

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
func (u unit) primary(m *model, n config.Node) netip.Addr {
	if families := u.routers[0].Families(); len(families) > 0 {
		if of := m.config.ElectionAddresses(n, families[0]); len(of) > 0 {
			return of[0]
		}
	}
	return n.Addresses[0]
}

// decided tells whether it is known which addresses decide among equals: those
// that adverts leave from. By multicast these are the interface's, in IPv6 the
// link-local one; of several it is the one on the interface. By gossip a node has
// one in each family, in the same order.
func (u unit) decided(m *model) bool {
	if m.config.Transport.Kind == config.Gossip {
		return true
	}
	for _, r := range u.routers {
		families := r.Families()
		for _, n := range m.nodes {
			own := 0
			for _, a := range n.Addresses {
				if len(families) > 0 && a.Is4() == (families[0] == 4) {
					own++
				}
			}
			known := m.config.Transport.Kind == config.Unicast || families[0] == 4 && r.Interface[n.Name] == config.InterfaceAuto
			if len(families) != 1 || own != 1 || !known {
				return false
			}
		}
	}
	return true
}

// cloud tells whether a standby looks whether it could take the routers over.
func (u unit) cloud() bool {
	return slices.ContainsFunc(u.routers, config.Router.Cloud)
}

// homes are the interfaces that the routers live on. One that is not known is
// like auto.
func (u unit) homes(n config.Node) []string {
	homes := make([]string, len(u.routers))
	for i, r := range u.routers {
		homes[i] = cmp.Or(r.Interface[n.Name], config.InterfaceAuto)
	}
	return homes
}

// alike is the same for units for which everything comes out the same.
func (u unit) alike(m *model) string {
	order := make([]int, len(m.nodes))
	priorities := make([]uint8, len(m.nodes))
	for i, n := range m.nodes {
		order[i], priorities[i] = i, u.routers[0].Priority[n.Name]
	}
	slices.SortFunc(order, func(a, b int) int { return u.primary(m, m.nodes[a]).Compare(u.primary(m, m.nodes[b])) })
	// In a track's String its check is missing, so the verb is %#v.
	return fmt.Sprintf("%v %v %v %v %v %#v %v", u.routers[0].Preempt, u.routers[0].OnLoss, u.cloud(), order, priorities, u.tracks, u.decided(m)) + u.links(m)
}

// links is how the interfaces that its tracks look at or leave by are those that
// its routers live on.
func (u unit) links(m *model) string {
	var b strings.Builder
	for _, t := range u.tracks {
		c, known := m.index[t.Check]
		if !known {
			continue
		}
		for i, n := range m.nodes {
			at := m.checks[c].targets[i]
			homes := u.homes(n)
			if link := cmp.Or(at.link, at.bind.Interface); link != "" {
				fmt.Fprintf(&b, " %s:%v:%v", link, slices.Contains(homes, link), slices.Contains(homes, config.InterfaceAuto))
			}
		}
	}
	return b.String()
}
