// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package agent

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/vicar-ha/vicar/vip"
	"github.com/vicar-ha/vicar/vrrp"
)

// Move is a resource's way from one node to another. To is empty if nobody was
// seen to take it over.
type Move struct {
	Resource string
	From, To string
	Took     time.Duration // until its new holder was seen
	// Returns: From is the better one and takes it back (preempt).
	Returns bool
}

// Handover moves a router, or a sync group, to the named node, where it stays
// until that fails, or to the best other one if to is empty; auto ends such a
// stay instead. It may be asked on any node, and returns when the new holder is
// seen. The error is ErrUnknownRouter, ErrNotMoved or of ctx.
func (a *Agent) Handover(ctx context.Context, router, to string, auto bool) (Move, error) {
	answer := make(chan moved, 1)
	if err := a.ask(ctx, handoverAsked{router, to, auto, answer}); err != nil {
		return Move{}, fmt.Errorf("asking for a handover: %w", err)
	}
	m, err := wait(ctx, a, answer)
	return m.Move, errors.Join(m.err, err)
}

type handoverAsked struct {
	router, to string
	auto       bool
	answer     chan<- moved
}

// moved is how a move went.
type moved struct {
	Move
	err error
}

// move is somebody who waits for a resource's new holder.
type move struct {
	group    *group
	from, to string // to is empty for any
	began    time.Time
	end      time.Time // of patience
	done     func(moved)
}

// movePatience is how long a move may take, besides three intervals.
const movePatience = 3 * time.Second

func (l *loop) await(g *group, now time.Time, from, to string, done func(moved)) {
	l.moves = append(l.moves, move{g, from, to, now, now.Add(3*g.shortest() + movePatience), done})
	l.reviewBy(l.moves[len(l.moves)-1].end)
}

// checkMoves answers those whose resource has its new holder, or whose patience
// has ended.
func (l *loop) checkMoves(now time.Time) {
	l.moves = slices.DeleteFunc(l.moves, func(m move) bool {
		result := moved{Move: Move{Resource: m.group.key(), From: m.from, Took: now.Sub(m.began)}}
		switch holder := l.seen(m, now); {
		case holder != "" && holder != m.from:
			result.To = holder
			result.Returns = l.returns(m, now, holder)
			if m.to != "" && holder != m.to {
				result.err = fmt.Errorf("%w: %s went to %s and not to %s", ErrNotMoved, result.Resource, holder, m.to)
			}
		case now.Before(m.end):
			return false
		default:
			result.err = fmt.Errorf("%w: %s", ErrNotMoved, l.stayed(m, now))
		}
		m.done(result)
		return true
	})
	for _, m := range l.moves {
		l.reviewBy(m.end)
	}
}

// stayed says how things are when patience has ended.
func (l *loop) stayed(m move, now time.Time) string {
	waited := now.Sub(m.began).Round(time.Millisecond)
	if m.group.active() || l.heardNode(m.group, now) == m.from {
		return fmt.Sprintf("%s still holds %s after %v: its log says why", m.from, m.group.key(), waited)
	}
	return fmt.Sprintf("nobody was seen to take %s over from %s within %v", m.group.key(), m.from, waited)
}

// returns tells whether the former holder of a resource takes it back from the new
// one by itself.
func (l *loop) returns(m move, now time.Time, to string) bool {
	g := m.group
	priority := func(node string) uint8 {
		if r, ok := l.states(g)[node]; ok {
			return r.Priority
		}
		st := g.members[0].engine.Status()
		if node == l.cfg.Node {
			return st.Priority
		}
		return st.ActivePriority // without a peer link: of whom it hears
	}
	ready := m.from == l.cfg.Node && !l.cfg.Drained && g.state() != vrrp.Initialize || l.unready(g, now, m.from) == ""
	return m.to == "" && g.unit.routers[0].Preempt && ready && priority(m.from) > priority(to)
}

// seen is the holder of a resource that is moved, as far as is known since then.
func (l *loop) seen(m move, now time.Time) string {
	if m.group.active() {
		return l.cfg.Node
	}
	for _, i := range m.group.members {
		if st := i.engine.Status(); i.heard.After(m.began) && st.ActivePriority != 0 {
			if name := l.cfg.Names[st.Active]; name != m.from {
				return name
			}
		}
	}
	return cmp.Or(l.other(m.group, now), m.from)
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
	g := l.find(m.router)
	if g == nil {
		done(moved{err: fmt.Errorf("%w: %s", ErrUnknownRouter, m.router)})
		return
	}
	holder := l.cfg.Node
	if !g.active() {
		holder = l.other(g, now)
	}
	if m.auto {
		l.unpin(g, now)
		if holder != "" && holder != l.cfg.Node && l.cfg.Peers != nil {
			l.say(now, holder, vip.PeerMessage{Kind: vip.OrderHandover, Resource: g.key(), Auto: true})
		}
		done(moved{Move: Move{Resource: g.key(), From: holder, To: holder}})
		return
	}
	if why := l.unmovable(g, now, holder, m.to); why != "" {
		done(moved{Move: Move{Resource: g.key(), From: holder}, err: fmt.Errorf("%w: %s", ErrNotMoved, why)})
		return
	}
	order := vip.PeerMessage{From: l.cfg.Node, Kind: vip.OrderHandover, Resource: g.key(), To: m.to, Pin: m.to != ""}
	if holder == m.to {
		done(moved{Move: Move{Resource: g.key(), From: holder, To: holder}})
	} else {
		l.await(g, now, holder, m.to, done)
	}
	if holder == l.cfg.Node {
		l.ordered(g, now, order)
		return
	}
	l.say(now, holder, order)
}

// unmovable is why a resource can't be handed over by holder to a node, or to
// any if that is empty.
func (l *loop) unmovable(g *group, now time.Time, holder, to string) string {
	switch {
	case holder == "":
		return "nobody is known to hold " + g.key()
	case l.cfg.Peers == nil && (to != "" || holder != l.cfg.Node):
		return "the nodes have no peer_link to agree on it: use vicar handover without --to on " + holder
	case to == l.cfg.Node && holder != to && g.state() != vrrp.Backup:
		return fmt.Sprintf("%s can't take part: %s", to, g.members[0].engine.Status().Reason)
	case to == "" && holder == l.cfg.Node && g.guarded() && l.successor(g, now, "") == "":
		return "no other node is ready to take " + g.key() + " over"
	case to == l.cfg.Node && holder != to && g.yields != "":
		return fmt.Sprintf("%s would hand it on at once: it yields, since %s", to, g.yields)
	case to == "" && holder == l.cfg.Node && l.returner(g, now) != "":
		return l.returner(g, now) + " would hand it back at once: it yields"
	case to == "" || to == l.cfg.Node || to == holder:
		return ""
	}
	if why := l.unready(g, now, to); why != "" {
		return fmt.Sprintf("%s can't take it over: %s", to, why)
	}
	if l.states(g)[to].Yields {
		return to + " would hand it on at once: it yields"
	}
	if s := l.states(g)[to].State; s != vrrp.Backup.String() {
		return fmt.Sprintf("%s can't take it over: %s is in state %s there", to, g.key(), cmp.Or(s, "unknown"))
	}
	return ""
}
