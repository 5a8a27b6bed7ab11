// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package agent

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"github.com/vicar-ha/vicar/status"
	"github.com/vicar-ha/vicar/vrrp"
	"github.com/vicar-ha/vicar/vrrp/wire"
)

// status is the loop's state as a document.
func (l *loop) status(now time.Time) status.Status {
	wall := l.wallClock(now)
	s := status.Status{
		Version: l.cfg.Version, Node: l.cfg.Node, Cluster: l.cfg.Cluster, Now: wall(now),
		Started: wall(l.started), Reloaded: wall(l.reloaded), Digest: l.cfg.Digest, Loop: l.lateness.status(),
		Drained: l.cfg.Drained, Routers: []status.Router{}, Links: []status.Link{}, Checks: []status.Check{}, Hooks: []status.Hook{},
	}
	for _, name := range l.names() {
		r := l.routers[name].status(l, now)
		r.DampedUntil, r.PreemptAt = wall(r.DampedUntil), wall(r.PreemptAt)
		r.Since = wall(r.Since)
		if r.Lease != nil {
			r.Lease.Since, r.Lease.Until = wall(r.Lease.Since), wall(r.Lease.Until)
		}
		for n := range r.Engines {
			e := &r.Engines[n]
			e.Heard, e.RivalAt = wall(e.Heard), wall(e.RivalAt)
		}
		s.Routers = append(s.Routers, r)
	}
	for _, k := range l.links {
		s.Links = append(s.Links, k.status(k.spec.Gossip || l.up(k.spec.Interface)))
	}
	slices.SortFunc(s.Links, func(a, b status.Link) int {
		return cmp.Or(strings.Compare(a.Interface, b.Interface), cmp.Compare(a.Family, b.Family))
	})
	return s
}

// wallTolerance is how far the loop's clock may be from the wall clock before
// its times are shown by a new difference; a smaller one changes with each look.
const wallTolerance = 10 * time.Millisecond

// wallClock turns times of the loop's clock, which doesn't follow the wall
// clock's steps, into the wall clock's.
func (l *loop) wallClock(now time.Time) func(time.Time) time.Time {
	apart := time.Now().Round(0).Sub(now.Round(0))
	if (apart - l.apart).Abs() > wallTolerance {
		l.apart = apart
	}
	return func(t time.Time) time.Time {
		if t.IsZero() {
			return t
		}
		return t.Round(0).Add(l.apart)
	}
}

func (r *router) status(l *loop, now time.Time) status.Router {
	s := status.Router{
		Tracks: l.tracks(r), SyncGroup: r.group.name, DampedUntil: r.group.damper.until, Moves: r.group.damper.count(now),
		Name: r.cfg.Name, Reason: r.reason, Since: r.since, Interval: r.cfg.Interval,
		Base: int(r.cfg.Priority), Addresses: r.cfg.Addresses, Exclude: r.cfg.Exclude,
		Unproven: l.unproven(r.group), Held: true, Lease: r.group.leaseStatus(), Pinned: r.group.pinned, Filtered: r.group.filtered,
		Yields: r.group.yields, Keeps: l.keeps(r.group, now), Transitions: make(map[string]uint64),
	}
	state := vrrp.Active
	for _, i := range r.instances {
		s.Engines = append(s.Engines, i.status())
		state = min(state, i.engine.State())
		if e := i.engine.Status(); e.State == vrrp.Initialize {
			s.Reason = e.Reason // it may have changed without a transition
		}
		s.Term = max(s.Term, i.engine.Status().Term)
		s.Priority = int(i.engine.Status().Priority)
		s.Interface = cmp.Or(i.iface, r.cfg.Interface)
		s.Held = s.Held && i.held && i.heldErr == ""
		s.HeldError = cmp.Or(s.HeldError, i.heldErr)
		s.Restored += i.restored
		s.Stray = cmp.Or(s.Stray, i.stray)
		if ripe := i.engine.Status().Ripe; ripe.After(s.PreemptAt) {
			s.PreemptAt = ripe
		}
	}
	s.State = state.String()
	s.Holder, s.HolderPriority = l.holder(r, state)
	for st := vrrp.Initialize; st <= vrrp.Active; st++ {
		s.Transitions[st.String()] = r.transitions[st]
	}
	return s
}

// holder is who holds the router's addresses as far as this node knows, and at
// what priority.
func (l *loop) holder(r *router, state vrrp.State) (string, int) {
	for _, i := range r.instances {
		s := i.engine.Status()
		switch {
		case state == vrrp.Active:
			return l.cfg.Node, int(s.Priority)
		case state == vrrp.Backup && s.Active.IsValid() && s.ActivePriority != wire.PriorityStop:
			return cmp.Or(l.cfg.Names[s.Active], s.Active.String()), int(s.ActivePriority)
		}
	}
	// Who takes no part hears nobody, and may be told.
	node := l.other(r.group, l.cfg.Now())
	return node, int(l.states(r.group)[node].Priority)
}

// tracks is what checks do to a router.
func (l *loop) tracks(r *router) []status.Track {
	sum := l.sum(r)
	ts := make([]status.Track, len(r.group.tracks))
	for n, t := range r.group.tracks {
		ts[n] = status.Track{
			Check: t.Check, State: l.results[t.Check].State.String(), Weight: t.Weight, Reverse: t.Reverse,
			Part: sum.Parts[n], Blocks: slices.Contains(sum.Blocked, n), Yield: t.Yield, Yields: slices.Contains(sum.Yielding, n), Group: !slices.Contains(r.cfg.Tracks, t),
		}
	}
	return ts
}

func (i *instance) status() status.Engine {
	s := status.Engine{
		Family: i.family, VRID: int(i.router.cfg.VRID), Version: int(i.router.cfg.Version),
		State: i.engine.State().String(), Primary: i.source, Active: i.engine.Status().Active,
		Heard: i.heard, Rival: i.rival, RivalAt: i.rivalAt, Sent: i.sent, Received: i.received, PriorityZero: i.priorityZero,
		Dropped: counts(i.drops[:], func(n int) string { return wire.Drop(n).String() }),
		Notices: counts(i.notices[:], func(n int) string { return vrrp.NoticeKind(n).String() }),
	}
	if i.family == 4 && i.router.cfg.Version == wire.V3 {
		s.Checksums = map[string]uint64{
			"rfc9568": i.sums[wire.ChecksumMessage], "pseudo": i.sums[wire.ChecksumPseudo],
		}
	}
	if s.State == vrrp.Active.String() {
		s.Active = i.source
	}
	return s
}

func (k *link) status(up bool) status.Link {
	mode := "unicast"
	switch {
	case k.spec.Multicast:
		mode = "multicast"
	case k.spec.Gossip:
		mode = "gossip"
	}
	return status.Link{
		Interface: k.spec.Interface, Family: k.spec.Family, Mode: mode, Up: up, Error: k.lastErr,
		SendFails: k.sendFails,
		Dropped:   counts(k.drops[:], func(n int) string { return wire.Drop(n).String() }),
	}
}

// counts names the counters that are not zero.
func counts(tallies []tally, name func(int) string) map[string]uint64 {
	m := make(map[string]uint64)
	for n := range tallies {
		if tallies[n].count > 0 {
			m[name(n)] = tallies[n].count
		}
	}
	return m
}

// lateness counts how punctually deadlines were met.
type lateness struct {
	buckets []uint64
	sum     time.Duration
	max     time.Duration
	count   uint64
	stalls  uint64
}

func (t *lateness) observe(late time.Duration) {
	if t.buckets == nil {
		t.buckets = make([]uint64, len(status.LateBounds)+1)
	}
	n := 0
	for n < len(status.LateBounds) && late > status.LateBounds[n] {
		n++
	}
	t.buckets[n]++
	t.sum += late
	t.max = max(t.max, late)
	t.count++
}

// stalled counts a stall. Most are found out by another event than the deadline
// that was missed, which is never observed then.
func (t *lateness) stalled(late time.Duration) {
	t.stalls++
	t.max = max(t.max, late)
}

func (t *lateness) status() status.Loop {
	buckets := slices.Clone(t.buckets)
	if buckets == nil {
		buckets = make([]uint64, len(status.LateBounds)+1)
	}
	return status.Loop{Late: buckets, LateSum: t.sum, LateMax: t.max, Stalls: t.stalls, Deadline: t.count}
}
