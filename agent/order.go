// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package agent

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/vicar-ha/vicar/vip"
	"github.com/vicar-ha/vicar/vrrp"
)

// Order is what somebody wants of a router, or of a sync group.
type Order struct {
	Router string
	// To is the node that is to hold it, and to keep it until that fails; empty is the
	// best other one.
	To string
	// Force: also to a node that says that it is not ready.
	Force bool
	Auto  bool // end such a stay, instead
}

// Handover carries the order out. It may be asked on any node, and returns when
// the new holder has the addresses, as far as that is told. The error is
// ErrUnknownRouter, ErrNotMoved or of ctx.
func (a *Agent) Handover(ctx context.Context, o Order) (Move, error) {
	answer := make(chan moved, 1)
	if err := a.ask(ctx, handoverAsked{o, answer}); err != nil {
		return Move{}, fmt.Errorf("asking for a handover: %w", err)
	}
	m, err := wait(ctx, a, answer)
	return m.Move, errors.Join(m.err, err)
}

type handoverAsked struct {
	Order
	answer chan<- moved
}

// find is the group with that router or of that name.
func (l *loop) find(name string) *group {
	if r := l.routers[name]; r != nil {
		return r.group
	}
	return l.groups["sync group "+name]
}

func (m handoverAsked) handle(l *loop, now time.Time) {
	done := func(r moved) { m.answer <- r }
	g := l.find(m.Router)
	if g == nil {
		done(moved{err: fmt.Errorf("%w: %s", ErrUnknownRouter, m.Router)})
		return
	}
	holder := l.cfg.Node
	if !g.active() {
		holder = l.other(g, now)
	}
	if m.Auto {
		l.unpin(g, now)
		if holder != "" && holder != l.cfg.Node && l.cfg.Peers != nil {
			l.say(now, holder, vip.PeerMessage{Kind: vip.OrderHandover, Resource: g.key(), Auto: true})
		}
		done(moved{Move: Move{Resource: g.key(), From: holder, To: holder}})
		return
	}
	if why := l.unmovable(g, now, holder, m.Order); why != "" {
		if forced := (Order{Router: m.Router, To: m.To, Force: true}); l.unmovable(g, now, holder, forced) == "" {
			why += "; vicar handover --force does it all the same"
		}
		done(moved{Move: Move{Resource: g.key(), From: holder}, err: fmt.Errorf("%w: %s", ErrNotMoved, why)})
		return
	}
	order := vip.PeerMessage{From: l.cfg.Node, Kind: vip.OrderHandover, Resource: g.key(), To: m.To, Pin: m.To != "", Force: m.Force}
	if holder == m.To {
		done(moved{Move: Move{Resource: g.key(), From: holder, To: holder}})
	} else {
		l.await(g, now, holder, m.To, done)
	}
	if holder == l.cfg.Node {
		l.ordered(g, now, order)
		return
	}
	l.say(now, holder, order)
}

// unmovable is why a resource can't be handed over by holder as is wanted.
func (l *loop) unmovable(g *group, now time.Time, holder string, o Order) string {
	to, here := o.To, l.cfg.Node
	switch {
	case holder == "":
		return "nobody is known to hold " + g.key()
	case l.cfg.Peers == nil && (to != "" || holder != here):
		return "the nodes have no peer_link to agree on it: use vicar handover without --to on " + holder
	case to == holder:
		return ""
	case holder == here:
		return l.stays(g, now, o)
	case to == here:
		return l.unfit(g, o)
	case to != "":
		return l.unable(g, now, o)
	case g.unready && !o.Force && l.successor(g, now, "") == "":
		others := append([]string{here + ": " + g.notReady()}, l.others(g, now, holder)...)
		return fmt.Sprintf("no other node is ready to take %s over: %s", g.key(), strings.Join(others, "; "))
	default:
		return "" // the holder knows
	}
}

// unfit is why this node can't have the group handed over to it, or empty.
func (l *loop) unfit(g *group, o Order) string {
	switch {
	case g.state() != vrrp.Backup:
		return fmt.Sprintf("%s can't take part: %s", o.To, g.members[0].engine.Status().Reason)
	case g.unready && !o.Force:
		return fmt.Sprintf("%s can't take it over: %s", o.To, g.notReady())
	case g.yields != "":
		return fmt.Sprintf("%s would hand it on at once: it yields, since %s", o.To, g.yields)
	default:
		return ""
	}
}

// unable is why another node can't have the group handed over to it, or empty.
func (l *loop) unable(g *group, now time.Time, o Order) string {
	not, s := l.unready, l.states(g)[o.To]
	if o.Force {
		not = l.absent
	}
	why := not(g, now, o.To)
	switch {
	case why != "":
		return fmt.Sprintf("%s can't take it over: %s", o.To, why)
	case s.Yields:
		return o.To + " would hand it on at once: it yields"
	case s.State != vrrp.Backup.String():
		return fmt.Sprintf("%s can't take it over: %s is in state %s there", o.To, g.key(), cmp.Or(s.State, "unknown"))
	default:
		return ""
	}
}

// stays is why this node, which holds the group, does not hand it over as is
// wanted, or empty.
func (l *loop) stays(g *group, now time.Time, o Order) string {
	switch {
	case o.To != "":
		return l.unable(g, now, o)
	case l.nobody(g, now, o.Force):
		return fmt.Sprintf("no other node is ready to take %s over: %s", g.key(), l.noSuccessor(g, now))
	case l.returner(g, now) != "":
		return l.returner(g, now) + " would hand it back at once: it yields"
	default:
		return ""
	}
}
