// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package agent

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"github.com/vicar-ha/vicar/vrrp"
)

// Move is a resource's way from one node to another. To is empty if nobody was
// seen to take it over.
type Move struct {
	Resource string
	From, To string
	Took     time.Duration // until its new holder was elected, as far as was seen
	// Held is when the new holder said that it has the addresses; 0 if it did not
	// within the time that it may well take, or without a peer link.
	Held time.Duration
	// Returns: From is the better one and takes it back (preempt).
	Returns bool
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
	// holder is whom it has come to, and elected after how long that was seen.
	holder  string
	elected time.Duration
	done    func(moved)
}

// movePatience is how long a move may take, besides three intervals.
const movePatience = 3 * time.Second

func (l *loop) await(g *group, now time.Time, from, to string, done func(moved)) {
	m := move{group: g, from: from, to: to, began: now, end: now.Add(3*g.shortest() + movePatience), done: done}
	l.moves = append(l.moves, m)
	l.reviewBy(m.end)
}

// checkMoves answers those whose resource's new holder has the addresses, or whose
// patience has ended.
func (l *loop) checkMoves(now time.Time) {
	waiting := l.moves[:0]
	for _, m := range l.moves {
		if result, over := l.look(&m, now); over {
			m.done(result)
			continue
		}
		waiting = append(waiting, m)
		l.reviewBy(m.end)
	}
	clear(l.moves[len(waiting):])
	l.moves = waiting
}

// look looks where a move has come to, and whether it is over.
func (l *loop) look(m *move, now time.Time) (result moved, over bool) {
	g, waited := m.group, now.Sub(m.began)
	holder := l.seen(*m, now)
	arrived := holder != "" && holder != m.from
	if arrived && holder != m.holder {
		m.holder, m.elected = holder, waited
		if end := now.Add(g.patient() + movePatience); end.After(m.end) {
			m.end = end
		}
	}
	result = moved{Move: Move{Resource: g.key(), From: m.from, Took: m.elected}}
	held, told := l.has(g, holder)
	switch {
	case arrived && m.to != "" && holder != m.to:
		result.To = holder
		result.err = fmt.Errorf("%w: %s went to %s and not to %s", ErrNotMoved, g.key(), holder, m.to)
	case arrived && (held || !told):
		if result.To = holder; told {
			result.Held = waited
		}
		result.Returns = l.returns(*m, now, holder)
	case m.holder != "" && !arrived && g.active() || !now.Before(m.end):
		result.Took = waited
		result.err = fmt.Errorf("%w: %s", ErrNotMoved, l.stayed(*m, now))
	default:
		return moved{}, false
	}
	return result, true
}

// has tells whether a group's holder has its addresses, and whether it tells that:
// without a peer link nobody does.
func (l *loop) has(g *group, holder string) (held, told bool) {
	if holder == l.cfg.Node {
		return g.held(), true
	}
	r, told := l.states(g)[holder]
	return r.State == vrrp.Active.String() && !r.Taking, told
}

// held tells whether all the group's addresses are on this node.
func (g *group) held() bool {
	return !slices.ContainsFunc(g.members, func(i *instance) bool { return !i.held })
}

// patient is how long the group's movers may well take.
func (g *group) patient() time.Duration {
	return slices.MaxFunc(g.unit.routers, func(a, b Router) int { return cmp.Compare(a.Moving, b.Moving) }).Moving
}

// stayed says how things are when patience has ended, or the former holder has it
// again.
func (l *loop) stayed(m move, now time.Time) string {
	waited := now.Sub(m.began).Round(time.Millisecond)
	here := m.group.active() || l.heardNode(m.group, now) == m.from
	if m.holder == "" {
		if here {
			return fmt.Sprintf("%s still holds %s after %v: its log says why", m.from, m.group.key(), waited)
		}
		return fmt.Sprintf("nobody was seen to take %s over from %s within %v", m.group.key(), m.from, waited)
	}
	text := fmt.Sprintf("%s was elected for %s after %v and has not told within %v that it has the addresses", m.holder, m.group.key(), m.elected.Round(time.Millisecond/10), waited)
	if here {
		text += fmt.Sprintf(", and %s is Active again", m.from)
	}
	return text + ": vicar status on " + m.holder + " says why"
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
	ready := m.from == l.cfg.Node && !l.cfg.Drained && !g.unready && g.state() != vrrp.Initialize || l.unready(g, now, m.from) == ""
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
