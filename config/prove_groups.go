// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package config

import (
	"fmt"
	"slices"

	"github.com/vicar-ha/vicar/vrrp/wire"
)

// together checks that the routers of a sync group can move together: what
// decides who holds them and when must be the same for all, or the group waits
// for its slowest, or pulls in two directions.
func (r *reader) together(c *Config, routers []router, g *group) {
	var members []*router
	for _, name := range g.Routers {
		i := slices.IndexFunc(routers, func(v router) bool { return v.Name == name })
		if routers[i].raw.present() {
			members = append(members, &routers[i])
		}
	}
	if len(members) == 0 {
		return
	}
	for _, v := range members[1:] {
		r.samePriorities(c, g, members[0], v)
		r.sameTimes(g, members[0], v)
	}
	r.sameWeights(g, members)
}

// samePriorities checks that the nodes have the same order in both.
func (r *reader) samePriorities(c *Config, g *group, first, v *router) {
	for _, n := range c.contenders() {
		a, b := first.Priority[n.Name], v.Priority[n.Name]
		if a == 0 || b == 0 || a == b {
			continue
		}
		hint := "routers that move together need the same priority on each node"
		if a == wire.PriorityOwner || b == wire.PriorityOwner {
			hint = "routers that move together have the same owner or none"
		}
		r.bad(priorityPlace(v, n.Name), fmt.Sprintf("%s has priority %d here and %d in %s on line %d, which is in the same sync group %s",
			n.Name, b, a, first.Name, priorityPlace(first, n.Name).line, g.Name), hint)
		return
	}
}

// priorityPlace is where the router's priority on the node is said.
func priorityPlace(v *router, node string) mark {
	for _, e := range v.raw.Priority.entries {
		if e.name == node {
			return e.key
		}
	}
	return place(v.raw.Priority.mark, v)
}

// place is at, or the router's if that is not in the file.
func place(at mark, v *router) mark {
	if at.present() {
		return at
	}
	return v.key
}

// sameTimes checks what else decides when a router moves.
func (r *reader) sameTimes(g *group, first, v *router) {
	differ := func(key string, a, b mark, hint string) {
		at, other := place(b, v), place(a, first)
		r.bad(at, fmt.Sprintf("%s is not that of %s on line %d, which is in the same sync group %s", key, first.Name, other.line, g.Name), hint)
	}
	a, b := first.raw, v.raw
	if usable(a.Preempt.scalar) && usable(b.Preempt.scalar) && (first.Preempt != v.Preempt || first.PreemptDelay != v.PreemptDelay) {
		differ("preempt", a.Preempt.mark, b.Preempt.mark, "routers that move together take over at the same time")
	}
	if usable(a.Interval.scalar) && usable(b.Interval.scalar) && first.Interval != v.Interval {
		differ("advert_interval", a.Interval.mark, b.Interval.mark, "a group notices a failure only as fast as its slowest member")
	}
	if usable(a.Damping.scalar) && usable(b.Damping.scalar) && first.Damping != v.Damping {
		differ("damping", a.Damping.mark, b.Damping.mark, "routers that move together are held together")
	}
	if usable(a.Listen.scalar) && usable(b.Listen.scalar) && first.Listen != v.Listen {
		differ("listen", a.Listen.mark, b.Listen.mark, "routers that move together begin together")
	}
	if usable(a.OnLoss.scalar) && usable(b.OnLoss.scalar) && first.OnLoss != v.OnLoss {
		differ("on_loss", a.OnLoss.mark, b.OnLoss.mark, "routers that move together have one lease")
	}
}

// usable tells whether a value is right, or left out.
func usable[T any](s scalar[T]) bool { return s.ok || !s.present() }

// sameWeights checks that a check which counts for the group more than once,
// for the group itself or through several members, counts the same.
func (r *reader) sameWeights(g *group, members []*router) {
	type use struct {
		tracked
		by string
	}
	users := make(map[string]use)
	take := func(tracks []tracked, by string) {
		for _, t := range tracks {
			first, used := users[t.Check]
			if !used {
				users[t.Check] = use{t, by}
				continue
			}
			if first.Track != t.Track {
				r.bad(t.at, fmt.Sprintf("%s weighs %s here and %s in %s on line %d, which is in the same sync group %s", t.Check, t.Track, first.Track, first.by, first.at.line, g.Name),
					"a check counts once for the whole group: give it one weight, or track it in one place")
			}
		}
	}
	take(g.tracks, "the group's own track")
	for _, v := range members {
		take(v.tracks, v.Name)
	}
}
