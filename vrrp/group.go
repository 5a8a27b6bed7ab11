// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package vrrp

import (
	"strconv"
	"time"
)

// Group is engines that move together: the two families of one router, or
// several routers (beyond the RFC). Between two Steps all of them are Active
// or none is:
//
//   - A member that becomes Active takes the others with it (Join).
//   - A member that leaves Active for Backup takes the others with it (Leave).
//     These send priority 0 once they have given up, because the router that
//     the first one yielded to may not have taken over from the others.
//   - A member that can't take part in the election keeps all out, until none
//     has such a reason of its own.
//   - Start and Stop are for all, and Granted and Revoked: guarded members claim
//     for all, and say that they have given up when all have.
//
// Two rules keep two such groups from pulling each other to and fro. Only the
// first member breaks ties, since the addresses may be ordered one way in one
// family and the other way in the other; NewGroup makes the rest Followers. And
// a member whose Active_Down_Timer fires does not take over while a sibling
// hears an Active that it accepts: two intervals old at most, so that this
// costs no time when the Active is really gone and the intervals are the same.
// So a member that can't hear the Active does not tear the others away from it,
// only to lose them again. For the same reason the members should have one
// priority: of two that disagree about who is better, the one that is content
// with the present Active has its way.
//
// Like an Engine it is for one goroutine at a time. A Group of one is that one.
type Group struct {
	engines []*Engine
	was     []State  // the states that the others were told of
	blocks  []string // the reasons that the others were told of
	out     []MemberAction
}

// MemberAction is an action of the member with that index.
type MemberAction struct {
	Member int
	Action Action
}

// NewGroup couples engines that have not been stepped yet and from now on are
// stepped through the Group alone.
func NewGroup(engines ...*Engine) *Group {
	g := &Group{
		engines: engines,
		was:     make([]State, len(engines)),
		blocks:  make([]string, len(engines)),
		out:     make([]MemberAction, 0, 8*len(engines)),
	}
	if len(engines) < 2 {
		return g
	}
	for i, e := range engines {
		e.group, e.member = g, i
		e.cfg.Follower = i > 0
	}
	g.couple(time.Time{})
	return g
}

// Member is the engine with that index, to look at.
func (g *Group) Member(i int) *Engine { return g.engines[i] }

// Len is the number of members.
func (g *Group) Len() int { return len(g.engines) }

// Deadline is when the member's next Tick is due, if any is.
func (g *Group) Deadline(member int) (time.Time, bool) {
	return g.engines[member].Deadline()
}

// Busy tells whether a member's Disown has not been answered yet.
func (g *Group) Busy() bool {
	for _, e := range g.engines {
		if e.Busy() {
			return true
		}
	}
	return false
}

// Step tells what happened to a member at now and returns what must be done, in
// order. The slice is valid until the next Step.
func (g *Group) Step(now time.Time, member int, ev Event) []MemberAction {
	g.out = g.out[:0]
	switch ev.(type) {
	case Start, Stop, Granted, Revoked:
		for i := range g.engines {
			g.step(now, i, ev)
		}
	default:
		g.step(now, member, ev)
	}
	if len(g.engines) > 1 {
		g.couple(now)
		if _, ok := ev.(Granted); ok {
			g.returnUnused()
		}
		g.part()
	}
	return g.out
}

func (g *Group) step(now time.Time, member int, ev Event) {
	g.collect(member, g.engines[member].Step(now, ev))
}

func (g *Group) collect(member int, actions []Action) {
	for _, a := range actions {
		g.out = append(g.out, MemberAction{member, a})
	}
}

// couple tells the others what has happened to members until all agree. It
// ends: within one Step a Join is never followed by a Leave, and the reverse.
func (g *Group) couple(now time.Time) {
	for again := true; again; {
		again = g.coupleFaults(now)
		for i, e := range g.engines {
			from := g.was[i]
			if from == e.state {
				continue
			}
			g.was[i], again = e.state, true
			switch {
			case e.state == Active:
				g.tell(now, i, Join{})
			case from == Active && e.state == Backup:
				g.tell(now, i, Leave{e.name() + ": " + e.reason})
			}
		}
	}
}

// tell tells all but one.
func (g *Group) tell(now time.Time, but int, ev Event) {
	for i := range g.engines {
		if i != but {
			g.step(now, i, ev)
		}
	}
}

// coupleFaults drags every member out of the election that has a sibling which
// is blocked, and lets go those that have none any more. It tells whether
// anything changed.
func (g *Group) coupleFaults(now time.Time) bool {
	changed := false
	for i, e := range g.engines {
		if why := e.blocked(); why != g.blocks[i] {
			g.blocks[i], changed = why, true
		}
	}
	if !changed {
		return false
	}
	for i, e := range g.engines {
		if why := g.blockedBy(i); why != e.dragged {
			g.collect(i, e.drag(now, why))
		}
	}
	return true
}

// drag takes the engine out of the election for why, or lets it go if empty.
func (e *Engine) drag(now time.Time, why string) []Action {
	e.out = e.out[:0]
	if e.state == Active {
		e.checkStall(now)
	}
	e.dragged = why
	e.review(now)
	return e.out
}

// blockedBy is why a member's siblings keep it out of the election, or empty.
func (g *Group) blockedBy(member int) string {
	for i, why := range g.blocks {
		if i != member && why != "" {
			return g.engines[i].name() + ": " + why
		}
	}
	return ""
}

// heard tells whether a sibling hears an Active that it accepts, and until when
// that counts.
func (g *Group) heard(now time.Time, member int) (time.Time, bool) {
	var until time.Time
	for i, e := range g.engines {
		if i == member || e.state != Backup || e.accepted.IsZero() {
			continue
		}
		if t := e.accepted.Add(2 * e.interval); t.After(until) {
			until = t
		}
	}
	return until, until.After(now)
}

// name tells a group's members apart for people.
func (e *Engine) name() string {
	if e.cfg.Name != "" {
		return e.cfg.Name
	}
	family := " IPv6"
	if e.cfg.Addresses[0].Is4() {
		family = " IPv4"
	}
	return "VRID " + strconv.Itoa(int(e.cfg.VRID)) + family
}
