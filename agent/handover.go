// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package agent

import (
	"cmp"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/vicar-ha/vicar/vip"
	"github.com/vicar-ha/vicar/vrrp"
)

// heir is whom a group hands over to.
type heir struct {
	node  string // empty: the best
	pin   bool   // it stays there until that node fails
	force bool   // also if it is not ready
}

// states are how the other nodes stand to the group's resource.
func (l *loop) states(g *group) map[string]vip.ResourceState { return l.stands[g.key()] }

// handOn tells the successor of a group that has given up in order.
func (l *loop) handOn(g *group, now time.Time, token string) {
	h := g.heir
	g.heir = heir{}
	if l.cfg.Peers == nil || g.guarded() && token == "" {
		return
	}
	to := l.inherits(g, now, h)
	if to == "" {
		return
	}
	h.pin = h.pin && to == h.node
	if h.pin {
		g.pinnedTo, g.pinnedUntil = to, now.Add(pinGrace)
		l.reviewBy(g.pinnedUntil)
		l.restrain(g, now)
	}
	l.say(now, to, vip.PeerMessage{Kind: vip.Handover, Resource: g.key(), Token: token, Pin: h.pin})
}

// say sends a message to a node. What is lost is made up for by VRRP's timers.
func (l *loop) say(now time.Time, to string, m vip.PeerMessage) {
	if err := l.cfg.Peers.Send(to, m); err != nil {
		l.limit.log(now, func(more uint64) {
			l.log.Warn("cannot tell a node", slog.String("peer", to), slog.String("resource", m.Resource), slog.Any("err", err), slog.Uint64("more", more))
		})
	}
}

// askHandover asks the present holder, which is worse, to hand over.
func (l *loop) askHandover(g *group, now time.Time) {
	if l.cfg.Peers == nil {
		return
	}
	if holder := l.other(g, now); holder != "" {
		_ = l.cfg.Peers.Send(holder, vip.PeerMessage{ // the next claim repeats it
			Kind: vip.AskHandover, Resource: g.key(), Priority: g.members[0].engine.Status().Priority,
		})
	}
}

// other is the other node that holds the group's resource, as far as is known;
// or empty. What nodes say of themselves outlives them by seconds: where several
// say that they hold it, that one does whose adverts are heard, or who came last.
func (l *loop) other(g *group, now time.Time) string {
	heard := l.heardNode(g, now)
	says, term := "", uint64(0)
	for _, node := range l.nodes() {
		r := l.states(g)[node]
		switch {
		case r.State != vrrp.Active.String():
		case node == heard:
			return node
		case says == "" || r.Term > term:
			says, term = node, r.Term
		}
	}
	return cmp.Or(says, heard)
}

// heardNode is the node whose adverts the group hears, if its name is known.
func (l *loop) heardNode(g *group, now time.Time) string {
	for _, i := range g.members {
		st := i.engine.Status()
		name := l.cfg.Names[st.Active]
		if name != "" && st.ActivePriority != 0 && now.Sub(i.heard) <= 3*max(st.Interval, g.shortest()) {
			return name
		}
	}
	return ""
}

// The errors of Handover and Drain.
var (
	// ErrUnknownRouter: there is no such router or sync group.
	ErrUnknownRouter = errors.New("no such router")
	// ErrNotMoved: the addresses did not go where they should.
	ErrNotMoved = errors.New("not handed over")
	// ErrNoSuccessor: no other node is ready for what is to be given up.
	ErrNoSuccessor = errors.New("no other node is ready to take over")
)

// handOver makes a group give up in favour of a node, or of the best.
func (l *loop) handOver(g *group, now time.Time, h heir, reason string) {
	g.heir = h
	l.step(g.members[0], now, vrrp.Leave{Reason: reason})
}

// hear takes what another node's agent says.
func (l *loop) hear(now time.Time, m vip.PeerMessage) {
	g := l.groups[m.Resource]
	if g == nil || g.leaving {
		return
	}
	switch m.Kind {
	case vip.AskHandover:
		l.asked(g, now, m)
	case vip.OrderHandover:
		l.ordered(g, now, m)
	case vip.Handover:
		l.succeed(g, now, m)
	}
}

// asked hands over to a node that is better, unless it shall stay here. One that
// was cut off may ask before it has told how it stands: if what was told last lets
// it take nothing over, the addresses would go to the next best, whom it asks, too.
func (l *loop) asked(g *group, now time.Time, m vip.PeerMessage) {
	if !g.active() || g.pinned || m.Priority <= g.members[0].engine.Status().Priority || l.successor(g, now, m.From) == "" {
		return
	}
	if now.Before(g.vain.until) {
		return
	}
	g.vain.gave, g.vain.to = now, m.From
	l.handOver(g, now, heir{node: m.From}, fmt.Sprintf("hands over to %s (priority %d)", m.From, m.Priority))
}

// ordered does what somebody at another node wants of this one.
func (l *loop) ordered(g *group, now time.Time, m vip.PeerMessage) {
	switch {
	case m.Auto:
		l.unpin(g, now)
	case g.active() && m.To != l.cfg.Node:
		if why := l.stays(g, now, Order{To: m.To, Force: m.Force}); why != "" {
			l.log.Warn("it was asked for to hand over, and stays", slog.String("resource", g.key()), slog.String("reason", why), slog.String("from", m.From))
			return
		}
		l.handOver(g, now, heir{node: m.To, pin: m.Pin, force: m.Force}, "hands over, as was asked for at "+m.From)
	case g.active():
		g.pinned = m.Pin
		l.stateChanged()
	}
}

// succeed takes over from a node that has given up in this one's favour. Without
// a guard a message that comes late does not count: another is heard by then.
func (l *loop) succeed(g *group, now time.Time, m vip.PeerMessage) {
	if heard := l.heardNode(g, now); !g.guarded() && heard != "" && heard != m.From {
		return
	}
	g.token, g.pinNext = m.Token, m.Pin
	l.step(g.members[0], now, vrrp.Succeed{Reason: m.From + " hands over"})
}

// active tells whether the group's members are.
func (g *group) active() bool { return g.members[0].engine.State() == vrrp.Active }

// turned notes that a group has become Active, or is no longer.
func (l *loop) turned(g *group, now time.Time, to vrrp.State) {
	g.pinned = to == vrrp.Active && g.pinNext
	g.pinNext = false
	if to == vrrp.Active {
		if g.yields != "" {
			l.reviewBy(now)
		}
		g.pinnedTo, g.pinnedUntil = "", time.Time{}
		if g.vain.back(now) {
			l.log.Warn("handed over in vain; nobody who is better is given way for a while",
				slog.String("resource", g.key()), slog.String("peer", g.vain.to), slog.Duration("hold", g.vain.until.Sub(now)))
		}
	}
	l.stateChanged()
}

// unpin lets better nodes have the resource again.
func (l *loop) unpin(g *group, now time.Time) {
	g.pinned, g.pinnedTo, g.pinnedUntil = false, "", time.Time{}
	l.restrain(g, now)
	l.stateChanged()
}

// pinGrace is how long a node that was handed a resource may take to say that it
// has it.
const pinGrace = 5 * time.Second

// pins tells whether this node wants better ones to keep off: it was given the
// resource by name, or is just giving it to another so.
func (g *group) pins() bool { return g.pinned || g.heir.pin || !g.pinnedUntil.IsZero() }

// pinnedElsewhere tells whether another node shall keep the resource. It says so
// while it holds it; who hands it on says so until the new holder does.
func (l *loop) pinnedElsewhere(g *group) bool {
	for _, r := range l.states(g) {
		if r.Pinned {
			return true
		}
	}
	return !g.pinnedUntil.IsZero()
}
