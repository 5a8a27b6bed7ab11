// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package agent

import (
	"fmt"
	"log/slog"
	"time"

	"github.com/vicar-ha/vicar/track"
)

// A group yields while a check says so (track.Track.Yield): its machine is about to
// end, say. It has the lowest priority then, and as Active hands over to any other
// node that is ready, whatever preemption and pins say. While there is none it holds
// on: an address that moves a moment later is better than one that nobody has.

// yield notes whether the group yields from now on, and gives way.
func (l *loop) yield(g *group, now time.Time) {
	was := g.yields
	g.yields = ""
	if g.admitted && len(l.sum(g.routers[0]).Yielding) > 0 {
		g.yields = l.causes(g, track.Track.Yields)
	}
	if (g.yields == "") != (was == "") {
		l.stateChanged()
		if g.yields == "" {
			l.log.Info("yields no longer", slog.String("resource", g.key()))
		} else {
			l.log.Warn("yields to any other node that is ready", slog.String("resource", g.key()), slog.String("reason", g.yields))
		}
	}
	if l.cfg.Peers == nil && g.yields != "" && was == "" && g.active() {
		l.handOver(g, now, heir{}, "yields: "+g.yields) // once, for nobody tells who is ready
	}
	l.giveWay(g, now)
}

// giveWay hands a group that yields over to another node that is ready, if there is
// one and the group is Active.
func (l *loop) giveWay(g *group, now time.Time) {
	if g.yields == "" || g.leaving || !g.active() {
		g.keeps = false
		return
	}
	if now.Before(g.vain.until) {
		l.reviewBy(g.vain.until)
	} else if to := l.taker(g, now); to != "" {
		g.keeps = false
		g.vain.gave, g.vain.to = now, to
		l.handOver(g, now, heir{node: to}, fmt.Sprintf("yields to %s: %s", to, g.yields))
		return
	}
	if !g.keeps {
		g.keeps = true
		l.log.Warn("it yields, and holds on all the same", slog.String("resource", g.key()), slog.String("reason", l.keeps(g, now)))
	}
}

// taker is the best of the other nodes that are ready to take over from a group that
// yields: one that is better, or two that yield would hand over to each other.
func (l *loop) taker(g *group, now time.Time) string {
	to := l.successor(g, now, "")
	if r := l.states(g)[to]; r.Yields || r.Priority <= g.members[0].engine.Status().Priority {
		return ""
	}
	return to
}

// returner is the best of the other nodes, if that yields and would hand the group
// back at once; else empty.
func (l *loop) returner(g *group, now time.Time) string {
	if to := l.successor(g, now, ""); g.yields == "" && l.states(g)[to].Yields {
		return to
	}
	return ""
}

// keeps is why a group that yields holds on, or empty if it does not.
func (l *loop) keeps(g *group, now time.Time) string {
	switch {
	case !g.keeps:
		return ""
	case l.cfg.Peers == nil:
		return "nobody has taken it over, and without a peer_link nobody tells that it is ready to"
	case now.Before(g.vain.until):
		return fmt.Sprintf("%s did not take it over, and nobody is tried for %v", g.vain.to, g.vain.until.Sub(now).Round(time.Second))
	default:
		return "no other node is ready to take it over: " + l.noSuccessor(g, now)
	}
}
