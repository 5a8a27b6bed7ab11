// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package agent

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/vicar-ha/vicar/track"
	"github.com/vicar-ha/vicar/vip"
	"github.com/vicar-ha/vicar/vrrp"
)

// A node is ready for a group if it takes part in its election, answers, and does
// not say that it could not take the group over where the addresses move
// (Router.Readiness). What can be helped goes to nobody else: a holder that is
// asked to, or that yields, stays, and one that is better and not ready does not
// preempt. Who must give up all the same (it stops, a check is a fault, somebody
// forces it) gives it to the best that is ready, and where nobody is to the best
// that takes part: that one tries at once what it would try by VRRP's timers.

// successor is the node that a group hands over to: the named one, or the best
// that is ready; empty if there is none.
func (l *loop) successor(g *group, now time.Time, named string) string {
	return l.best(g, now, named, l.unready)
}

// inherits is the node that is to have what a group has given up, if there is any.
func (l *loop) inherits(g *group, now time.Time, h heir) string {
	if h.force {
		if to := l.best(g, now, h.node, l.absent); to != "" && h.node != "" {
			return to
		}
	}
	return cmp.Or(l.successor(g, now, h.node), l.successor(g, now, ""), l.best(g, now, "", l.absent))
}

// best is the named node, or the best, of those that are Backup and for which not
// says nothing.
func (l *loop) best(g *group, now time.Time, named string, not func(*group, time.Time, string) string) string {
	best, priority := "", uint8(0)
	for node, r := range l.states(g) {
		if named != "" && node != named || r.State != vrrp.Backup.String() || not(g, now, node) != "" {
			continue
		}
		if best == "" || cmp.Or(cmp.Compare(r.Priority, priority), cmp.Compare(node, best)) > 0 {
			best, priority = node, r.Priority
		}
	}
	return best
}

// unready is why a node can't take the group over, or empty.
func (l *loop) unready(g *group, now time.Time, node string) string {
	if why := l.absent(g, now, node); why != "" {
		return why
	}
	if l.states(g)[node].Unready {
		return g.notReady()
	}
	return ""
}

// absent is why a node can't take part in the group's election, or empty.
func (l *loop) absent(g *group, now time.Time, node string) string {
	n := slices.IndexFunc(l.peers, func(s vip.NodeState) bool { return s.Node == node })
	switch {
	case n < 0:
		return "it is not there"
	case l.peers[n].Witness:
		return "it is a witness"
	case l.peers[n].Drained:
		return "it is drained"
	case g.deaf(now, l.cfg.Guard, node):
		return "it does not answer"
	default:
		return ""
	}
}

// deaf tells whether a node doesn't answer a holder, which has asked it with each
// renewal. What it says of itself outlives it by seconds.
func (g *group) deaf(now time.Time, guard Guard, node string) bool {
	const least = 200 * time.Millisecond
	patience := max(2*g.shortest(), least)
	if g.renewed.IsZero() || now.Sub(g.renewed) > patience {
		return false // it has not been asked
	}
	return now.Sub(guard.Answered(node)) > patience
}

// nobody tells whether a holder would give the group up for nobody: those that take
// part say that they are not ready, or, under a guard, there are none.
func (l *loop) nobody(g *group, now time.Time, force bool) bool {
	switch {
	case l.successor(g, now, "") != "":
		return false
	case l.best(g, now, "", l.absent) != "":
		return !force
	default:
		return g.guarded()
	}
}

// judge notes whether this node could take the group over where its addresses move.
func (l *loop) judge(g *group) {
	was := g.unready
	g.unready = slices.ContainsFunc(g.routers, func(r *router) bool {
		return r.cfg.Readiness != "" && l.results[r.cfg.Readiness].State == track.Failing
	})
	if g.unready != was {
		l.stateChanged()
	}
}

// notReady says that a node is not ready for the group. All have the same checks
// for that.
func (g *group) notReady() string {
	var names []string
	for _, r := range g.routers {
		if r.cfg.Readiness != "" {
			names = append(names, r.cfg.Readiness)
		}
	}
	if len(names) == 1 {
		return fmt.Sprintf("it is not ready (its check %s fails)", names[0])
	}
	return fmt.Sprintf("it is not ready (of its checks %s one fails)", strings.Join(names, ", "))
}
