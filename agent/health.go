// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package agent

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"time"

	"github.com/vicar-ha/vicar/track"
	"github.com/vicar-ha/vicar/vrrp"
)

// watchChecks runs the Checker; an agent that knows nothing of its services any
// more stops.
func (l *loop) watchChecks(ctx context.Context, world Checker) {
	err := world.Watch(ctx, l.health.put)
	if ctx.Err() == nil {
		l.post(blind{fmt.Errorf("watching the checks: %w", err)})
	}
}

// checksChanged takes over what the Checker told, and weighs the groups that it
// concerns. A check that begins anew, after a reload, counts as it did before
// until it has a result.
func (l *loop) checksChanged(now time.Time, told [][]track.Result) {
	changed := make(map[string]bool)
	for _, r := range slices.Concat(told...) {
		if _, known := l.results[r.Check]; known && r.State == track.Undecided {
			continue
		}
		l.results[r.Check] = r
		changed[r.Check] = true
	}
	for _, key := range l.keys() {
		g := l.groups[key]
		if slices.ContainsFunc(g.tracks, func(t track.Track) bool { return changed[t.Check] }) {
			l.weigh(g, now)
		}
	}
}

// standing is how a track's check counts for the group. One without a result
// keeps a group from entering the election, but changes nothing for one that is
// in it: it was added by a reload.
func (l *loop) standing(g *group, t track.Track) track.State {
	s := l.results[t.Check].State
	if s == track.Undecided && g.admitted {
		return t.Neutral()
	}
	return s
}

// forgetResults forgets checks that nobody tracks any more: what they said is
// old when they come back.
func (l *loop) forgetResults(units []unit) {
	for name := range l.results {
		if !slices.ContainsFunc(units, func(u unit) bool { return u.tracksCheck(name) }) {
			delete(l.results, name)
		}
	}
}

// weigh gives a group's engines the priority that its checks make of it, and
// lets it into the election or keeps it out.
func (l *loop) weigh(g *group, now time.Time) {
	fresh := !g.admitted
	g.admitted = g.admitted || !slices.ContainsFunc(g.tracks, func(t track.Track) bool {
		return l.results[t.Check].State == track.Undecided
	})
	g.proven = g.proven || len(l.unproven(g)) == 0
	l.judge(g)
	l.restrain(g, now)
	was := g.blocked
	g.blocked = l.obstacle(g)
	for _, r := range g.routers {
		l.prioritise(r, now, fresh)
	}
	if g.blocked != was {
		for _, i := range g.members {
			l.admit(i, now)
		}
		for _, i := range g.members {
			if i.started {
				l.waits(i)
			}
		}
	}
	l.yield(g, now)
}

// unproven are the checks for which a group that has just started does not take
// over from another: they have never passed. Nobody knows what those in reverse
// should do.
func (l *loop) unproven(g *group) []string {
	var names []string
	for _, t := range g.tracks {
		if !g.proven && !t.Reverse && l.results[t.Check].State != track.Passing {
			names = append(names, t.Check)
		}
	}
	return names
}

// prioritise makes a router's effective priority the sum of its weights. That of
// a fresh group was none yet.
func (l *loop) prioritise(r *router, now time.Time, fresh bool) {
	from, to := r.instances[0].engine.Status().Priority, l.sum(r).Priority
	if from == to {
		return
	}
	for _, i := range r.instances {
		l.step(i, now, vrrp.SetPriority{Priority: to})
	}
	l.stateChanged()
	if fresh {
		return
	}
	l.log.Info("priority changed", slog.String("router", r.cfg.Name), slog.Int("from", int(from)), slog.Int("to", int(to)),
		slog.String("sum", l.explain(r)))
}

// sum weighs a router's tracks.
func (l *loop) sum(r *router) track.Sum {
	return track.Add(r.cfg.Priority, r.group.tracks, func(t track.Track) track.State { return l.standing(r.group, t) })
}

// explain is a router's sum, as in "150 base, -60 haproxy (failing)".
func (l *loop) explain(r *router) string {
	sum := l.sum(r)
	parts := []string{fmt.Sprintf("%d base", sum.Base)}
	for n, t := range r.group.tracks {
		if sum.Parts[n] != 0 {
			parts = append(parts, fmt.Sprintf("%+d %s (%s)", sum.Parts[n], t.Check, l.standing(r.group, t)))
		}
		if slices.Contains(sum.Yielding, n) {
			parts = append(parts, fmt.Sprintf("yields: %s (%s)", t.Check, l.standing(r.group, t)))
		}
	}
	return strings.Join(parts, ", ")
}

// obstacle is why a group's checks keep it out of the election, or empty.
func (l *loop) obstacle(g *group) string {
	if l.cfg.Drained {
		return "drained"
	}
	if g.dead != "" {
		return g.dead
	}
	if !g.listen.IsZero() {
		return fmt.Sprintf("listens for %v after the start", g.unit.routers[0].Listen)
	}
	if !g.admitted {
		var names []string
		for _, t := range g.tracks {
			if l.results[t.Check].State == track.Undecided {
				names = append(names, t.Check)
			}
		}
		return "waits for the first result of " + strings.Join(names, ", ")
	}
	return l.causes(g, track.Track.Blocks)
}

// causes says of each check that counts so how it stands.
func (l *loop) causes(g *group, counts func(track.Track, track.State) bool) string {
	var whys []string
	for _, t := range g.tracks {
		s := l.standing(g, t)
		switch {
		case !counts(t, s):
		case s == track.Passing: // reverse
			whys = append(whys, "check "+t.Check+" passes")
		case l.results[t.Check].Cause == "":
			whys = append(whys, "check "+t.Check+" fails")
		default:
			whys = append(whys, "check "+t.Check+" fails: "+l.results[t.Check].Cause)
		}
	}
	return strings.Join(whys, "; ")
}
