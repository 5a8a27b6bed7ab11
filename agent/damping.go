// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package agent

import (
	"log/slog"
	"slices"
	"time"

	"github.com/vicar-ha/vicar/vrrp"
)

// damper counts how often a group changed hands on this node, and says when
// that is too often.
type damper struct {
	cfg   Damping
	moves []time.Time // within cfg.Within, the oldest first
	until time.Time   // the group is damped; zero: it is not
}

// moved notes a change of hands and tells whether that was one too many.
func (d *damper) moved(now time.Time) bool {
	if d.cfg.Moves == 0 {
		return false
	}
	d.moves = append(d.moves, now)
	return d.count(now) >= d.cfg.Moves
}

// count forgets the moves that are too old and counts the others.
func (d *damper) count(now time.Time) int {
	d.moves = slices.DeleteFunc(d.moves, func(at time.Time) bool { return now.Sub(at) > d.cfg.Within })
	return len(d.moves)
}

// countMove damps the group if it has changed hands too often.
func (l *loop) countMove(g *group, now time.Time) {
	if g.leaving || !g.damper.moved(now) {
		return
	}
	fresh := g.damper.until.IsZero()
	g.damper.until = now.Add(g.damper.cfg.Hold)
	l.reviewBy(g.damper.until)
	if !fresh {
		return
	}
	l.restrain(g, now)
	for _, r := range g.routers {
		l.log.Warn("router damped: it changed hands too often, and takes over from no other for a while", slog.String("router", r.cfg.Name),
			slog.Int("moves", len(g.damper.moves)), slog.Duration("within", g.damper.cfg.Within), slog.Duration("hold", g.damper.cfg.Hold))
	}
}

// undamp ends the damping of a group.
func (l *loop) undamp(g *group, now time.Time) {
	g.damper.until = time.Time{}
	l.restrain(g, now)
	for _, r := range g.routers {
		l.log.Info("router no longer damped", slog.String("router", r.cfg.Name))
	}
}

// restrain tells a group's engines whether they may take over from another that
// is worse.
func (l *loop) restrain(g *group, now time.Time) {
	on := !g.damper.until.IsZero() || !g.proven || g.unready || l.pinnedElsewhere(g)
	damp := vrrp.Dampen{On: on, Wholly: g.unready}
	if damp == g.dampened {
		return
	}
	g.dampened = damp
	for _, i := range g.members {
		l.step(i, now, damp)
	}
}
