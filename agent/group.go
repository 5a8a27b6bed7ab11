// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package agent

import (
	"fmt"
	"slices"
	"time"

	"github.com/vicar-ha/vicar/track"
	"github.com/vicar-ha/vicar/vrrp"
)

// unit is what moves together: a sync group's routers, or a router that is in
// none.
type unit struct {
	name    string // the sync group's, or empty
	routers []Router
	// tracks are the group's and all its members', each check once: members have
	// one priority, or they would pull each other to and fro.
	tracks []track.Track
}

// tracksCheck tells whether the check is one of the unit's.
func (u unit) tracksCheck(name string) bool {
	return slices.ContainsFunc(u.tracks, func(t track.Track) bool { return t.Check == name })
}

// units are the configuration's routers, sync groups first.
func (c Config) units() []unit {
	var us []unit
	grouped := make(map[string]bool)
	for _, g := range c.Groups {
		u := unit{name: g.Name, tracks: slices.Clone(g.Tracks)}
		for _, name := range g.Routers {
			n := slices.IndexFunc(c.Routers, func(r Router) bool { return r.Name == name })
			if n >= 0 {
				u.routers = append(u.routers, c.Routers[n])
				grouped[name] = true
			}
		}
		us = append(us, u.withTracks())
	}
	for _, r := range c.Routers {
		if !grouped[r.Name] {
			us = append(us, unit{routers: []Router{r}}.withTracks())
		}
	}
	return us
}

func (u unit) withTracks() unit {
	for _, r := range u.routers {
		for _, t := range r.Tracks {
			if !u.tracksCheck(t.Check) {
				u.tracks = append(u.tracks, t)
			}
		}
	}
	return u
}

// key tells units apart: a sync group may have a router's name.
func (u unit) key() string {
	if u.name != "" {
		return "sync group " + u.name
	}
	return "router " + u.routers[0].Name
}

// group is a unit in the loop.
type group struct {
	unit
	id      string // its key
	engines *vrrp.Group
	routers []*router
	members []*instance // in the engines' order
	told    time.Time   // the engines' last now, before which they must not be told

	// admitted says that every check has had a result once. From then on one
	// without is no reason to leave the election.
	admitted bool
	// proven says that all checks have passed at once since the start. Until
	// then the group is restrained: it takes over from no other, for a node that
	// has just started with its service down must not take the addresses along.
	proven   bool
	blocked  string    // why checks keep the group out of the election, or empty
	yields   string    // why it is the last that should hold, or empty; see yield.go
	keeps    bool      // it yields, and holds on since no other node is ready
	unready  bool      // this node could not take it over; see successor.go
	resumes  bool      // it was given up to nobody a moment ago; see resume.go
	listen   time.Time // until when it takes no part after the start; zero: it may
	damper   damper
	dampened vrrp.Dampen // the engines were told so
	moving   bool        // the event at hand has brought a change of hands already
	moved    bool        // it has to be counted
	stalled  bool        // the event at hand has found that an Active was held up for too long

	// What the Guard says; token is what a predecessor gave for the next claim.
	lease    lease
	former   former
	token    string
	renewing bool // in this round's renewals
	renewed  time.Time
	preempts bool // the claim is made though a holder is heard, which is worse

	// Handing over. parted says that the group has given up in order and that its
	// successor is to be told.
	heir     heir
	parted   bool
	pinned   bool   // it was handed over to this node by name
	pinNext  bool   // so it will be, if it becomes Active now
	pinnedTo string // whom it was handed over to by name last,
	// pinnedUntil is how long that one has to say that it has it.
	pinnedUntil time.Time
	vain        vain

	// The holder that nobody hears; see unheard.go.
	unheard  bool   // this node misses the holder's adverts
	filtered string // nobody hears this holder, though its interface works
	dead     string // nor does that, or empty
	asking   bool
	askedAt  time.Time

	// leaving says that the group is being stopped and goes away once its engines
	// are idle. Before it gives up, the Listener is told and waited for: for so
	// many answers, until patience.
	leaving  bool
	farewell int
	patience time.Time
}

// key is the unit's.
func (g *group) key() string { return g.id }

// newGroup builds the engines. start makes an owner's answers reach the loop and
// runs it; nil builds a group that is only looked at.
func newGroup(u unit, epoch time.Time, start func(*instance)) (*group, error) {
	g := &group{unit: u, id: u.key()}
	var engines []*vrrp.Engine
	for _, cfg := range u.routers {
		r := newRouter(cfg, g, epoch)
		for _, f := range cfg.families() {
			e, err := vrrp.New(engineConfig(cfg, f, epoch, cfg.Priority))
			if err != nil {
				return nil, fmt.Errorf("router %s: %w", cfg.Name, err)
			}
			i := &instance{router: r, member: len(engines), family: f, engine: e, slot: -1}
			engines = append(engines, e)
			r.instances = append(r.instances, i)
			g.members = append(g.members, i)
		}
		g.routers = append(g.routers, r)
	}
	g.engines = vrrp.NewGroup(engines...)
	if start != nil {
		for _, i := range g.members {
			start(i)
		}
	}
	return g, nil
}

// start gives a new group what is known already: its checks' results, and how
// long it listens first, counted from began if that is not zero.
func (l *loop) start(g *group, began time.Time, now time.Time) {
	g.damper.cfg = g.unit.routers[0].Damping
	if !began.IsZero() {
		g.resumes = l.resumable(g)
		l.listen(g, began.Add(g.unit.routers[0].Listen), now)
	}
	l.weigh(g, now)
}

// listen keeps the group out of the election until then.
func (l *loop) listen(g *group, until, now time.Time) {
	if until.After(now) {
		g.listen = until
		l.reviewBy(until)
	} else {
		g.listen = time.Time{}
	}
}

// reviewBy makes the loop look at its groups at that time, or before.
func (l *loop) reviewBy(at time.Time) {
	if l.reviewAt.IsZero() || at.Before(l.reviewAt) {
		l.reviewAt = at
	}
}

// review ends what has lasted long enough: listening after the start, damping,
// and the wait for a Listener.
func (l *loop) review(now time.Time) {
	l.reviewAt = time.Time{}
	for _, key := range l.keys() {
		g := l.groups[key]
		if ended(&g.listen, now) {
			l.weigh(g, now)
		}
		if ended(&g.damper.until, now) {
			l.undamp(g, now)
		}
		if ended(&g.patience, now) {
			l.giveUp(g, now)
		}
		if ended(&g.pinnedUntil, now) {
			l.stateChanged()
		}
		l.giveWay(g, now)
		l.restrain(g, now)
		l.recheck(g, now)
		for _, at := range []time.Time{g.listen, g.damper.until, g.patience, g.pinnedUntil} {
			if !at.IsZero() {
				l.reviewBy(at)
			}
		}
	}
}

// state is the least of the members' states.
func (g *group) state() vrrp.State {
	return slices.MinFunc(g.members, func(a, b *instance) int { return int(a.engine.State()) - int(b.engine.State()) }).engine.State()
}

// ended tells whether a time has come, once.
func ended(at *time.Time, now time.Time) bool {
	if at.IsZero() || now.Before(*at) {
		return false
	}
	*at = time.Time{}
	return true
}
